// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buffers of a kernel under test: red zones around them, outputs full of poison, inputs
// remembered.
//
// The poison's bits are a NaN in every float type, so that a result computed from it shows,
// also where accesses are not checked one by one.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_GUARDEDBUFFERS_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_GUARDEDBUFFERS_H

#include "Launch.h"

#include <memory>
#include <string>
#include <vector>

namespace dpc::emulator {

class GuardedBuffers {
public:
  static constexpr uint64_t kRedZone = 4096;
  static constexpr uint64_t kAlignment = 256; ///< what cuMemAlloc gives
  static constexpr unsigned char kPoison = 0xff;

  /// What a kernel only reads.
  void addInput(const void *bytes, uint64_t count) { add(bytes, count, false); }
  /// What a kernel writes over; full of poison before.
  void addOutput(uint64_t count) { add(nullptr, count, true); }
  /// What a kernel reads and writes.
  void addInOut(const void *bytes, uint64_t count) { add(bytes, count, true); }

  size_t size() const { return buffers.size(); }
  void *data(size_t i) const { return buffers[i].begin; }
  uint64_t bytes(size_t i) const { return buffers[i].bytes; }
  std::vector<unsigned char> contents(size_t i) const;
  /// As a launch takes them: a pointer to each buffer's pointer.
  std::vector<void *> arguments();
  std::vector<MemoryRange> ranges() const;

  /// The first byte that was written and must not have been, in a sentence; empty if there
  /// is none.
  std::string findDamage() const;

private:
  struct Buffer {
    std::unique_ptr<unsigned char[]> memory;
    unsigned char *begin = nullptr; ///< behind the first red zone
    void *pointer = nullptr;        ///< begin, as an argument
    uint64_t bytes = 0;
    bool writable = false;
    std::vector<unsigned char> before; ///< of a buffer that is only read
  };
  void add(const void *bytes, uint64_t count, bool writable);
  std::vector<Buffer> buffers;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_GUARDEDBUFFERS_H
