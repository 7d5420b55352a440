// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The manual's chapters Stream Management, Stream Memory Operations and Event Management.
#include "Emulator.h"
#include "Exports.h"

#include <cstring>

using namespace dpc::emulator;

CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority) {
  return call("cuStreamCreateWithPriority", kPlain, [&](Call &c) {
    if (!stream || flags > CU_STREAM_NON_BLOCKING)
      return CUDA_ERROR_INVALID_VALUE;
    priority = std::clamp(priority, kGreatestPriority, kLeastPriority);
    std::shared_ptr<Stream> made =
        c.emulator.scheduler.makeStream(flags == CU_STREAM_DEFAULT, priority);
    c.note("stream", made->number);
    c.note("priority", std::to_string(priority));
    *stream = c.emulator.streams.add(std::move(made));
    return CUDA_SUCCESS;
  });
}

// What it holds runs all the same.
CUresult cuStreamDestroy_v2(CUstream handle) {
  return call("cuStreamDestroy_v2", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = handle ? c.stream(handle) : nullptr;
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture)
      return c.emulator.captures.refuse(*stream->capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    c.emulator.streams.remove(handle);
    c.emulator.scheduler.destroyStream(*stream);
    return CUDA_SUCCESS;
  });
}

static CUresult refuseCaptured(Call &c, Stream &stream, const char *what) {
  explain(std::string(what) + " of " + stream.describe() + ", which is captured");
  return c.emulator.captures.refuse(*stream.capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

CUresult cuStreamQuery(CUstream handle) {
  return call("cuStreamQuery", kUnsafe, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture)
      return refuseCaptured(c, *stream, "a query");
    Scheduler &scheduler = c.emulator.scheduler;
    if (!stream->commands.empty())
      scheduler.answer(stream->asked++);
    if (scheduler.failure != CUDA_SUCCESS)
      return scheduler.failure;
    if (!stream->commands.empty())
      return CUDA_ERROR_NOT_READY;
    stream->asked = 0;
    scheduler.hostSaw(stream->clock);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return call("cuStreamSynchronize", kWaits | kUnsafe, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture)
      return refuseCaptured(c, *stream, "a wait for the end");
    // What other threads enqueue meanwhile is not waited for.
    uint64_t last = stream->enqueued;
    CUresult result = c.waitUntil(stream->describe(),
                                  [&] { return stream->commands.empty() || stream->ran >= last; });
    if (result == CUDA_SUCCESS)
      c.emulator.scheduler.hostSaw(stream->clock);
    return result;
  });
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent eventHandle, unsigned flags) {
  return call("cuStreamWaitEvent", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    std::shared_ptr<Event> event = c.event(eventHandle);
    if (!stream || !event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags != CU_EVENT_WAIT_DEFAULT)
      return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture || event->capture)
      return c.emulator.captures.wait(stream, *event);
    if (event->mark)
      c.emulator.scheduler.wait(*stream, event->mark);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return call("cuStreamBeginCapture_v2", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (mode > CU_STREAM_CAPTURE_MODE_RELAXED)
      return CUDA_ERROR_INVALID_VALUE;
    return c.emulator.captures.begin(stream, mode, threadNumber());
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  return call("cuStreamEndCapture", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!graph)
      return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Graph> captured;
    CUresult result = c.emulator.captures.end(*stream, threadNumber(), captured);
    *graph = nullptr;
    if (captured) {
      c.note("nodes", captured->nodes.size());
      *graph = c.emulator.graphs.add(std::move(captured));
    }
    return result;
  });
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status) {
  return call("cuStreamIsCapturing", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!status)
      return CUDA_ERROR_INVALID_VALUE;
    *status = !stream->capture             ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->capture->isInvalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                           : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
  });
}

// The word at the address, which must be the device's or pinned.
static CUresult wordAt(Call &c, uint64_t address, const char *verb, uint32_t *&word) {
  const Allocation *place = nullptr;
  if (CUresult wrong = c.checkBytes(address, sizeof(uint32_t), verb, place); wrong != CUDA_SUCCESS)
    return wrong;
  if (!place || address % sizeof(uint32_t))
    return c.violate("Stream Memory Operations",
                     "names " + hexadecimal(address) +
                         (place ? ", which is no multiple of 4" : ", which is not pinned"),
                     CUDA_ERROR_INVALID_VALUE);
  word = reinterpret_cast<uint32_t *>(c.emulator.memory.at(address));
  return CUDA_SUCCESS;
}

CUresult cuStreamWaitValue32_v2(CUstream handle, CUdeviceptr address, cuuint32_t value,
                                unsigned flags) {
  return call("cuStreamWaitValue32_v2", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags > CU_STREAM_WAIT_VALUE_EQ)
      return CUDA_ERROR_NOT_SUPPORTED;
    uint32_t *word = nullptr;
    if (CUresult wrong = wordAt(c, address, "reads", word); wrong != CUDA_SUCCESS)
      return wrong;
    Work work;
    work.kind = Work::Kind::Memory;
    work.name = "a wait for a value";
    work.names.push_back(address);
    work.waitsForWord = address;
    work.canRun = [=] {
      uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
      return flags == CU_STREAM_WAIT_VALUE_EQ ? now == value
                                              : static_cast<int32_t>(now - value) >= 0;
    };
    return c.submit(*stream, std::move(work));
  });
}

