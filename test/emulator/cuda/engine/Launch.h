// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Executes a kernel of a twin: blocks one after another, a fiber per thread.
//
// A device promises no order of threads between barriers and none of blocks. The seed
// draws both: the order of blocks, and in each block which thread goes on next, drawn
// again at every barrier, shuffle and vote, where a thread always stops. What a correct
// kernel computes does not depend on it. What no kernel may do (leave the block while
// others wait, meet others at different barriers, name lanes that do not come, read a lane
// that takes no part, read or write what no buffer holds, let two threads use a place of
// shared memory with no barrier between) ends the launch with a Fault.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_LAUNCH_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_LAUNCH_H

#include "Touched.h"
#include "Twin.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dpc::emulator {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

/// Memory that a kernel may use.
struct MemoryRange {
  const void *begin = nullptr;
  uint64_t bytes = 0;
  bool writable = false;
  std::string name; ///< for messages: "buffer 2"
};

enum class FaultKind {
  Launch,          ///< the launch itself is not possible
  Synchronization, ///< of a barrier, a shuffle, a vote
  Misaligned,
  IllegalAddress,
  Race, ///< two threads use one place with no barrier between
};

struct Fault {
  FaultKind kind = FaultKind::Launch;
  std::string what;
  std::string kernel;
  std::optional<Dim3> block, thread; ///< none for a launch that did not begin
  /// All of it in one sentence.
  std::string message() const;
};

struct Launch {
  const Kernel *kernel = nullptr;
  Dim3 grid, block;
  void *const *arguments = nullptr; ///< a pointer to each parameter
  uint64_t dynamicSharedBytes = 0;
  uint64_t seed = 0;
  /// All memory that the kernel may use beside its own; null: any. Ranges do not overlap.
  const std::vector<MemoryRange> *memory = nullptr;
  bool findRaces = true; ///< in shared memory
  /// In what the kernel may write of `memory`, too, if that is not more than so many bytes.
  /// Stricter than a device: writing what is there already, or what another lane has read
  /// before a shuffle, counts as a race.
  uint64_t findRacesUpTo = 0;
  /// A site at which threads do not wait and shuffles give a thread its own value: for
  /// tests that must notice what is left out.
  std::optional<uint64_t> leaveOut;
  /// Told every access to `memory`; or null.
  Touched *touched = nullptr;
};

/// Keeps what launches need: stacks, threads, shared memory. Serves one host thread at a
/// time.
class Engine {
public:
  Engine();
  ~Engine();
  /// Executes all blocks, or those up to a fault.
  std::optional<Fault> launch(const TwinTable &twin, const Launch &launch);

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_LAUNCH_H
