// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of numbers in error messages.
#ifndef DPC_LIB_DIALECT_NN_TEXT_H
#define DPC_LIB_DIALECT_NN_TEXT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"

namespace dpc::nn {

/// "1, 2, 3"
inline std::string join(llvm::ArrayRef<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

} // namespace dpc::nn

#endif // DPC_LIB_DIALECT_NN_TEXT_H
