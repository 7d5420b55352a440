// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Errors collected up to a limit.

#include "program/format/Diagnostics.h"

using namespace dpcrt;

void Diagnostics::append(const Diagnostics &other) {
  for (const std::string &text : other.kept)
    if (kept.size() < limit)
      kept.push_back(text);
  total += other.total;
}

Status Diagnostics::status(Code code) const {
  if (empty())
    return Status::success();
  std::string text;
  for (const std::string &line : kept) {
    if (!text.empty())
      text += '\n';
    text += line;
  }
  if (total > kept.size())
    text += "\nand " + std::to_string(total - kept.size()) + " more";
  return Status(code, std::move(text));
}
