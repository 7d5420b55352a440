// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Captures.h.
#include "Captures.h"

namespace dpc::emulator {

using namespace dpcrt::cuda;

void Captures::join(const std::shared_ptr<Capture> &capture, std::shared_ptr<Stream> stream) {
  stream->capture = capture;
  stream->chain = capture->streams.size();
  stream->tail.clear();
  capture->graph->streams.push_back(stream->number);
  capture->streams.push_back(std::move(stream));
}

CUresult Captures::begin(std::shared_ptr<Stream> origin, CUstreamCaptureMode mode,
                         uint64_t thread) {
  if (origin->number == 0) {
    explain("the legacy default stream cannot be captured");
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  if (origin->capture) {
    explain(origin->describe() + " is captured already");
    return refuse(*origin->capture, CUDA_ERROR_ILLEGAL_STATE);
  }
  auto capture = std::make_shared<Capture>();
  capture->number = ++made;
  capture->mode = mode;
  capture->thread = thread;
  capture->graph = std::make_shared<Graph>();
  capture->origin = origin;
  join(capture, std::move(origin));
  current.push_back(std::move(capture));
  return CUDA_SUCCESS;
}

// The first node that nothing which `tail` comes behind leads to; or the number of nodes.
static uint32_t findUnjoined(const Graph &graph, const std::vector<uint32_t> &tail) {
  std::vector<char> isSeen(graph.nodes.size());
  for (uint32_t node : tail)
    isSeen[node] = true;
  // Nodes come behind those that they wait for.
  for (size_t node = graph.nodes.size(); node-- > 0;)
    if (isSeen[node])
      for (uint32_t before : graph.nodes[node].after)
        isSeen[before] = true;
  return std::find(isSeen.begin(), isSeen.end(), 0) - isSeen.begin();
}

CUresult Captures::end(Stream &origin, uint64_t thread, std::shared_ptr<Graph> &out) {
  std::shared_ptr<Capture> capture = origin.capture;
  if (!capture)
    return CUDA_ERROR_ILLEGAL_STATE;
  if (capture->origin.get() != &origin) {
    explain("the capture that " + origin.describe() + " has joined was begun on " +
            capture->origin->describe() + " and must end there");
    return refuse(*capture, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  }
  if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != thread) {
    explain("the capture of " + origin.describe() + " was begun by another thread");
    return refuse(*capture, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
  }
  CUresult result = CUDA_SUCCESS;
  uint32_t unjoined = findUnjoined(*capture->graph, origin.tail);
  if (capture->isInvalid) {
    result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  } else if (unjoined != capture->graph->nodes.size()) {
    const Node &node = capture->graph->nodes[unjoined];
    explain("the capture of " + origin.describe() + " ends without having waited for " +
            node.work->name + " on stream " + std::to_string(capture->graph->streams[node.chain]));
    result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
  } else {
    out = capture->graph;
  }
  capture->isOver = true;
  for (const std::shared_ptr<Stream> &stream : capture->streams)
    stream->capture = nullptr;
  capture->streams.clear();
  capture->origin = nullptr;
  current.erase(std::find(current.begin(), current.end(), capture));
  return result;
}

CUresult Captures::refuse(Capture &capture, CUresult result) {
  if (!capture.isOver)
    capture.isInvalid = true;
  return result;
}

CUresult Captures::refuseUnsafe(uint64_t thread) {
  CUresult result = CUDA_SUCCESS;
  for (const std::shared_ptr<Capture> &capture : current)
    if (capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
        (capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && capture->thread == thread)) {
      explain("a call that may wait or allocates is made while " + capture->origin->describe() +
              " is captured");
      result = refuse(*capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
  return result;
}

CUresult Captures::checkLegacy() {
  CUresult result = CUDA_SUCCESS;
  for (const std::shared_ptr<Capture> &capture : current)
    for (const std::shared_ptr<Stream> &stream : capture->streams)
      if (stream->isBlocking) {
        explain("the legacy default stream is used while " + stream->describe() +
                ", which is ordered with it, is captured");
        result = refuse(*capture, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
      }
  return result;
}

CUresult Captures::add(Stream &stream, std::shared_ptr<const Work> work) {
  if (stream.capture->isInvalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  Graph &graph = *stream.capture->graph;
  graph.nodes.push_back({std::move(work), stream.tail, stream.chain});
  stream.tail = {static_cast<uint32_t>(graph.nodes.size() - 1)};
  return CUDA_SUCCESS;
}

CUresult Captures::record(Stream &stream, Event &event) {
  if (stream.capture->isInvalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  event.capture = stream.capture;
  event.tail = stream.tail;
  return CUDA_SUCCESS;
}

CUresult Captures::wait(std::shared_ptr<Stream> stream, const Event &event) {
  if (stream->capture && stream->capture->isInvalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (!event.capture) {
    if (!event.mark)
      return CUDA_SUCCESS;
    explain(stream->describe() + " is captured and waits for event " +
            std::to_string(event.number) + ", which was recorded outside of the capture");
    return refuse(*stream->capture, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  }
  if (event.capture->isOver) {
    explain(stream->describe() + " waits for event " + std::to_string(event.number) +
            ", which was recorded in a capture that has ended");
    return stream->capture ? refuse(*stream->capture, CUDA_ERROR_CAPTURED_EVENT)
                           : CUDA_ERROR_CAPTURED_EVENT;
  }
  if (event.capture->isInvalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream->number == 0) {
    explain("the legacy default stream waits for an event of a capture");
    return refuse(*event.capture, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  }
  if (stream->capture && stream->capture != event.capture) {
    explain(stream->describe() + " is captured and waits for an event of another capture");
    refuse(*event.capture, CUDA_ERROR_STREAM_CAPTURE_MERGE);
    return refuse(*stream->capture, CUDA_ERROR_STREAM_CAPTURE_MERGE);
  }
  if (!stream->capture)
    join(event.capture, stream);
  for (uint32_t node : event.tail)
    if (std::find(stream->tail.begin(), stream->tail.end(), node) == stream->tail.end())
      stream->tail.push_back(node);
  return CUDA_SUCCESS;
}

} // namespace dpc::emulator
