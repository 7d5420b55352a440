// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device code made to run on this host.
//
// The module is the one that LLVM has optimised and would now turn into PTX; its twin is a
// shared object with the same kernels, whose form engine/Twin.h tells. What the twin
// computes is what the device would, rounding by rounding, but for the approximations that
// Services names. What is not known to be so is refused.
#ifndef DPC_TEST_EMULATOR_CUDA_TWIN_TWIN_H
#define DPC_TEST_EMULATOR_CUDA_TWIN_TWIN_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace dpc::emulator {

/// Everything in the module that a twin could not follow faithfully, one line each, with
/// the kernels that reach it; success if there is nothing.
llvm::Error checkDeviceCode(const llvm::Module &device);

/// The module of the twin, in the context of `device`, which stays as it is.
llvm::Expected<std::unique_ptr<llvm::Module>> retarget(const llvm::Module &device,
                                                       const llvm::TargetMachine &host);

/// Writes the twin of a module as a shared object.
llvm::Error writeTwin(const llvm::Module &device, llvm::StringRef output);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_TWIN_TWIN_H
