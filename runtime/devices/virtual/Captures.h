// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which queues and events belong to a capture, for devices of queues on the host: the rules of
// Queue.h, in one place. What a captured command is, only the device knows. Of each queue of a
// capture it is known how much of every other's work comes before it, so that work which nobody
// has waited for is found at the end.
#pragma once
#include "program/format/Status.h"
#include <atomic>
#include <string>
#include <vector>

namespace dpcrt {

// In each queue and each event of a device.
class CaptureMember {
public:
  explicit CaptureMember(std::string name) : name(std::move(name)) {}
  const std::string name;

private:
  friend class Captures;
  uint64_t capture = 0; // the latest one that it was part of
  size_t part = 0;      // of that
};
class CaptureRecord {
public:
  // Whether the latest record was captured: then nobody outside can wait for it. Another thread
  // may be recording.
  bool isInternal() const { return capture != 0; }

private:
  friend class Captures;
  std::atomic<uint64_t> capture{0}; // of the latest record; 0: outside, or none
  bool isRecorded = false;
  std::vector<size_t> before; // of a captured record: how much of each part
};

class Captures {
public:
  Status begin(CaptureMember &origin);
  // All queues are outside again, also behind an error.
  Status end(CaptureMember &origin);
  bool isUnderWay() const { return current != 0; }
  bool holds(const CaptureMember &queue) const { return current && queue.capture == current; }
  // Of a queue that it holds: its number in the capture, the origin's being 0.
  size_t partOf(const CaptureMember &queue) const { return queue.part; }
  // The queues of the capture that has ended last, or goes on.
  const std::vector<std::string> &names() const { return partNames; }

  // Of a queue that it holds: one more command.
  Status work(const CaptureMember &queue);
  // A record in any queue, and a wait, by which one may join.
  Status record(const CaptureMember &queue, CaptureRecord &event);
  Status wait(CaptureMember &queue, const CaptureRecord &event);
  // What must not happen while there is a capture; no error if there is none.
  Status refuse(const char *what);

  // Of the host, which waits for `event`.
  static Status checkHostWait(const CaptureRecord &event);

private:
  void join(CaptureMember &queue);
  Status fail(Status status) {
    failure = std::move(status);
    return failure;
  }

  uint64_t current = 0, last = 0;
  std::vector<std::string> partNames;
  std::vector<std::vector<size_t>> before; // by part: how much of each comes before what is next
  Status failure;                          // of the capture under way
};

} // namespace dpcrt
