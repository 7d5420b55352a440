// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which bytes of memory a launch has read and written, to the byte.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_TOUCHED_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_TOUCHED_H

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace dpc::emulator {

class Touched {
public:
  struct Range {
    uint64_t begin = 0, bytes = 0;
    bool written = false;
  };

  void add(const void *address, uint64_t bytes, bool write);
  /// Reads, then writes, each by address, as few ranges as there can be. Forgets everything.
  std::vector<Range> take();

private:
  static constexpr uint64_t kPage = 4096; ///< bytes, a bit each
  struct Page {
    uint64_t bits[2][kPage / 64] = {}; ///< read, written
  };
  void append(std::vector<Range> &ranges, const std::vector<uint64_t> &order, bool written) const;
  Page &pageOf(uint64_t number);

  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages;
  uint64_t lastNumber = 0;
  Page *last = nullptr;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_TOUCHED_H
