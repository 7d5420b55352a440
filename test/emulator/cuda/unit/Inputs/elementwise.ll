; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
; Operations on each element: no thread needs another.
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.z()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.z()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
declare <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr>, <4 x i1>, <4 x float>)
declare float @llvm.fma.f32(float, float, float)
declare float @llvm.nvvm.ex2.approx.f32(float)
declare void @llvm.memcpy.p1.p4.i64(ptr addrspace(1), ptr addrspace(4), i64, i1)

@table = internal unnamed_addr addrspace(4) constant [4 x i32] [i32 3, i32 5, i32 7, i32 11], align 16

; y = a * x + b, four elements a thread; the product is rounded.
define ptx_kernel void @scale(ptr noalias noundef readonly align 16 %x, ptr noalias noundef align 16 %y, float %a, float %b, i32 %n) local_unnamed_addr #0 {
entry:
  %tid = tail call range(i32 0, 1024) i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = mul i32 %ctaid, 128
  %thread = add i32 %start, %tid
  %i = shl i32 %thread, 2
  %inside = icmp slt i32 %i, %n
  br i1 %inside, label %work, label %end
work:
  %from = addrspacecast ptr %x to ptr addrspace(1)
  %i64 = zext nneg i32 %i to i64
  %p = getelementptr inbounds float, ptr addrspace(1) %from, i64 %i64
  %v = load <4 x float>, ptr addrspace(1) %p, align 16, !invariant.load !0
  %a1 = insertelement <4 x float> poison, float %a, i64 0
  %a4 = shufflevector <4 x float> %a1, <4 x float> poison, <4 x i32> zeroinitializer
  %b1 = insertelement <4 x float> poison, float %b, i64 0
  %b4 = shufflevector <4 x float> %b1, <4 x float> poison, <4 x i32> zeroinitializer
  %product = fmul <4 x float> %v, %a4
  %sum = fadd <4 x float> %product, %b4
  %q = getelementptr inbounds float, ptr %y, i64 %i64
  store <4 x float> %sum, ptr %q, align 16
  br label %end
end:
  ret void
}

; y[i] = fma(x[i], x[i], -1), 2 to the power of x[i]
define ptx_kernel void @functions(ptr %x, ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %fused = tail call float @llvm.fma.f32(float %v, float %v, float -1.0)
  %power = tail call float @llvm.nvvm.ex2.approx.f32(float %v)
  %i2 = shl i64 %i, 1
  %q = getelementptr float, ptr %y, i64 %i2
  store float %fused, ptr %q, align 8
  %q1 = getelementptr i8, ptr %q, i64 4
  store float %power, ptr %q1, align 4
  ret void
}

; Elements 3 i, 2 i, i and 0 of x, the third where i is odd, else -1.
define ptx_kernel void @gather(ptr %x, ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %i1 = insertelement <4 x i64> poison, i64 %i, i64 0
  %i4 = shufflevector <4 x i64> %i1, <4 x i64> poison, <4 x i32> zeroinitializer
  %places = mul <4 x i64> %i4, <i64 3, i64 2, i64 1, i64 0>
  %p = getelementptr float, ptr %x, <4 x i64> %places
  %odd = trunc i32 %tid to i1
  %mask = insertelement <4 x i1> splat (i1 true), i1 %odd, i64 2
  %v = tail call <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr> align 4 %p, <4 x i1> %mask, <4 x float> splat (float -1.0))
  %q = getelementptr <4 x float>, ptr %y, i64 %i
  store <4 x float> %v, ptr %q, align 16
  ret void
}

; Every thread of every block writes who it is.
define ptx_kernel void @indices(ptr %y) {
  %tx = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ty = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.y()
  %tz = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.z()
  %bx = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %by = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()
  %bz = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.z()
  %nt = tail call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %nc = tail call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  ; a grid of (3, 2, 2) blocks of (4, 3, 2) threads
  %b1 = mul i32 %bz, 2
  %b2 = add i32 %b1, %by
  %b3 = mul i32 %b2, %nc
  %b = add i32 %b3, %bx
  %t1 = mul i32 %tz, 3
  %t2 = add i32 %t1, %ty
  %t3 = mul i32 %t2, %nt
  %t = add i32 %t3, %tx
  %at0 = mul i32 %b, 24
  %at1 = add i32 %at0, %t
  %at = zext nneg i32 %at1 to i64
  %p = getelementptr i32, ptr %y, i64 %at
  %value0 = mul i32 %b, 1000
  %value = add i32 %value0, %t
  store i32 %value, ptr %p, align 4
  ret void
}

; Copies a table that lies in constant memory, and adds an element of it.
define ptx_kernel void @constants(ptr %y) {
  %to = addrspacecast ptr %y to ptr addrspace(1)
  call void @llvm.memcpy.p1.p4.i64(ptr addrspace(1) align 4 %to, ptr addrspace(4) align 16 @table, i64 16, i1 false)
  %last = load i32, ptr addrspacecast (ptr addrspace(4) getelementptr inbounds (i8, ptr addrspace(4) @table, i64 12) to ptr), align 4
  %first = load i32, ptr addrspace(1) %to, align 4
  %sum = add i32 %last, %first
  store i32 %sum, ptr addrspace(1) %to, align 4
  ret void
}

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: readwrite) "nvvm.maxntid"="128" "target-cpu"="sm_90" "target-features"="+ptx80" }
!0 = !{}
