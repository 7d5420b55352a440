#include "dpc/Dialect/NN/NN.h"
#include "dpc/Import/Passes.h"

namespace dpc::import {
#define GEN_PASS_DEF_NNABSORBTRANSPOSES
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

using namespace mlir;
using namespace dpc;

namespace {
class AbsorbTransposes
    : public dpc::import::impl::NNAbsorbTransposesBase<AbsorbTransposes> {
  void runOnOperation() override {}
};
} // namespace
