// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the emulated driver exports beside the driver's own functions: for cuBLASLt's emulator,
// which is linked with it, and for tests, which find it by name.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_INTERFACE_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_INTERFACE_H

#include "Work.h"

#define DPC_EMULATOR_EXPORT extern "C" __attribute__((visibility("default")))

/// For tests: writes a mark into the log, {"mark":NAME}, between the calls around it.
DPC_EMULATOR_EXPORT void dpcEmulatorMark(const char *name);

/// A library beside the driver is called: notes it, and gives the result that it is told to fail
/// with, or 0.
DPC_EMULATOR_EXPORT uint32_t dpcEmulatorLibraryCall(const char *function);
/// Whether a context is current.
DPC_EMULATOR_EXPORT bool dpcEmulatorHasContext();
/// Whether asynchronous work may use these bytes of device or pinned memory; a violation if not.
DPC_EMULATOR_EXPORT bool dpcEmulatorMayUse(const char *function, uint64_t address, uint64_t bytes,
                                           const char *verb);
/// Where the emulator finds what lies at an address.
DPC_EMULATOR_EXPORT char *dpcEmulatorAt(uint64_t address);
/// A violation of a rule.
DPC_EMULATOR_EXPORT void dpcEmulatorViolation(const char *rule, const char *what);
DPC_EMULATOR_EXPORT void dpcEmulatorExplain(const char *what);
/// Puts work into a stream, or into its capture. `work` is moved from.
DPC_EMULATOR_EXPORT uint32_t dpcEmulatorSubmit(const char *function, dpcrt::cuda::CUstream stream,
                                               dpc::emulator::Work *work);

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_INTERFACE_H
