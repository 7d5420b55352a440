; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
target triple = "nvptx64-nvidia-cuda"
declare i32 @llvm.nvvm.redux.sync.add(i32, i32)
declare void @llvm.nvvm.cp.async.wait.all()
define ptx_kernel void @sum(ptr %p) {
  %y = call i32 @llvm.nvvm.redux.sync.add(i32 1, i32 -1)
  store i32 %y, ptr %p
  ret void
}
define ptx_kernel void @wait() {
  call void @llvm.nvvm.cp.async.wait.all()
  ret void
}
