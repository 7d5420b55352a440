// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A state in parts: what of it is in this process, for checkpoints that each process writes
// and reads its own parts of.
#include "session/Pieces.h"
#include "session/Session.h"
#include <tuple>

namespace dpcrt {

Status Session::heldOf(const State &state, ByteRanges &out) {
  Place place;
  out.clear();
  if (Status s = findState(state.name, state.bytes, place); !s.ok())
    return s;
  for (const Part &part : place.parts)
    if (part.bytes > 0)
      out.push_back({part.begin, part.begin + part.bytes});
  return {};
}

Status Session::readHeld(const State &state, const ByteRange &range, char *data) {
  Place place;
  if (Status s = findState(state.name, state.bytes, place); !s.ok())
    return s;
  return readHere(place, range, data);
}

Status Session::writeHeld(const State &state, const ReadState &read) {
  Place place;
  if (Status s = findState(state.name, state.bytes, place); !s.ok())
    return s;
  return writeHere(place, read);
}

Status Session::readHere(const Place &place, const ByteRange &range, char *data) const {
  for (size_t i = place.parts.size(); i-- > 0;) { // the lowest holder comes last
    const Part &part = place.parts[i];
    const uint64_t begin = std::max(range.begin, part.begin),
                   end = std::min(range.end, part.begin + part.bytes);
    if (begin < end)
      if (Status s = device->download(data + (begin - range.begin),
                                      part.data + (begin - part.begin), end - begin);
          !s.ok())
        return s;
  }
  return {};
}

Status Session::writeHere(Place &place, const ReadState &read) {
  // Who has masters of a part of the values computes with all of them.
  if (place.weight)
    for (Part &part : place.parts) {
      part.begin = part.holding->slice * part.holding->bytes;
      part.bytes = part.holding->bytes;
    }
  // Ranks that have the same are given it at once.
  std::sort(place.parts.begin(), place.parts.end(), [](const Part &a, const Part &b) {
    return std::tie(a.begin, a.bytes) < std::tie(b.begin, b.bytes);
  });
  std::vector<char> values;
  for (auto first = place.parts.begin(); first != place.parts.end();) {
    auto end = std::find_if(first, place.parts.end(), [&](const Part &part) {
      return part.begin != first->begin || part.bytes != first->bytes;
    });
    Status s = inPieces(first->bytes, [&](uint64_t at, uint64_t count) {
      values.resize(count);
      if (Status s = read(first->begin + at, count, values.data()); !s.ok())
        return s;
      for (auto part = first; part != end; ++part) {
        const Holding &h = *part->holding;
        Status s = place.weight ? h.writeWeight(*device, at, values.data(), count)
                                : device->upload(part->data + at, values.data(), count);
        if (!s.ok())
          return s;
      }
      return Status();
    });
    if (!s.ok())
      return s;
    first = end;
  }
  return {};
}

} // namespace dpcrt
