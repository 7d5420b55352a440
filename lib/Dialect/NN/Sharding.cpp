// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Sharding.h.
#include "dpc/Dialect/NN/Sharding.h"
#include "dpc/Dialect/NN/ModelAttrs.h"

using namespace mlir;

namespace dpc::nn {
namespace {

int64_t getShards(ParameterOp parameter) {
  auto axis = parameter->getAttrOfType<StringAttr>(kShardedAttr);
  return axis ? getMeshSize(parameter, axis.getValue()).value_or(1) : 1;
}

} // namespace

bool isSharded(ParameterOp parameter) { return getShards(parameter) > 1; }

RankedTensorType getKeptType(ParameterOp parameter) {
  RankedTensorType type = parameter.getMasterType();
  if (!isSharded(parameter))
    return type;
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin(), getShards(parameter));
  return type.clone(shape);
}

RankedTensorType getStoredType(ParameterOp parameter) {
  return getKeptType(parameter).clone(parameter.getStorageElement());
}

} // namespace dpc::nn
