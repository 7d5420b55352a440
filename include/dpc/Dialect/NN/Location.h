// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a value of the model comes from, in the user's words. The importer gives
// each operation the name of its ONNX node, fused with the path of the
// framework's module that the exporter recorded:
//
//   loc(fused<"transformer.h.0.attn">["node_matmul"])
//
// Passes keep locations, wrapping them ("grad of" around a node) or fusing
// several; these functions look through both.
#ifndef DPC_DIALECT_NN_LOCATION_H
#define DPC_DIALECT_NN_LOCATION_H

#include "mlir/IR/Location.h"

#include <string>

namespace dpc::nn {

/// The module path, or "" where none is recorded. Of several fused locations the
/// first that has one counts.
std::string getModulePath(mlir::Location loc);

/// The ONNX node's name, or "" for an unknown location.
std::string getNodeName(mlir::Location loc);

/// What the user calls it, the node's name after what was made of it ("grad of fc1"), or
/// "".
std::string describe(mlir::Location loc);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_LOCATION_H
