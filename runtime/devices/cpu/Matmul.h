// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Library matmul on a CPU: oneDNN with one thread per call. The output is cut into
// blocks that the program fixes by the shape alone, one primitive per distinct
// block shape, and threads are dealt whole blocks, never part of a sum: bits do
// not depend on how many threads there are. Everything a call needs is made at
// load; a call sets three addresses per block.
#pragma once
#include "devices/cpu/Library.h"
#include "program/format/Program.h"
#include "program/format/Status.h"
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <vector>

namespace dpcrt {

// A matmul as the program gives it, or one like it: dst[b.., m, n] (+)= sum over k
// of lhs[b.., m, k] * rhs[b.., k, n]. Strides in elements: batch dimensions, then
// the operand's two matrix dimensions.
struct MatmulShape {
  std::vector<int64_t> batch;
  int64_t m = 1, n = 1, k = 1;
  std::vector<int64_t> lhs, rhs, dst;
  bool accumulate = false;
  int64_t blockRows = 0, blockColumns = 0; // 0: all
};

// Error (code Artifact) for a description that is not one.
Status readMatmul(const fb::Matmul &matmul, MatmulShape &out);

// A primitive with the memory objects of every core.
class BlockPrimitive;

// Shares primitives of equal blocks between all calls of a process.
class MatmulLibrary {
public:
  explicit MatmulLibrary(unsigned cores);
  ~MatmulLibrary();
  Status primitive(const MatmulShape &block, BlockPrimitive *&out);
  uint64_t scratchBytes() const { return scratch; } // per core, of the largest

private:
  dnnl::engine engine;
  unsigned cores;
  uint64_t scratch = 0;
  std::map<std::vector<int64_t>, std::unique_ptr<BlockPrimitive>> primitives;
};

// One call, cut into blocks.
class MatmulPlan {
public:
  static Status make(const MatmulShape &shape, MatmulLibrary &library,
                     std::unique_ptr<MatmulPlan> &out);
  size_t blocks() const { return list.size(); }
  double flops() const { return work; }
  // Runs one block with the scratch of `core`; false if the library failed.
  bool run(size_t block, int core, CallScratch &scratch, const float *lhs, const float *rhs,
           float *dst) const;
  // What the library calls the implementation of a block.
  const char *implementation(size_t block) const;

private:
  struct Block {
    BlockPrimitive *primitive;
    int64_t lhs, rhs, dst; // offsets in elements
  };
  std::vector<Block> list;
  bool swapped = false; // computes the transposed product
  double work = 0;
};

} // namespace dpcrt
