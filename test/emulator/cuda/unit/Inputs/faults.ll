; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
; Kernels that are wrong, each in one way.
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32) #1
declare void @llvm.nvvm.barrier.cta.sync.aligned.count(i32, i32) #1
declare i32 @llvm.nvvm.shfl.sync.bfly.i32(i32, i32, i32, i32) #1
declare i32 @llvm.nvvm.shfl.sync.idx.i32(i32, i32, i32, i32) #1

@array = internal addrspace(3) global [64 x float] undef, align 16
@other = internal addrspace(3) global [64 x float] undef, align 16

; Each thread reads what another has written, without a barrier.
define ptx_kernel void @missing_barrier(ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %slot = getelementptr float, ptr addrspace(3) @array, i64 %i
  %v = uitofp i32 %tid to float
  store float %v, ptr addrspace(3) %slot, align 4
  %mirror32 = sub i32 63, %tid
  %mirror = zext nneg i32 %mirror32 to i64
  %from = getelementptr float, ptr addrspace(3) @array, i64 %mirror
  %w = load float, ptr addrspace(3) %from, align 4
  %q = getelementptr float, ptr %y, i64 %i
  store float %w, ptr %q, align 4
  ret void
}

; Each thread reads what its neighbour has written to global memory, without a barrier.
define ptx_kernel void @missing_barrier_in_memory(ptr %y, ptr %z) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr float, ptr %y, i64 %i
  store float 1.0, ptr %p, align 4
  %mirror32 = sub i32 63, %tid
  %mirror = zext nneg i32 %mirror32 to i64
  %from = getelementptr float, ptr %y, i64 %mirror
  %w = load float, ptr %from, align 4
  %q = getelementptr float, ptr %z, i64 %i
  store float %w, ptr %q, align 4
  ret void
}

; Every block adds to one element, which needs another block's sum.
define ptx_kernel void @blocks_add(ptr %y) {
  %old = load float, ptr %y, align 4
  %new = fadd float %old, 1.0
  store float %new, ptr %y, align 4
  ret void
}

; Reads an element behind the end of x.
define ptx_kernel void @reads_behind(ptr %x, ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr float, ptr %x, i64 %i
  %p1 = getelementptr i8, ptr %p, i64 4
  %v = load float, ptr %p1, align 4
  %q = getelementptr float, ptr %y, i64 %i
  store float %v, ptr %q, align 4
  ret void
}

; Writes an element before the beginning of y.
define ptx_kernel void @writes_before(ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr float, ptr %y, i64 %i
  %q = getelementptr i8, ptr %p, i64 -4
  store float 1.0, ptr %q, align 4
  ret void
}

; Writes what it may only read.
define ptx_kernel void @writes_input(ptr %x) {
  store float 1.0, ptr %x, align 4
  ret void
}

; Reads behind the end of its shared array, where another one begins after a gap.
define ptx_kernel void @reads_behind_shared(ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %slot = getelementptr float, ptr addrspace(3) @array, i64 %i
  store float 1.0, ptr addrspace(3) %slot, align 4
  %beside = getelementptr float, ptr addrspace(3) @other, i64 %i
  store float 2.0, ptr addrspace(3) %beside, align 4
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %p = getelementptr i8, ptr addrspace(3) %slot, i64 4
  %v = load float, ptr addrspace(3) %p, align 4
  %q = getelementptr float, ptr %y, i64 %i
  store float %v, ptr %q, align 4
  ret void
}

; Four elements at once from where they do not lie together.
define ptx_kernel void @misaligned(ptr %x, ptr %y) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr float, ptr %x, i64 %i
  %v = load <4 x float>, ptr %p, align 16
  %e = extractelement <4 x float> %v, i64 0
  %q = getelementptr float, ptr %y, i64 %i
  store float %e, ptr %q, align 4
  ret void
}

; The halves of a warp stop at different barriers.
define ptx_kernel void @divergent_barrier() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 16
  br i1 %low, label %first, label %second
first:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
second:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
end:
  ret void
}

; Half of the threads end before the barrier.
define ptx_kernel void @exits_before_barrier() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 32
  br i1 %low, label %meet, label %end
meet:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
end:
  ret void
}

; One warp waits at barrier 1, another at barrier 2, each for both.
define ptx_kernel void @crossed_barriers() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 32
  br i1 %low, label %first, label %second
first:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 1, i32 64)
  br label %end
second:
  tail call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 2, i32 64)
  br label %end
end:
  ret void
}

; A lane ends before a shuffle that names it.
define ptx_kernel void @lane_ends() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %seven = icmp eq i32 %tid, 7
  br i1 %seven, label %end, label %meet
meet:
  %v = tail call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %tid, i32 1, i32 31)
  br label %end
end:
  ret void
}

; A lane shuffles with a mask that does not name it.
define ptx_kernel void @mask_without_itself() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v = tail call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 2147483647, i32 %tid, i32 1, i32 31)
  ret void
}

; Lanes of one shuffle with two masks.
define ptx_kernel void @two_masks() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 16
  %mask = select i1 %low, i32 -1, i32 -65536
  %v = tail call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 %mask, i32 %tid, i32 1, i32 31)
  ret void
}

; Half of a warp reads a lane of the other half.
define ptx_kernel void @reads_absent_lane() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 16
  br i1 %low, label %meet, label %end
meet:
  %v = tail call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 65535, i32 %tid, i32 20, i32 31)
  br label %end
end:
  ret void
}

; Halves of a warp meet in different shuffles.
define ptx_kernel void @two_shuffles() {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 16
  br i1 %low, label %first, label %second
first:
  %a = tail call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %tid, i32 1, i32 31)
  br label %end
second:
  %b = tail call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %tid, i32 1, i32 31)
  br label %end
end:
  ret void
}

attributes #1 = { convergent nocallback nounwind }
