// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Places of a record to places of its image.
#include "executor/RecordPlan.h"
#include "executor/Plan.h"
#include "program/format/StepRecord.h"
#include <algorithm>
#include <cassert>

namespace dpcrt {

RecordPlan::RecordPlan(const fb::Program &program, const std::vector<ArenaMemory> &arenas) {
  const fb::Ref *header = program.step_record() ? program.step_record()->header() : nullptr;
  if (header) {
    headerAt = arenas[header->index()].data + header->offset();
    ranges.push_back(
        {header->index(), header->offset() + kHostHeader, sizeof(StepHeader) - kHostHeader, 0});
  }
  for (auto *parameter : items(program.parameters()))
    if (const fb::Ref *record = parameter->record())
      ranges.push_back({record->index(), record->offset(), record->bytes(), 0});
  std::sort(ranges.begin(), ranges.end(), isBefore);
  for (Range &range : ranges) {
    range.image = total;
    total += range.bytes;
    DeviceAddress to = arenas[range.arena].data + range.offset;
    if (!all.empty() && all.back().to + all.back().bytes == to)
      all.back().bytes += range.bytes;
    else
      all.push_back({to, range.image, range.bytes});
    if (header && range.arena == header->index() && range.offset == header->offset() + kHostHeader)
      headerImage = range.image;
  }
}

uint64_t RecordPlan::inImage(const fb::Ref &ref) const {
  const Range wanted{ref.index(), ref.offset(), 0, 0};
  auto it = std::lower_bound(ranges.begin(), ranges.end(), wanted, isBefore);
  assert(it != ranges.end() && !isBefore(wanted, *it) && "the host writes headers and entries");
  return it->image;
}

} // namespace dpcrt
