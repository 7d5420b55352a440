// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The emulated driver as a whole, and how each of its functions begins and ends.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_EMULATOR_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_EMULATOR_H

#include "Captures.h"
#include "Handles.h"
#include "Modules.h"

#include <condition_variable>
#include <mutex>

namespace dpc::emulator {

struct Emulator {
  std::mutex mutex;
  std::condition_variable changed;
  Options options;
  Log log;
  Memory memory;
  Scheduler scheduler{memory, log};
  Captures captures;
  KernelRunner kernels{memory};

  bool isInitialised = false;
  uint64_t retained = 0; ///< how often the primary context is
  uint64_t context = 0;  ///< its number; grows with each that is made
  uint64_t calls = 0;
  std::map<std::string, uint64_t> callsOf;

  Handles<Stream, dpcrt::cuda::CUstream> streams{1, "stream"};
  Handles<Event, dpcrt::cuda::CUevent> events{2, "event"};
  Handles<Graph, dpcrt::cuda::CUgraph> graphs{3, "graph"};
  Handles<GraphExec, dpcrt::cuda::CUgraphExec> execs{4, "executable graph"};
  Handles<Module, dpcrt::cuda::CUmodule> modules{5, "module"};
  Handles<Function, dpcrt::cuda::CUfunction> functions{6, "function"};

  /// Reads the options again and makes an empty context, or leaves nothing of one.
  void readOptions();
  void beginContext();
  void endContext();
  dpcrt::cuda::CUcontext contextHandle() const {
    return reinterpret_cast<dpcrt::cuda::CUcontext>(uint64_t(7) << 44 | context << 4);
  }
};

Emulator &emulator();

/// What a function asks for and does.
enum Trait : unsigned {
  kPlain = 0,
  kAnyTime = 1,   ///< needs no cuInit
  kNoContext = 2, ///< needs no current context
  kWaits = 4,     ///< the host may wait for the device in it, or it is told to
  kUnsafe = 8,    ///< forbidden to a thread that captures, but relaxed
  kNested = 16,   ///< part of a call that has been counted
};

/// A call of a function by the program. The emulator is its own until it ends.
class Call {
public:
  Call(const char *name, unsigned traits);
  ~Call();

  /// Why it must not do anything; or success.
  dpcrt::cuda::CUresult refused = dpcrt::cuda::CUDA_SUCCESS;
  dpcrt::cuda::CUresult result = dpcrt::cuda::CUDA_SUCCESS;
  bool isLeftOut = false; ///< it is told to do nothing and succeed
  Emulator &emulator;

  template <typename Value> void note(const char *key, const Value &value) {
    if (emulator.log.isOpen())
      details.add(key, value);
  }
  void noteJson(const char *key, const std::string &json) {
    if (emulator.log.isOpen())
      details.addRaw(key, json);
  }
  /// That it waits, though functions of its kind need not.
  void waits() { isWaiting = true; }

  /// The vendor's rule is broken, and this is what the driver says then.
  dpcrt::cuda::CUresult violate(const char *chapter, const std::string &what,
                                dpcrt::cuda::CUresult result);
  /// The stream of a handle, which may be null: the legacy default stream. Null, and a
  /// violation, if there is none.
  std::shared_ptr<Stream> stream(dpcrt::cuda::CUstream handle);
  std::shared_ptr<Event> event(dpcrt::cuda::CUevent handle);
  /// Puts it into the stream, or into the capture that the stream is part of.
  dpcrt::cuda::CUresult submit(Stream &stream, Work work);
  /// Runs commands until it is so, or the device has failed.
  template <typename Condition>
  dpcrt::cuda::CUresult waitUntil(const std::string &what, Condition isSo) {
    while (!isSo() && emulator.scheduler.failure == dpcrt::cuda::CUDA_SUCCESS)
      if (!emulator.scheduler.step())
        sleep(what);
    return emulator.scheduler.failure;
  }
  /// Checks that an asynchronous call may name these bytes; then `place` is the allocation of
  /// device or pinned memory that holds them, or null for other memory of the host.
  dpcrt::cuda::CUresult checkBytes(uint64_t address, uint64_t bytes, const char *verb,
                                   const Allocation *&place);

private:
  void sleep(const std::string &what);
  bool isToldToFail();

  const char *name;
  bool isNested;
  bool isWaiting;
  std::unique_lock<std::mutex> lock;
  JsonLine details;
  int64_t began;
  int64_t idleSince = 0;
  uint64_t idleChanges = 0;
};

/// The whole of a function: `body` is given the Call. `told`: of a function of another library,
/// whose results are other ones: what it is told to fail with.
template <typename Body>
dpcrt::cuda::CUresult call(const char *name, unsigned traits, Body body, uint32_t *told = nullptr) {
  Call current(name, traits);
  if (told && current.refused != dpcrt::cuda::CUDA_SUCCESS)
    return *told = current.refused, dpcrt::cuda::CUDA_SUCCESS;
  if (current.isLeftOut)
    return dpcrt::cuda::CUDA_SUCCESS;
  current.result = current.refused == dpcrt::cuda::CUDA_SUCCESS ? body(current) : current.refused;
  return current.result;
}

/// Of the calling thread, by its first call, from 0.
uint64_t threadNumber();
/// The contexts that are current in this thread, the newest last; 0: none.
std::vector<uint64_t> &contextsOfThread();
const char *nameOf(dpcrt::cuda::CUresult result);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_EMULATOR_H
