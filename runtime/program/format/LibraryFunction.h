// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the format says of a library function: its name, its operands, when a
// description of it is a legal one, and its text. One of these per table of the union
// LibraryFunction in Program.fbs; checker and printer know library calls by these
// alone, so that a new function is a table there, a file here and a row in
// LibraryFunctions.cpp.
#pragma once
#include "program/format/Program.h"

#include <initializer_list>
#include <iosfwd>
#include <string>
#include <vector>

namespace dpcrt {

// A library call of a file that is being read. Its vectors are walked once each, within
// the file's budget (Validator::walk); what lies outside of it reads as empty.
class LibraryDescription {
public:
  virtual ~LibraryDescription();
  virtual std::vector<uint64_t> read(const flatbuffers::Vector<uint64_t> *numbers) const = 0;

  const fb::LibraryCall &call;
  const std::vector<fb::Buffer> operands;

protected:
  LibraryDescription(const fb::LibraryCall &call, std::vector<fb::Buffer> operands)
      : call(call), operands(std::move(operands)) {}
};

class LibraryFunction {
public:
  virtual ~LibraryFunction();
  // "matmul".
  virtual const char *name() const = 0;

  // What is wrong with the description; "" if nothing is. Completes the sentence
  // "library call 3, a matmul, ...". The operands are checked already: each has whole
  // elements of a known type, and at most kMaxBytes.
  virtual std::string findProblem(const LibraryDescription &call) const = 0;

  // The description as one line without its end.
  virtual void print(std::ostream &out, const fb::LibraryCall &call) const = 0;
};

// Null for a function that this build does not know.
const LibraryFunction *findLibraryFunction(fb::LibraryFunction function);

// For implementations.

// The most dimensions of a description that has a list of them.
inline constexpr size_t kMaxLibraryDimensions = 12;
// The most blocks an output is dealt in: each is made ready at load.
inline constexpr uint64_t kMaxLibraryBlocks = 1u << 20;

// The number of elements that `dims` x `strides` reach, the last one included; false on
// overflow. No dimension is 0.
bool reachOf(const std::vector<uint64_t> &dims, const std::vector<uint64_t> &strides,
             uint64_t &elements);

// The problem with an operand's type or access, in the words of findProblem; "" if it is
// one of `types` and used as `access` says.
std::string operandProblem(const fb::Buffer &operand, const char *name,
                           std::initializer_list<Element> types, fb::Access access);

// Whether a library that computes in f32 is handed a copy of such elements, in
// workspace.
inline bool isWidened(Element element) {
  return element == Element::BF16 || element == Element::F16;
}
// Bytes of the copy of so many elements, a whole number of cache lines.
constexpr uint64_t widenedBytes(uint64_t elements) {
  return (elements * 4 + kAlignment - 1) / kAlignment * kAlignment;
}

// Of a function of two sources and a destination: their types and accesses, and the
// workspace behind them, in which each that is not f32 is widened whole.
std::string productOperandsProblem(const std::vector<fb::Buffer> &operands,
                                   const char *const (&names)[3], bool accumulate);

} // namespace dpcrt
