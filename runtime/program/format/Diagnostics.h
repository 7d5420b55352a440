// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Errors collected up to a limit.
//
// A damaged program has many faults at once. Checks write each into a
// Diagnostics and go on; the first ones are kept, the rest counted, and the
// whole becomes one Status with an error per line.

#ifndef DPCRT_PROGRAM_FORMAT_DIAGNOSTICS_H
#define DPCRT_PROGRAM_FORMAT_DIAGNOSTICS_H

#include "program/format/Status.h"

#include <cstdint>
#include <vector>

namespace dpcrt {

class Diagnostics {
public:
  explicit Diagnostics(unsigned limit = 20) : limit(limit) {}

  /// Adds an error whose text is its arguments written one after the other.
  template <typename... Parts> void error(const Parts &...parts) {
    ++total;
    if (kept.size() >= limit)
      return;
    std::ostringstream out;
    (out << ... << parts);
    kept.push_back(out.str());
  }

  /// Takes over what another collection found, its own limit permitting.
  void append(const Diagnostics &other);

  bool empty() const { return total == 0; }
  /// True once further errors are only counted: their text need not be found.
  bool full() const { return kept.size() >= limit; }
  uint64_t count() const { return total; }
  const std::vector<std::string> &errors() const { return kept; }

  /// Success if there are no errors, else `code` with an error per line.
  Status status(Code code) const;

private:
  unsigned limit;
  uint64_t total = 0;
  std::vector<std::string> kept;
};

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_DIAGNOSTICS_H
