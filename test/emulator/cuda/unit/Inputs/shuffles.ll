; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
; Every form of shuffle, and votes. Operands: values, lanes, clamps and a result per thread.
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
target triple = "nvptx64-nvidia-cuda"

declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.laneid()
declare { i32, i1 } @llvm.nvvm.shfl.sync.bfly.i32p(i32, i32, i32, i32)
declare { i32, i1 } @llvm.nvvm.shfl.sync.idx.i32p(i32, i32, i32, i32)
declare { i32, i1 } @llvm.nvvm.shfl.sync.up.i32p(i32, i32, i32, i32)
declare { float, i1 } @llvm.nvvm.shfl.sync.down.f32p(i32, float, i32, i32)
declare i32 @llvm.nvvm.shfl.sync.idx.i32(i32, i32, i32, i32)
declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)
declare i1 @llvm.nvvm.vote.all.sync(i32, i1)
declare i1 @llvm.nvvm.vote.any.sync(i32, i1)
declare i1 @llvm.nvvm.vote.uni.sync(i32, i1)
declare void @llvm.nvvm.bar.warp.sync(i32)

@words = internal addrspace(3) global [32 x i32] undef, align 4

define ptx_kernel void @bfly(ptr %values, ptr %result, i32 %mask, i32 %b, i32 %c) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr i32, ptr %values, i64 %i
  %v = load i32, ptr %p, align 4
  %pair = tail call { i32, i1 } @llvm.nvvm.shfl.sync.bfly.i32p(i32 %mask, i32 %v, i32 %b, i32 %c)
  %value = extractvalue { i32, i1 } %pair, 0
  %inside = extractvalue { i32, i1 } %pair, 1
  %flag = select i1 %inside, i32 1000, i32 0
  %sum = add i32 %value, %flag
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %sum, ptr %q, align 4
  ret void
}

define ptx_kernel void @idx(ptr %values, ptr %result, i32 %mask, i32 %b, i32 %c) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr i32, ptr %values, i64 %i
  %v = load i32, ptr %p, align 4
  %pair = tail call { i32, i1 } @llvm.nvvm.shfl.sync.idx.i32p(i32 %mask, i32 %v, i32 %b, i32 %c)
  %value = extractvalue { i32, i1 } %pair, 0
  %inside = extractvalue { i32, i1 } %pair, 1
  %flag = select i1 %inside, i32 1000, i32 0
  %sum = add i32 %value, %flag
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %sum, ptr %q, align 4
  ret void
}

define ptx_kernel void @up(ptr %values, ptr %result, i32 %mask, i32 %b, i32 %c) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr i32, ptr %values, i64 %i
  %v = load i32, ptr %p, align 4
  %pair = tail call { i32, i1 } @llvm.nvvm.shfl.sync.up.i32p(i32 %mask, i32 %v, i32 %b, i32 %c)
  %value = extractvalue { i32, i1 } %pair, 0
  %inside = extractvalue { i32, i1 } %pair, 1
  %flag = select i1 %inside, i32 1000, i32 0
  %sum = add i32 %value, %flag
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %sum, ptr %q, align 4
  ret void
}

define ptx_kernel void @down(ptr %values, ptr %result, i32 %mask, i32 %b, i32 %c) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = zext nneg i32 %tid to i64
  %p = getelementptr i32, ptr %values, i64 %i
  %v = load i32, ptr %p, align 4
  %f = sitofp i32 %v to float
  %pair = tail call { float, i1 } @llvm.nvvm.shfl.sync.down.f32p(i32 %mask, float %f, i32 %b, i32 %c)
  %value = extractvalue { float, i1 } %pair, 0
  %int = fptosi float %value to i32
  %inside = extractvalue { float, i1 } %pair, 1
  %flag = select i1 %inside, i32 1000, i32 0
  %sum = add i32 %int, %flag
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %sum, ptr %q, align 4
  ret void
}

; The halves of a warp exchange by themselves, with masks of their own.
define ptx_kernel void @halves(ptr %result) {
  %tid = tail call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %low = icmp ult i32 %tid, 16
  br i1 %low, label %first, label %second
first:
  %a = tail call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 65535, i32 %tid, i32 3, i32 31)
  br label %end
second:
  %b = tail call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -65536, i32 %tid, i32 21, i32 31)
  br label %end
end:
  %v = phi i32 [ %a, %first ], [ %b, %second ]
  %i = zext nneg i32 %tid to i64
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %v, ptr %q, align 4
  ret void
}

; Bits: 0 all below 16, 1 any is 5, 2 all or none below 40; and the ballot of odd lanes.
define ptx_kernel void @votes(ptr %result) {
  %lane = tail call i32 @llvm.nvvm.read.ptx.sreg.laneid()
  %p0 = icmp ult i32 %lane, 16
  %all = tail call i1 @llvm.nvvm.vote.all.sync(i32 -1, i1 %p0)
  %p1 = icmp eq i32 %lane, 5
  %any = tail call i1 @llvm.nvvm.vote.any.sync(i32 -1, i1 %p1)
  %p2 = icmp ult i32 %lane, 40
  %uni = tail call i1 @llvm.nvvm.vote.uni.sync(i32 -1, i1 %p2)
  %odd = trunc i32 %lane to i1
  %ballot = tail call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 %odd)
  %b0 = zext i1 %all to i32
  %b1 = select i1 %any, i32 2, i32 0
  %b2 = select i1 %uni, i32 4, i32 0
  %b01 = or i32 %b0, %b1
  %bits = or i32 %b01, %b2
  %sum = add i32 %ballot, %bits
  %i = zext nneg i32 %lane to i64
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %sum, ptr %q, align 4
  ret void
}

; Each lane's word to its neighbour, ordered by a barrier of the warp.
define ptx_kernel void @neighbour(ptr %result) {
  %lane = tail call i32 @llvm.nvvm.read.ptx.sreg.laneid()
  %i = zext nneg i32 %lane to i64
  %slot = getelementptr i32, ptr addrspace(3) @words, i64 %i
  store i32 %lane, ptr addrspace(3) %slot, align 4
  tail call void @llvm.nvvm.bar.warp.sync(i32 -1)
  %next = add i32 %lane, 1
  %wrapped = and i32 %next, 31
  %j = zext nneg i32 %wrapped to i64
  %from = getelementptr i32, ptr addrspace(3) @words, i64 %j
  %v = load i32, ptr addrspace(3) %from, align 4
  %q = getelementptr i32, ptr %result, i64 %i
  store i32 %v, ptr %q, align 4
  ret void
}
