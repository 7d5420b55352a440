// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a computed tensor is the wanted one, as ONNX's own test runner sees it.
#ifndef DPC_LIB_DRIVER_ONNXTEST_COMPARE_H
#define DPC_LIB_DRIVER_ONNXTEST_COMPARE_H

#include "dpc/Onnx/TensorValue.h"

namespace dpc::driver {

/// The first difference in words, or "". Integers and booleans are equal; floats within
/// 1e-3 of the wanted value (or four roundings of the type, where that is more) and 1e-7;
/// NaN is NaN.
std::string compareTensors(const onnxwire::TensorValue &computed,
                           const onnxwire::TensorValue &wanted);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_ONNXTEST_COMPARE_H
