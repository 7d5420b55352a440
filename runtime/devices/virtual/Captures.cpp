// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Joining and its rules.
#include "devices/virtual/Captures.h"
#include <algorithm>

namespace dpcrt {

void Captures::join(CaptureMember &queue) {
  queue.capture = current;
  queue.part = partNames.size();
  partNames.push_back(queue.name);
  before.emplace_back();
}

Status Captures::begin(CaptureMember &origin) {
  if (current)
    return fail(error(Code::Internal, "a capture of queue '", origin.name,
                      "' begins while that of '", partNames[0],
                      "' is under way; one at a time would be right"));
  current = ++last;
  failure = {};
  partNames.clear();
  before.clear();
  join(origin);
  return {};
}

Status Captures::end(CaptureMember &origin) {
  if (!current)
    return error(Code::Internal, "a capture of queue '", origin.name, "' ends that was not begun");
  if (!holds(origin) || origin.part != 0)
    return fail(error(Code::Internal, "a capture ends on queue '", origin.name,
                      "' that was begun on '", partNames[0], "'"));
  current = 0;
  std::vector<size_t> &seen = before[0];
  seen.resize(partNames.size());
  for (size_t part = 1; part < partNames.size() && failure.ok(); ++part)
    if (before[part].size() > part && seen[part] < before[part][part])
      failure = error(Code::Internal, "the capture of queue '", partNames[0],
                      "' ends without having waited for what was captured of queue '",
                      partNames[part], "'");
  return failure;
}

Status Captures::work(const CaptureMember &queue) {
  std::vector<size_t> &seen = before[queue.part];
  seen.resize(std::max(seen.size(), queue.part + 1));
  ++seen[queue.part];
  return failure;
}

Status Captures::record(const CaptureMember &queue, CaptureRecord &event) {
  bool isInside = holds(queue);
  event.isRecorded = true;
  event.capture = isInside ? current : 0;
  if (!isInside)
    return {};
  event.before = before[queue.part];
  return failure;
}

Status Captures::wait(CaptureMember &queue, const CaptureRecord &event) {
  bool isInside = holds(queue);
  if (!event.isRecorded)
    return isInside ? failure : Status();
  if (!event.isInternal())
    return isInside ? fail(error(Code::Internal, "queue '", queue.name,
                                 "' is captured and waits for an event that was recorded outside "
                                 "of the capture"))
                    : Status();
  if (event.capture != current) {
    Status s = error(Code::Internal, "queue '", queue.name,
                     "' waits for an event that was recorded in a capture which has ended");
    return isInside ? fail(s) : s;
  }
  if (!isInside)
    join(queue);
  std::vector<size_t> &seen = before[queue.part];
  seen.resize(std::max(seen.size(), event.before.size()));
  for (size_t part = 0; part < event.before.size(); ++part)
    seen[part] = std::max(seen[part], event.before[part]);
  return failure;
}

Status Captures::refuse(const char *what) {
  return current
             ? fail(error(Code::Internal, what, " while queue '", partNames[0], "' is captured"))
             : Status();
}

Status Captures::checkHostWait(const CaptureRecord &event) {
  return event.isInternal() ? Status(Code::Internal, "the host waits for an event that was "
                                                     "recorded in a capture alone")
                            : Status();
}

} // namespace dpcrt
