; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
; Floats of 16 bits: conversions of everything, and arithmetic.
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()

define internal i64 @index() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = mul i32 %ctaid, 256
  %thread = add i32 %start, %tid
  %i = zext nneg i32 %thread to i64
  ret i64 %i
}

declare bfloat @llvm.fma.bf16(bfloat, bfloat, bfloat)
declare bfloat @llvm.fabs.bf16(bfloat)
declare bfloat @llvm.maxnum.bf16(bfloat, bfloat)
declare bfloat @llvm.sqrt.bf16(bfloat)

define ptx_kernel void @bf16_from_f32(ptr %x, ptr %y) {
  %i = call i64 @index()
  %p = getelementptr float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %n = fptrunc float %v to bfloat
  %q = getelementptr bfloat, ptr %y, i64 %i
  store bfloat %n, ptr %q, align 2
  ret void
}

define ptx_kernel void @bf16_to_f32(ptr %x, ptr %y) {
  %i = call i64 @index()
  %p = getelementptr bfloat, ptr %x, i64 %i
  %v = load bfloat, ptr %p, align 2
  %w = fpext bfloat %v to float
  %q = getelementptr float, ptr %y, i64 %i
  store float %w, ptr %q, align 4
  ret void
}

; a + b, a - b, a * b, a / b, fma(a, b, c), and a * b + c with two roundings
define ptx_kernel void @bf16_arithmetic(ptr %a, ptr %b, ptr %c, ptr %y) {
  %i = call i64 @index()
  %pa = getelementptr bfloat, ptr %a, i64 %i
  %pb = getelementptr bfloat, ptr %b, i64 %i
  %pc = getelementptr bfloat, ptr %c, i64 %i
  %va = load bfloat, ptr %pa, align 2
  %vb = load bfloat, ptr %pb, align 2
  %vc = load bfloat, ptr %pc, align 2
  %sum = fadd bfloat %va, %vb
  %difference = fsub bfloat %va, %vb
  %product = fmul bfloat %va, %vb
  %quotient = fdiv bfloat %va, %vb
  %fused = tail call bfloat @llvm.fma.bf16(bfloat %va, bfloat %vb, bfloat %vc)
  %twice = fadd bfloat %product, %vc
  %magnitude = tail call bfloat @llvm.fabs.bf16(bfloat %va)
  %root = tail call bfloat @llvm.sqrt.bf16(bfloat %magnitude)
  %v0 = insertelement <8 x bfloat> poison, bfloat %sum, i64 0
  %v1 = insertelement <8 x bfloat> %v0, bfloat %difference, i64 1
  %v2 = insertelement <8 x bfloat> %v1, bfloat %product, i64 2
  %v3 = insertelement <8 x bfloat> %v2, bfloat %quotient, i64 3
  %v4 = insertelement <8 x bfloat> %v3, bfloat %fused, i64 4
  %v5 = insertelement <8 x bfloat> %v4, bfloat %twice, i64 5
  %v6 = insertelement <8 x bfloat> %v5, bfloat %root, i64 6
  %v7 = insertelement <8 x bfloat> %v6, bfloat %magnitude, i64 7
  %q = getelementptr <8 x bfloat>, ptr %y, i64 %i
  store <8 x bfloat> %v7, ptr %q, align 16
  ret void
}

; Eight at once: -(max(a, b) < c ? a : float(int(b)) + 1)
define ptx_kernel void @bf16_vectors(ptr %a, ptr %b, ptr %c, ptr %y) {
  %i = call i64 @index()
  %pa = getelementptr <8 x bfloat>, ptr %a, i64 %i
  %pb = getelementptr <8 x bfloat>, ptr %b, i64 %i
  %pc = getelementptr <8 x bfloat>, ptr %c, i64 %i
  %va = load <8 x bfloat>, ptr %pa, align 16
  %vb = load <8 x bfloat>, ptr %pb, align 16
  %vc = load <8 x bfloat>, ptr %pc, align 16
  %larger = fcmp ogt <8 x bfloat> %va, %vb
  %max = select <8 x i1> %larger, <8 x bfloat> %va, <8 x bfloat> %vb
  %less = fcmp olt <8 x bfloat> %max, %vc
  %int = fptosi <8 x bfloat> %vb to <8 x i32>
  %back = sitofp <8 x i32> %int to <8 x bfloat>
  %next = fadd <8 x bfloat> %back, splat (bfloat 1.0)
  %chosen = select <8 x i1> %less, <8 x bfloat> %va, <8 x bfloat> %next
  %negative = fneg <8 x bfloat> %chosen
  %q = getelementptr <8 x bfloat>, ptr %y, i64 %i
  store <8 x bfloat> %negative, ptr %q, align 16
  ret void
}

