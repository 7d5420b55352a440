// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who used which bytes, and whether anything orders it before who uses them now. What is not
// ordered could as well have run the other way round, or at once: it is found whatever order
// was drawn.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_CONFLICTS_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_CONFLICTS_H

#include "Clock.h"

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace dpc::emulator {

/// Bytes that a command uses.
struct Access {
  uint64_t begin = 0, bytes = 0;
  bool writes = false;
};

class Conflicts {
public:
  struct Found {
    uint64_t begin = 0, bytes = 0; ///< where both meet
    std::string other;             ///< the earlier one
    bool otherWrote = false;
  };

  /// Notes what `who` does at `moment`, with all of `clock` before it, and gives the first
  /// earlier use of the same bytes, one of the two writing, that is not in `clock`.
  std::optional<Found> use(const Access &access, const std::string &who, const Moment &moment,
                           const Clock &clock);
  /// Nobody has used these bytes.
  void forget(uint64_t begin, uint64_t bytes);
  void forgetAll() { parts.clear(); }

private:
  struct Use {
    Moment moment; ///< time 0: none
    uint32_t who = 0;
  };
  struct Part {
    uint64_t end = 0;
    Use written;
    std::vector<Use> read; ///< since then, none before another
  };
  using Parts = std::map<uint64_t, Part>; ///< by their begin; they do not overlap
  /// Makes a part begin there, if one reaches across.
  void cut(uint64_t at);
  uint32_t numberOf(const std::string &who);

  Parts parts;
  std::vector<std::string> names;
  std::unordered_map<std::string, uint32_t> numbers;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_CONFLICTS_H
