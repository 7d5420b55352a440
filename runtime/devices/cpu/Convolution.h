// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Library convolution on a CPU: oneDNN with one thread per call, forward and both
// backwards. The output is cut into blocks that the shape alone fixes, never along
// a sum, and threads are dealt whole blocks: bits do not depend on how many there
// are. Layouts are the program's, dense; the library's own, which are much faster,
// are made in a core's scratch. Everything a call needs is made at load.
#pragma once
#include "devices/cpu/Library.h"
#include "program/format/ConvolutionShape.h"
#include "program/format/Status.h"
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <vector>

namespace dpcrt {

// A primitive with the memory objects of every core, and the reorders around it.
class ConvolutionPrimitive;

// Shares primitives of equal blocks between all calls of a process.
class ConvolutionLibrary {
public:
  explicit ConvolutionLibrary(unsigned cores);
  ~ConvolutionLibrary();
  // `block` is a part of `whole` in which its operands lie.
  Status primitive(const ConvolutionShape &block, const ConvolutionShape &whole,
                   ConvolutionPrimitive *&out);
  uint64_t scratchBytes() const { return scratch; } // per core, of the largest

private:
  dnnl::engine engine;
  unsigned cores;
  uint64_t scratch = 0;
  std::map<std::vector<int64_t>, std::unique_ptr<ConvolutionPrimitive>> primitives;
};

// One call, cut into blocks.
class ConvolutionPlan {
public:
  static Status make(const ConvolutionShape &shape, ConvolutionLibrary &library,
                     std::unique_ptr<ConvolutionPlan> &out);
  size_t blocks() const { return list.size(); }
  double flops() const { return work; }
  uint64_t scratchBytes() const; // per core that runs blocks
  // Runs one block with the scratch of `core`; false if the library failed. Operands
  // in the order of the kind's comment above.
  bool run(size_t block, int core, CallScratch &scratch, const float *lhs, const float *rhs,
           float *dst) const;
  // What the library calls the implementation of a block.
  const char *implementation(size_t block) const;

private:
  struct Block {
    ConvolutionPrimitive *primitive;
    int64_t lhs, rhs, dst; // offsets in elements
  };
  std::vector<Block> list;
  double work = 0;
};

} // namespace dpcrt
