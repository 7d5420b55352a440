// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A library call of a program, made ready for the cores of a CPU. A function of the
// format (program/format/LibraryFunction.h) is one class here and a row in
// LibraryPlans.cpp; the device knows nothing else of libraries.
#pragma once
#include "program/format/Program.h"
#include "program/format/Status.h"
#include <cstddef>
#include <memory>

namespace dpcrt {

class ConvolutionLibrary;
class MatmulLibrary;
struct CallScratch;

// What calls of one device share: primitives of equal blocks, made once.
struct CpuLibraries {
  explicit CpuLibraries(unsigned cores);
  ~CpuLibraries();
  uint64_t scratchBytes() const; // per core, of the most demanding call

  std::unique_ptr<MatmulLibrary> matmul;
  std::unique_ptr<ConvolutionLibrary> convolution;
};

// A call is steps, one after the other; a step is pieces, which the device deals to
// its cores in any order. Which pieces there are depends on the description alone, and
// no piece holds a part of a sum: bits do not depend on the number of threads.
class LibraryPlan {
public:
  virtual ~LibraryPlan();
  virtual size_t steps() const { return 1; }
  virtual size_t pieces(size_t step) const = 0;
  // Whether the step is long enough that help from other cores pays.
  virtual bool isShared(size_t step) const = 0;
  // `buffers`: the call's operands in order. False if the library failed.
  virtual bool run(size_t step, size_t piece, int core, CallScratch &scratch,
                   void *const *buffers) const = 0;
  // What the library calls the implementation of the first piece.
  virtual const char *implementation() const = 0;
};

// A command shorter than this is over before a helper is awake.
inline constexpr double kShareSeconds = 60e-6;

Status planLibraryCall(const fb::LibraryCall &call, CpuLibraries &libraries,
                       std::unique_ptr<LibraryPlan> &out);

} // namespace dpcrt
