// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stream capture: which streams and events belong to one, what becomes a node, and what the
// vendor forbids meanwhile. The page: CUDA Driver API, Stream Management, and in the
// programming guide "Creating a Graph Using Stream Capture".
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_CAPTURES_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_CAPTURES_H

#include "Scheduler.h"

namespace dpc::emulator {

struct Capture {
  uint64_t number = 0;
  std::shared_ptr<Stream> origin;
  dpcrt::cuda::CUstreamCaptureMode mode = dpcrt::cuda::CU_STREAM_CAPTURE_MODE_GLOBAL;
  uint64_t thread = 0;                          ///< that began it
  std::vector<std::shared_ptr<Stream>> streams; ///< by chain
  std::shared_ptr<Graph> graph;
  bool isInvalid = false, isOver = false;
};

struct Event {
  uint64_t number = 0;
  bool isTimed = true;
  std::shared_ptr<Mark> mark;       ///< its latest record outside of captures; null: none
  std::shared_ptr<Capture> capture; ///< of the latest record, if that was captured
  std::vector<uint32_t> tail;       ///< the nodes of that record
};

class Captures {
public:
  dpcrt::cuda::CUresult begin(std::shared_ptr<Stream> origin, dpcrt::cuda::CUstreamCaptureMode mode,
                              uint64_t thread);
  /// Ends it whatever comes of it.
  dpcrt::cuda::CUresult end(Stream &origin, uint64_t thread, std::shared_ptr<Graph> &out);

  // In a stream that is capturing.
  dpcrt::cuda::CUresult add(Stream &stream, std::shared_ptr<const Work> work);
  dpcrt::cuda::CUresult record(Stream &stream, Event &event);
  /// In any stream: of an event of a capture, which the stream joins, or in a stream of one.
  dpcrt::cuda::CUresult wait(std::shared_ptr<Stream> stream, const Event &event);

  /// A call that must not be made of a capture's stream or event.
  dpcrt::cuda::CUresult refuse(Capture &capture, dpcrt::cuda::CUresult result);
  /// A call that a thread may not make while it captures, but relaxed.
  dpcrt::cuda::CUresult refuseUnsafe(uint64_t thread);
  /// A use of the legacy default stream.
  dpcrt::cuda::CUresult checkLegacy();
  void forgetAll() { current.clear(); }

private:
  void join(const std::shared_ptr<Capture> &capture, std::shared_ptr<Stream> stream);
  std::vector<std::shared_ptr<Capture>> current;
  uint64_t made = 0;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_CAPTURES_H
