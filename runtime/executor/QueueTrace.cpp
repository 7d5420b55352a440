// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times of events to spans.
#include "executor/QueueTrace.h"
#include <algorithm>

namespace dpcrt {
namespace {
using Kind = TapeEntry::Kind;

// Phases of an operation wait for other ranks, and are shown as one span with that.
bool isActing(const TapeEntry &entry) {
  return entry.command &&
         (entry.kind == Kind::Command || entry.kind == Kind::Feed || entry.kind == Kind::Fetch ||
          entry.kind == Kind::Phase || entry.kind == Kind::Spend);
}

// Spans of one queue, in the order of its commands.
class QueueSpans {
public:
  void add(const TapeEntry &entry, int64_t begin, int64_t end) {
    if (entry.run && (block == kNone || spans[block].what != entry.run)) {
      block = spans.size();
      spans.push_back({SpanKind::Block, entry.run, begin, end});
    } else if (!entry.run) {
      block = kNone;
    }
    if (block != kNone)
      spans[block].end = end;
    busy += end - std::max(begin, busyUntil);
    busyUntil = end;
    // Time that is spent for a command, and the phases of an operation, are one span with it.
    bool goesOn = last && last->command == entry.command && last->run == entry.run &&
                  (entry.phase > 0 || last->kind == Kind::Spend);
    last = &entry;
    if (goesOn)
      spans.back().end = end;
    else
      spans.push_back({SpanKind::Command, entry.command, begin, end});
  }

  std::vector<Span> spans;
  int64_t busy = 0;

private:
  static constexpr size_t kNone = SIZE_MAX;
  size_t block = kNone; // the one that the last command belonged to
  const TapeEntry *last = nullptr;
  int64_t busyUntil = 0;
};
} // namespace

QueueTrace::QueueTrace(const Tape &tape, QueueDevice &device) : tape(tape) {
  for (const TapeEntry &entry : tape.entries) {
    bool acts = isActing(entry);
    begins.push_back(acts ? device.makeEvent(/*timed=*/true) : nullptr);
    ends.push_back(acts ? device.makeEvent(/*timed=*/true) : nullptr);
  }
}

void QueueTrace::collect(const std::vector<const RankPlan *> &planOf, int64_t begin, int64_t end,
                         std::vector<StreamSpans> &spans, std::vector<double> &bubble) const {
  std::vector<QueueSpans> queues(tape.queues.size());
  for (size_t e = 0; e < tape.entries.size(); ++e)
    if (begins[e])
      queues[tape.entries[e].queue].add(tape.entries[e], begins[e]->time(), ends[e]->time());
  uint32_t stream = 0;
  for (size_t q = 0; q < queues.size(); ++q) {
    const TapeQueue &queue = tape.queues[q];
    stream = q && tape.queues[q - 1].rank == queue.rank ? stream + 1 : 0;
    if (stream == 0)
      bubble.push_back(0);
    if (queue.kind == fb::StreamKind::Compute)
      bubble.back() = 1 - double(queues[q].busy) / double(std::max<int64_t>(end - begin, 1));
    if (!queues[q].spans.empty())
      spans.push_back({planOf[q]->rank, stream, 0, std::move(queues[q].spans)});
  }
}

} // namespace dpcrt
