// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// XXH3 with 128 bits (libxxhash): detects damage at the speed of memory. It is no
// protection against malice.
#pragma once
#include "program/format/Status.h"
#include <memory>
#include <string>

namespace dpcrt {

class Hash {
public:
  Hash();
  ~Hash();
  Hash(const Hash &) = delete;
  Hash &operator=(const Hash &) = delete;
  void update(const void *data, uint64_t bytes);
  // 32 hexadecimal digits; more may be added afterwards.
  std::string hex() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

std::string hashHex(const void *data, uint64_t bytes);
// Of a whole file, read in pieces; failures have `code`.
Status hashFile(const std::string &path, Code code, std::string &hex);

} // namespace dpcrt
