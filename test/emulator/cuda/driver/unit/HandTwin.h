// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The image whose twin HandTwin.cpp is: PTX of which nothing but its head is read.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_HANDTWIN_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_HANDTWIN_H

#include <string>

namespace dpc::emulator::test {

inline const char kHandImage[] = ".version 8.0\n.target sm_80\n.address_size 64\n// by hand\n";

/// Puts the twin where the emulator looks for it, under the hash of the image, for this process.
void placeHandTwin(const std::string &image = kHandImage);

} // namespace dpc::emulator::test

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_HANDTWIN_H
