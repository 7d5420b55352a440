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
#include <optional>
#include <vector>

namespace dpc::lowering {

/// A touch of bytes by item `item`, on `stream`. `part` tells which part of the
/// item made it (the operand of a run, the transfer of an exchange), so that the
/// wait can be for that part alone; -1 is the whole item. Where the parts of an item
/// end one after the other on a stream, `place` says when (from 1), and `written` when
/// the part has been written, which may be earlier; 0: no order is known.
struct Touch {
  unsigned item = 0;
  int part = -1;
  unsigned stream = 0;
  unsigned place = 0, written = 0;
};

class Hazards {
public:
  Hazards(unsigned arenas, unsigned streams) : arenas(arenas), known(streams), underWay(streams) {}

  /// Touches of other items that must come before this one. Results are in order of item and
  /// part, one of each on a stream, without those on `touch.stream`. Of one that is only read again
  /// now, `written` says how far its item must have come, else `place`: both are then that.
  std::vector<Touch> conflicts(unsigned arena, int64_t offset, int64_t bytes, bool write,
                               const Touch &touch) const;
  /// Records this one, for the items behind. What its own item has touched before, on another
  /// stream, stays beside it: which of them comes first is for the item to know.
  void touch(unsigned arena, int64_t offset, int64_t bytes, bool write, const Touch &touch);

  /// An earlier touch that part `by` of a command has to come after, which begins at
  /// place `at` of the command: before what ends at that place, behind all at lower ones.
  struct Awaited {
    Touch earlier;
    unsigned by = 0, at = 0;
  };
  /// Of what one command awaits on `stream`, what has to be waited for: not what the
  /// stream knows already, and not what another of these tells it in time. In the order
  /// of `by` and of items.
  std::vector<Awaited> reduce(unsigned stream, std::vector<Awaited> awaited) const;
  /// Tells that `stream` from now on waits for all of them.
  void waitForAll(unsigned stream, std::vector<Awaited> awaited);

  /// Whether `stream` already waits for this touch, directly or through others.
  bool isOrdered(unsigned stream, const Touch &earlier) const;
  /// The same of what stands at a place in the item whose waits the stream has been told.
  bool isOrderedAt(unsigned place, unsigned stream, const Touch &earlier) const;
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
  /// How far a stream has come: an item, and the place in it up to which it has ended.
  using Reached = std::pair<int64_t, unsigned>;
  static Reached reachedBy(const Touch &touch);
  static Reached neededBy(const Touch &touch);
  /// What a stream knows of others: how far each has come at least, and which parts that
  /// are in no order with others have ended, by their numbers.
  struct Knowledge {
    std::map<unsigned, Reached> reached;
    std::vector<bool> parts;
  };
  bool covers(const Knowledge &knowledge, const Touch &touch) const;
  /// The number of a part that is in no order with others; none of what is.
  std::optional<size_t> numberOf(const Touch &touch) const;
  void learn(Knowledge &knowledge, const Touch &touch);
  /// What the touch's stream knew when it made it.
  const Knowledge *knownAt(const Touch &touch) const;
  void splitAt(std::map<int64_t, Segment> &segments, int64_t offset);
  /// Whether who has waited for `later` need not wait for `earlier`.
  bool implies(const Touch &later, const Touch &earlier) const;

  std::vector<std::map<int64_t, Segment>> arenas;
  std::vector<Knowledge> known;
  // Of an item on a stream: what the stream knew from a place in the item on.
  using Snapshots = std::vector<std::pair<unsigned, Knowledge>>;
  std::map<std::pair<unsigned, unsigned>, Snapshots> atItem;
  std::vector<Snapshots> underWay; // of the item whose waits each stream has been told
  std::map<std::pair<unsigned, int>, size_t> partNumbers;
};

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_HAZARDS_H
