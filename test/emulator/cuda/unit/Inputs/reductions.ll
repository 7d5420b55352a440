; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
; Sums: of a warp by shuffles, of a block through shared memory.
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32) #1
declare float @llvm.nvvm.shfl.sync.bfly.f32(i32, float, i32, i32) #1

@sums = internal unnamed_addr addrspace(3) global [8 x float] undef, align 16
@squares = internal addrspace(3) global [8 x float] poison, align 4
@dynamic = external addrspace(3) global [0 x float], align 16

; A row of 32 elements a warp.
define ptx_kernel void @warp_sum(ptr noalias readonly %x, ptr noalias %y) {
entry:
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = shl i32 %ctaid, 7
  %thread = add i32 %start, %tid
  %i = zext nneg i32 %thread to i64
  %p = getelementptr inbounds float, ptr %x, i64 %i
  %v0 = load float, ptr %p, align 4
  %o16 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v0, i32 16, i32 31)
  %v16 = fadd float %v0, %o16
  %o8 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v16, i32 8, i32 31)
  %v8 = fadd float %v16, %o8
  %o4 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v8, i32 4, i32 31)
  %v4 = fadd float %v8, %o4
  %o2 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v4, i32 2, i32 31)
  %v2 = fadd float %v4, %o2
  %o1 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v2, i32 1, i32 31)
  %v1 = fadd float %v2, %o1
  %lane = and i32 %tid, 31
  %first = icmp eq i32 %lane, 0
  br i1 %first, label %write, label %end
write:
  %row32 = lshr i32 %thread, 5
  %row = zext nneg i32 %row32 to i64
  %q = getelementptr inbounds float, ptr %y, i64 %row
  store float %v1, ptr %q, align 4
  br label %end
end:
  ret void
}

; The sum of each warp's values, for all threads of a block of 256. Not inlined, and called
; by two kernels. The first barrier is for the last use of the array, the second for its values.
define internal fastcc float @block_sum(float %v0, i32 %tid) unnamed_addr noinline {
entry:
  %o16 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v0, i32 16, i32 31)
  %v16 = fadd float %v0, %o16
  %o8 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v16, i32 8, i32 31)
  %v8 = fadd float %v16, %o8
  %o4 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v8, i32 4, i32 31)
  %v4 = fadd float %v8, %o4
  %o2 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v4, i32 2, i32 31)
  %v2 = fadd float %v4, %o2
  %o1 = tail call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %v2, i32 1, i32 31)
  %v1 = fadd float %v2, %o1
  %lane = and i32 %tid, 31
  %first = icmp eq i32 %lane, 0
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br i1 %first, label %write, label %meet
write:
  %warp32 = lshr i32 %tid, 5
  %warp = zext nneg i32 %warp32 to i64
  %slot = getelementptr inbounds float, ptr addrspace(3) @sums, i64 %warp
  store float %v1, ptr addrspace(3) %slot, align 4
  br label %meet
meet:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %low = load <4 x float>, ptr addrspacecast (ptr addrspace(3) @sums to ptr), align 16
  %high = load <4 x float>, ptr addrspace(3) getelementptr inbounds (i8, ptr addrspace(3) @sums, i64 16), align 16
  %half = fadd <4 x float> %low, %high
  %e0 = extractelement <4 x float> %half, i64 0
  %e1 = extractelement <4 x float> %half, i64 1
  %e2 = extractelement <4 x float> %half, i64 2
  %e3 = extractelement <4 x float> %half, i64 3
  %s0 = fadd float %e0, %e1
  %s1 = fadd float %e2, %e3
  %s = fadd float %s0, %s1
  ret float %s
}

; x / sum(x): a row of 256 a block.
define ptx_kernel void @normalize(ptr noalias readonly %x, ptr noalias %y) #0 {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = shl i32 %ctaid, 8
  %thread = add i32 %start, %tid
  %i = zext nneg i32 %thread to i64
  %p = getelementptr inbounds float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %sum = tail call fastcc float @block_sum(float %v, i32 %tid)
  %result = fdiv float %v, %sum
  %q = getelementptr inbounds float, ptr %y, i64 %i
  store float %result, ptr %q, align 4
  ret void
}

; (x - mean) / sum((x - mean)^2): the array is used twice.
define ptx_kernel void @center(ptr noalias readonly %x, ptr noalias %y) #0 {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = shl i32 %ctaid, 8
  %thread = add i32 %start, %tid
  %i = zext nneg i32 %thread to i64
  %p = getelementptr inbounds float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %sum = tail call fastcc float @block_sum(float %v, i32 %tid)
  %mean = fmul float %sum, 3.906250e-03
  %difference = fsub float %v, %mean
  %square = fmul float %difference, %difference
  %variance = tail call fastcc float @block_sum(float %square, i32 %tid)
  %result = fdiv float %difference, %variance
  %q = getelementptr inbounds float, ptr %y, i64 %i
  store float %result, ptr %q, align 4
  ret void
}

; Reverses the elements of each block through shared memory whose size the launch says,
; behind an array of its own.
define ptx_kernel void @reverse(ptr noalias readonly %x, ptr noalias %y, i32 %n) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ctaid = tail call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %start = mul i32 %ctaid, %n
  %thread = add i32 %start, %tid
  %i = zext nneg i32 %thread to i64
  %p = getelementptr inbounds float, ptr %x, i64 %i
  %v = load float, ptr %p, align 4
  %t = zext nneg i32 %tid to i64
  %slot = getelementptr inbounds float, ptr addrspace(3) @dynamic, i64 %t
  store float %v, ptr addrspace(3) %slot, align 4
  %first = icmp eq i32 %tid, 0
  br i1 %first, label %mark, label %meet
mark:
  store float 1.000000e+00, ptr addrspace(3) @squares, align 4
  br label %meet
meet:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %one = load float, ptr addrspace(3) @squares, align 4
  %after = sub i32 %n, %tid
  %other32 = sub i32 %after, 1
  %other = zext nneg i32 %other32 to i64
  %from = getelementptr inbounds float, ptr addrspace(3) @dynamic, i64 %other
  %w = load float, ptr addrspace(3) %from, align 4
  %result = fadd float %w, %one
  %q = getelementptr inbounds float, ptr %y, i64 %i
  store float %result, ptr %q, align 4
  ret void
}

attributes #0 = { "nvvm.maxntid"="256" }
attributes #1 = { convergent nocallback nounwind }
