// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The generated ONNX classes, with protobuf's macros kept from LLVM's.
#ifndef DPC_LIB_IMPORT_ONNX_H
#define DPC_LIB_IMPORT_ONNX_H

#include "onnx-ml.pb.h"

#endif // DPC_LIB_IMPORT_ONNX_H
