// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device code that a twin could not follow is refused, by the names of kernel and cause.
#include "KernelTest.h"

namespace dpc::emulator::test {
namespace {

TEST(Refusals, AnUnknownIntrinsicIsNamedWithItsKernel) {
  std::string text = refusal(triple() + R"(
    declare i32 @llvm.nvvm.redux.sync.add(i32, i32)
    declare void @llvm.nvvm.cp.async.wait.all()
    define internal i32 @helper(i32 %x) {
      %y = call i32 @llvm.nvvm.redux.sync.add(i32 %x, i32 -1)
      ret i32 %y
    }
    define ptx_kernel void @first(ptr %p) {
      %y = call i32 @helper(i32 1)
      store i32 %y, ptr %p
      ret void
    }
    define ptx_kernel void @second() {
      call void @llvm.nvvm.cp.async.wait.all()
      call void @llvm.nvvm.cp.async.wait.all()
      ret void
    })");
  EXPECT_EQ(text,
            "kernel 'first': the emulator does not know the intrinsic llvm.nvvm.redux.sync.add\n"
            "kernel 'second': the emulator does not know the intrinsic "
            "llvm.nvvm.cp.async.wait.all");
}

TEST(Refusals, WhatLeavesBitsOpen) {
  EXPECT_EQ(refusal(triple() + R"(
    define ptx_kernel void @k(ptr %p) {
      %x = load float, ptr %p
      %y = fmul contract float %x, %x
      store float %y, ptr %p
      ret void
    })"),
            "kernel 'k': fmul has the flag 'contract', by which its bits are not fixed");
  EXPECT_EQ(refusal(triple() + R"(
    define ptx_kernel void @k() "denormal-fp-math-f32"="preserve-sign,preserve-sign" {
      ret void
    })"),
            "kernel 'k': it flushes subnormal numbers to zero (denormal-fp-math-f32 = "
            "preserve-sign,preserve-sign), which the emulator does not");
}

TEST(Refusals, OtherCode) {
  EXPECT_EQ(refusal("target triple = \"x86_64-unknown-linux-gnu\"\n"
                    "define ptx_kernel void @k() { ret void }"),
            "the module is not made for NVIDIA GPUs, but for 'x86_64-unknown-linux-gnu'");
  EXPECT_EQ(refusal(triple() + "define void @f() { ret void }"), "the module has no kernels");
  EXPECT_EQ(refusal(triple() + R"(
    declare float @__nv_expf(float)
    define ptx_kernel void @k(ptr %p) {
      %y = call float @__nv_expf(float 1.0)
      store float %y, ptr %p
      ret void
    })"),
            "kernel 'k': the function '__nv_expf' is defined nowhere");
  EXPECT_EQ(refusal(triple() + R"(
    define ptx_kernel void @k() {
      call void asm sideeffect "bar.sync 0;", ""()
      ret void
    })"),
            "kernel 'k': inline assembly is not known");
  EXPECT_EQ(refusal(triple() + R"(
    @big = internal addrspace(3) global [12289 x float] undef
    define ptx_kernel void @k() {
      store float 0.0, ptr addrspace(3) @big
      ret void
    })"),
            "kernel 'k': it declares more than 49152 bytes of shared memory");
  EXPECT_EQ(refusal(triple() + R"(
    @state = internal addrspace(1) global i32 0
    define ptx_kernel void @k() {
      store i32 1, ptr addrspace(1) @state
      ret void
    })"),
            "variable 'state': memory that outlives a launch is not known");
}

TEST(Refusals, AFileThatIsNoTwin) {
  std::string error;
  EXPECT_EQ(TwinFile::open("/nowhere/twin.so", error), nullptr);
  EXPECT_NE(error.find("/nowhere/twin.so"), std::string::npos);
}

} // namespace
} // namespace dpc::emulator::test