CUresult cuStreamWriteValue32_v2(CUstream handle, CUdeviceptr address, cuuint32_t value,
                                 unsigned flags) {
  return call("cuStreamWriteValue32_v2", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags != CU_STREAM_WRITE_VALUE_DEFAULT)
      return CUDA_ERROR_NOT_SUPPORTED;
    uint32_t *word = nullptr;
    if (CUresult wrong = wordAt(c, address, "writes", word); wrong != CUDA_SUCCESS)
      return wrong;
    Work work;
    work.kind = Work::Kind::Memory;
    work.name = "a write of a value";
    work.names.push_back(address);
    work.writesWord = address;
    work.run = [=](std::vector<Access> &, uint64_t) {
      __atomic_store_n(word, value, __ATOMIC_RELEASE);
      return CUDA_SUCCESS;
    };
    return c.submit(*stream, std::move(work));
  });
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  return call("cuEventCreate", kPlain, [&](Call &c) {
    constexpr unsigned known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;
    if (!event || flags & ~known)
      return CUDA_ERROR_INVALID_VALUE;
    auto made = std::make_shared<Event>();
    made->isTimed = !(flags & CU_EVENT_DISABLE_TIMING);
    *event = c.emulator.events.add(made);
    made->number = c.emulator.events.numberOf(*event);
    c.note("event", made->number);
    return CUDA_SUCCESS;
  });
}

// Who waits for it goes on doing so.
CUresult cuEventDestroy_v2(CUevent handle) {
  return call("cuEventDestroy_v2", kPlain, [&](Call &c) {
    if (!c.event(handle))
      return CUDA_ERROR_INVALID_HANDLE;
    c.emulator.events.remove(handle);
    return CUDA_SUCCESS;
  });
}

// Of "Execution Control".
CUresult cuLaunchHostFunc(CUstream handle, CUhostFn function, void *data) {
  return call("cuLaunchHostFunc", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!function)
      return CUDA_ERROR_INVALID_VALUE;
    Work work;
    work.name = "a function of the host";
    // It calls nothing of the driver's, which would wait for this call for ever.
    work.run = [=](std::vector<Access> &, uint64_t) {
      function(data);
      return CUDA_SUCCESS;
    };
    return c.submit(*stream, std::move(work));
  });
}

CUresult cuEventRecord(CUevent handle, CUstream streamHandle) {
  return call("cuEventRecord", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(streamHandle);
    std::shared_ptr<Event> event = c.event(handle);
    if (!stream || !event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture)
      return c.emulator.captures.record(*stream, *event);
    if (stream->number == 0)
      if (CUresult wrong = c.emulator.captures.checkLegacy(); wrong != CUDA_SUCCESS)
        return wrong;
    event->capture = nullptr;
    event->mark = c.emulator.scheduler.record(*stream);
    return CUDA_SUCCESS;
  });
}

static CUresult refuseCaptured(Call &c, Event &event) {
  explain("the host asks for event " + std::to_string(event.number) +
          ", which was last recorded in a capture");
  return c.emulator.captures.refuse(*event.capture, CUDA_ERROR_CAPTURED_EVENT);
}

CUresult cuEventQuery(CUevent handle) {
  return call("cuEventQuery", kUnsafe, [&](Call &c) {
    std::shared_ptr<Event> event = c.event(handle);
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture)
      return refuseCaptured(c, *event);
    Scheduler &scheduler = c.emulator.scheduler;
    if (!event->mark)
      return CUDA_SUCCESS;
    if (!event->mark->isPassed)
      scheduler.answer(event->mark->asked++);
    if (scheduler.failure != CUDA_SUCCESS)
      return scheduler.failure;
    if (!event->mark->isPassed)
      return CUDA_ERROR_NOT_READY;
    scheduler.hostSaw(event->mark->clock);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventSynchronize(CUevent handle) {
  return call("cuEventSynchronize", kWaits | kUnsafe, [&](Call &c) {
    std::shared_ptr<Event> event = c.event(handle);
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture)
      return refuseCaptured(c, *event);
    std::shared_ptr<Mark> mark = event->mark;
    if (!mark)
      return CUDA_SUCCESS;
    CUresult result =
        c.waitUntil("event " + std::to_string(event->number), [&] { return mark->isPassed; });
    if (result == CUDA_SUCCESS)
      c.emulator.scheduler.hostSaw(mark->clock);
    return result;
  });
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent beginHandle, CUevent endHandle) {
  return call("cuEventElapsedTime", kPlain, [&](Call &c) {
    std::shared_ptr<Event> begin = c.event(beginHandle), end = c.event(endHandle);
    if (!begin || !end)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!milliseconds)
      return CUDA_ERROR_INVALID_VALUE;
    for (const std::shared_ptr<Event> &event : {begin, end}) {
      if (event->capture)
        return CUDA_ERROR_CAPTURED_EVENT;
      if (!event->mark || !event->isTimed)
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!begin->mark->isPassed || !end->mark->isPassed)
      return CUDA_ERROR_NOT_READY;
    *milliseconds = static_cast<float>(double(end->mark->time - begin->mark->time) / 1e6);
    return CUDA_SUCCESS;
  });
}
