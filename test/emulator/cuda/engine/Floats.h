// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floats of 16 bits as the device rounds them: to nearest, ties to even, subnormal numbers
// kept, one NaN.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_FLOATS_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_FLOATS_H

#include <cstdint>

namespace dpc::emulator {

float halfToFloat(uint32_t bits);
uint16_t doubleToHalf(double x);
uint16_t doubleToBFloat(double x);
/// See Services.
double fmaToOdd(double a, double b, double c);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_FLOATS_H
