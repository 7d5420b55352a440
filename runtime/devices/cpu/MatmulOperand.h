// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One operand of a library matmul: how its elements lie in memory, and the copy
// that the library reads (or writes) instead where it could not, or only slowly,
// use them in place.
#pragma once
#include <cstdint>
#include <dnnl.hpp>

namespace dpcrt {

class MatmulOperand {
public:
  using Dims = dnnl::memory::dims;

  MatmulOperand() = default;
  // Batch dimensions first, then rows and columns; strides in elements.
  MatmulOperand(Dims shape, Dims strides);

  // Whether one matrix dimension is contiguous and the other steps over it: what
  // the library uses in place.
  bool isDirect() const;
  bool isRowMajor() const { return strides.back() == 1; }
  // Whether the dimension that is summed (`axis`, from the end: 1 columns, 2 rows)
  // has a stride that puts its elements into few sets of the cache. The library
  // then runs at less than half its rate (measured with oneDNN 2.6: 34 GF/s instead
  // of 92 for a stride of 1,024), and a copy pays after a few uses of each element.
  bool collides(unsigned axis) const;

  void copyRowMajor(); // the copy is packed
  void copyPadded();   // the copy has the same order, each line a little longer
  bool isCopied() const { return !copyStrides.empty(); }
  uint64_t copyBytes() const;

  dnnl::memory::desc description() const;
  const Dims &extents() const { return shape; }

  // From memory into the copy, and back, added to what is there or in its place.
  void copyIn(const float *memory, float *copy) const;
  void copyOut(const float *copy, float *memory, bool add) const;

  uint64_t copyOffset = 0; // in the caller's scratch

private:
  Dims shape, strides, copyStrides;
};

} // namespace dpcrt
