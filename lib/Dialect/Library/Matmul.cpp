// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/Library/Library.h"

#include "program/format/Program.h"

using namespace mlir;
using namespace dpc::library;

LogicalResult MatmulAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> batch, int64_t m, int64_t n, int64_t k,
                                 ArrayRef<int64_t> lhsStrides, ArrayRef<int64_t> rhsStrides,
                                 ArrayRef<int64_t> dstStrides, bool accumulate, int64_t blockRows,
                                 int64_t blockColumns) {
  auto isPositive = [](int64_t extent) { return extent > 0; };
  if (!llvm::all_of(batch, isPositive) || m < 1 || n < 1 || k < 1)
    return emitError() << "a matmul's extents must be at least 1";
  if (blockRows < 1 || blockColumns < 1)
    return emitError() << "a matmul's blocks must be at least 1 x 1, got " << blockRows << " x "
                       << blockColumns;
  std::pair<StringRef, ArrayRef<int64_t>> sides[] = {
      {"lhs", lhsStrides}, {"rhs", rhsStrides}, {"dst", dstStrides}};
  for (auto [side, strides] : sides) {
    if (strides.size() != batch.size() + 2)
      return emitError() << side << " has " << strides.size() << " strides; " << batch.size()
                         << " batch dimensions and two of the matrix need " << batch.size() + 2;
    for (int64_t stride : strides)
      if (stride < 0)
        return emitError() << side << " has the stride " << stride << "; strides are at least 0";
  }
  return success();
}

unsigned MatmulAttr::getNumSources() const { return 2; }

void MatmulAttr::pack(dpcrt::fb::LibraryFunctionUnion &function) const {
  auto numbers = [](ArrayRef<int64_t> values) {
    return std::vector<uint64_t>(values.begin(), values.end());
  };
  dpcrt::fb::MatmulT table;
  table.batch = numbers(getBatch());
  table.m = getM();
  table.n = getN();
  table.k = getK();
  table.lhs_strides = numbers(getLhsStrides());
  table.rhs_strides = numbers(getRhsStrides());
  table.dst_strides = numbers(getDstStrides());
  table.accumulate = getAccumulate();
  table.block_rows = getBlockRows();
  table.block_columns = getBlockColumns();
  function.Set(std::move(table));
}
