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
  case fb::LibraryFunction::Convolution:
    return &convolutionFunction();
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

std::string productOperandsProblem(const std::vector<fb::Buffer> &operands,
                                   const char *const (&names)[3], bool accumulate) {
  std::string three = std::string(names[0]) + ", " + names[1];
  if (operands.size() < 3)
    return "has " + std::to_string(operands.size()) + " operands; it takes " + three + " and " +
           names[2];
  uint64_t workspace = 0;
  for (size_t i = 0; i < 3; ++i) {
    fb::Access access = i < 2        ? fb::Access::Read
                        : accumulate ? fb::Access::ReadWrite
                                     : fb::Access::Write;
    if (std::string problem = operandProblem(operands[i], names[i],
                                             {Element::F32, Element::BF16, Element::F16}, access);
        !problem.empty())
      return problem;
    if (isWidened(elementOf(operands[i])))
      workspace += widenedBytes(operands[i].bytes() / 2);
  }
  if (operands.size() != (workspace ? 4 : 3))
    return "has " + std::to_string(operands.size()) + " operands; it takes " + three + ", " +
           names[2] + (workspace ? " and workspace" : " and no more");
  if (!workspace)
    return "";
  if (operands[3].bytes() != workspace)
    return "has " + std::to_string(operands[3].bytes()) + " bytes of workspace; it needs " +
           std::to_string(workspace);
  return operandProblem(operands[3], "workspace", {Element::U8}, fb::Access::Write);
}

} // namespace dpcrt