declare half @llvm.fma.f16(half, half, half)
declare half @llvm.fabs.f16(half)
declare half @llvm.maxnum.f16(half, half)
declare half @llvm.sqrt.f16(half)

define ptx_kernel void @f16_from_f32(ptr %x, ptr %y) {
  %i = call i64 @index()
  %p = getelementptr float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %n = fptrunc float %v to half
  %q = getelementptr half, ptr %y, i64 %i
  store half %n, ptr %q, align 2
  ret void
}

define ptx_kernel void @f16_to_f32(ptr %x, ptr %y) {
  %i = call i64 @index()
  %p = getelementptr half, ptr %x, i64 %i
  %v = load half, ptr %p, align 2
  %w = fpext half %v to float
  %q = getelementptr float, ptr %y, i64 %i
  store float %w, ptr %q, align 4
  ret void
}

; a + b, a - b, a * b, a / b, fma(a, b, c), and a * b + c with two roundings
define ptx_kernel void @f16_arithmetic(ptr %a, ptr %b, ptr %c, ptr %y) {
  %i = call i64 @index()
  %pa = getelementptr half, ptr %a, i64 %i
  %pb = getelementptr half, ptr %b, i64 %i
  %pc = getelementptr half, ptr %c, i64 %i
  %va = load half, ptr %pa, align 2
  %vb = load half, ptr %pb, align 2
  %vc = load half, ptr %pc, align 2
  %sum = fadd half %va, %vb
  %difference = fsub half %va, %vb
  %product = fmul half %va, %vb
  %quotient = fdiv half %va, %vb
  %fused = tail call half @llvm.fma.f16(half %va, half %vb, half %vc)
  %twice = fadd half %product, %vc
  %magnitude = tail call half @llvm.fabs.f16(half %va)
  %root = tail call half @llvm.sqrt.f16(half %magnitude)
  %v0 = insertelement <8 x half> poison, half %sum, i64 0
  %v1 = insertelement <8 x half> %v0, half %difference, i64 1
  %v2 = insertelement <8 x half> %v1, half %product, i64 2
  %v3 = insertelement <8 x half> %v2, half %quotient, i64 3
  %v4 = insertelement <8 x half> %v3, half %fused, i64 4
  %v5 = insertelement <8 x half> %v4, half %twice, i64 5
  %v6 = insertelement <8 x half> %v5, half %root, i64 6
  %v7 = insertelement <8 x half> %v6, half %magnitude, i64 7
  %q = getelementptr <8 x half>, ptr %y, i64 %i
  store <8 x half> %v7, ptr %q, align 16
  ret void
}

; Eight at once: -(max(a, b) < c ? a : float(int(b)) + 1)
define ptx_kernel void @f16_vectors(ptr %a, ptr %b, ptr %c, ptr %y) {
  %i = call i64 @index()
  %pa = getelementptr <8 x half>, ptr %a, i64 %i
  %pb = getelementptr <8 x half>, ptr %b, i64 %i
  %pc = getelementptr <8 x half>, ptr %c, i64 %i
  %va = load <8 x half>, ptr %pa, align 16
  %vb = load <8 x half>, ptr %pb, align 16
  %vc = load <8 x half>, ptr %pc, align 16
  %larger = fcmp ogt <8 x half> %va, %vb
  %max = select <8 x i1> %larger, <8 x half> %va, <8 x half> %vb
  %less = fcmp olt <8 x half> %max, %vc
  %int = fptosi <8 x half> %vb to <8 x i32>
  %back = sitofp <8 x i32> %int to <8 x half>
  %next = fadd <8 x half> %back, splat (half 1.0)
  %chosen = select <8 x i1> %less, <8 x half> %va, <8 x half> %next
  %negative = fneg <8 x half> %chosen
  %q = getelementptr <8 x half>, ptr %y, i64 %i
  store <8 x half> %negative, ptr %q, align 16
  ret void
}

