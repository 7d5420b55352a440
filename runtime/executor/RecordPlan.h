// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The part of a rank's step record that the host writes before each step
// (program/format/StepRecord.h): an image of it, and where its pieces belong.
#pragma once
#include "devices/DeviceAddress.h"
#include "program/format/Program.h"
#include <tuple>
#include <vector>

namespace dpcrt {

struct ArenaMemory;

class RecordPlan {
public:
  RecordPlan() = default;
  // Of a valid program whose arenas lie there.
  RecordPlan(const fb::Program &program, const std::vector<ArenaMemory> &arenas);

  // Bytes of the image that go to one address; pieces that lie side by side are one.
  struct Piece {
    DeviceAddress to;
    uint64_t image, bytes;
  };
  const std::vector<Piece> &pieces() const { return all; }
  uint64_t bytes() const { return total; } // of the image

  // Where the whole header lies; null if the program has none.
  DeviceAddress header() const { return headerAt; }
  // Where in the image the host's part of the header is, and what lies at a place of the
  // record that the host writes, such as a parameter's entry.
  uint64_t headerInImage() const { return headerImage; }
  uint64_t inImage(const fb::Ref &ref) const;

private:
  struct Range {
    uint32_t arena;
    uint64_t offset, bytes, image;
  };
  static bool isBefore(const Range &a, const Range &b) {
    return std::tie(a.arena, a.offset) < std::tie(b.arena, b.offset);
  }
  std::vector<Range> ranges; // ascending
  std::vector<Piece> all;
  DeviceAddress headerAt;
  uint64_t headerImage = 0, total = 0;
};

} // namespace dpcrt
