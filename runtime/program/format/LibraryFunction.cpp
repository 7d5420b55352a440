// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library functions of the format, and what their descriptions share.
#include "program/format/LibraryFunction.h"

#include "program/format/LibraryFunctions.h"
#include "program/format/Naming.h"

#include <algorithm>

namespace dpcrt {

LibraryFunction::~LibraryFunction() = default;
LibraryDescription::~LibraryDescription() = default;

const LibraryFunction *findLibraryFunction(fb::LibraryFunction function) {
  switch (function) {
  case fb::LibraryFunction::Matmul:
    return &matmulFunction();
  case fb::LibraryFunction::NONE:
    break;
  }
  return nullptr;
}

bool reachOf(const std::vector<uint64_t> &dims, const std::vector<uint64_t> &strides,
             uint64_t &elements) {
  elements = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    uint64_t span = 0;
    if (__builtin_mul_overflow(dims[d] - 1, strides[d], &span) ||
        __builtin_add_overflow(elements, span, &elements))
      return false;
  }
  return true;
}

std::string operandProblem(const fb::Buffer &operand, const char *name,
                           std::initializer_list<Element> types, fb::Access access) {
  if (std::find(types.begin(), types.end(), elementOf(operand)) == types.end())
    return std::string("takes ") + name + " of type " + nameOf(elementOf(operand)) +
           ", which it does not compute";
  if (operand.access() != access)
    return std::string("has its ") + name + " declared " + accessName(operand.access()) +
           "; it is " + accessName(access);
  return "";
}

} // namespace dpcrt
