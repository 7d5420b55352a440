// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One block of a convolution as the library computes it: the primitive in the
// layouts that it is fastest with, and a reorder for each operand that lies
// otherwise.
#pragma once
#include "devices/cpu/Convolution.h"
#include <string>

namespace dpcrt {

class ConvolutionPrimitive {
public:
  // What the library calls the implementation.
  std::string implementation;
  uint64_t scratchBytes = 0;

  Status make(const ConvolutionShape &block, const ConvolutionShape &whole,
              const dnnl::engine &engine, unsigned cores);
  bool run(int core, CallScratch &scratch, const float *lhs, const float *rhs, float *dst) const;

private:
  // An operand as it lies in memory and as the primitive takes it.
  struct Operand {
    int argument = 0; // its name among the primitive's
    dnnl::memory::desc given, wanted;
    bool isCopied = false;
    dnnl::reorder reorder; // to the copy, or from it
    dnnl::memory::desc reorderScratch;
    uint64_t copyOffset = 0;
  };
  // The memory objects of one operand on one core.
  struct OperandState {
    dnnl::memory given, wanted, reorderScratch;
  };
  struct CoreState {
    dnnl::stream stream;
    OperandState lhs, rhs, dst;
    dnnl::memory scratch;
  };

  bool tryMake(const ConvolutionShape &block, bool anyLayout, const dnnl::engine &engine);
  void addReorder(Operand &operand, bool isResult, bool accumulate, const dnnl::engine &engine);
  bool reorder(const Operand &operand, const OperandState &state, const CoreState &core,
               CallScratch &scratch, const dnnl::memory &from, const dnnl::memory &to) const;
  bool read(const Operand &operand, const OperandState &state, const CoreState &core,
            CallScratch &scratch, const float *from, const float *&held) const;

  Operand lhs, rhs, dst;
  dnnl::primitive primitive;
  dnnl::memory::desc libraryScratch;
  std::vector<CoreState> cores;
};

} // namespace dpcrt
