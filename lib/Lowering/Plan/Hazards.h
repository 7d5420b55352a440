// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finds the events a command has to wait for.
//
// Items of a rank are visited in its sequence, which is an order that a single
// thread could execute. Each item occupies one or more streams and touches byte
// ranges. Two touches of overlapping bytes, one of them a write, must be ordered:
// the stream does it if both are on it, else the later item waits for an event
// of the earlier one. A wait that an earlier wait of the same stream already
// implies is left out. The program checker proves the result independently.
#ifndef DPC_LIB_LOWERING_PLAN_HAZARDS_H
#define DPC_LIB_LOWERING_PLAN_HAZARDS_H

#include <cstdint>
#include <map>
#include <vector>

namespace dpc::lowering {

/// A touch of bytes by item `item`, on `stream`. `part` tells which part of the
/// item made it (the operand of a run, the transfer of an exchange), so that the
/// wait can be for that part alone; -1 is the whole item.
struct Touch {
  unsigned item = 0;
  int part = -1;
  unsigned stream = 0;
};

class Hazards {
public:
  Hazards(unsigned arenas, unsigned streams) : arenas(arenas), known(streams) {}

  /// Touches of others that must come before this one; records this one. Results
  /// are in order of item and part, without those on `touch.stream`.
  std::vector<Touch> touch(unsigned arena, int64_t offset, int64_t bytes, bool write, Touch touch);

  /// Whether `stream` already waits for this touch, directly or through others.
  bool isOrdered(unsigned stream, const Touch &earlier) const;
  /// Tells that `stream` from now on waits for this touch.
  void wait(unsigned stream, const Touch &earlier);
  /// Tells that `item` on `stream` has been placed, with all of its waits.
  void place(unsigned item, unsigned stream);

private:
  struct Segment {
    int64_t end = 0;
    std::vector<Touch> writes; // of the last writer (several parts at most)
    std::vector<Touch> reads;  // since then
  };
  // Latest item of each stream that is complete for a stream, -1 none.
  struct Knowledge {
    std::map<unsigned, int64_t> complete;
  };
  void splitAt(std::map<int64_t, Segment> &segments, int64_t offset);

  std::vector<std::map<int64_t, Segment>> arenas;
  std::vector<Knowledge> known;
  std::map<unsigned, std::map<unsigned, Knowledge>>
      atItem; // item -> stream -> knowledge when placed
};

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_HAZARDS_H
