// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which ends of messages and which members of collectives have been added to a transport
// of one process, and whether they fit together.
#pragma once
#include "transports/Specs.h"
#include <map>
#include <memory>
#include <tuple>

namespace dpcrt {

// What every transport knows of a message.
struct MessageEnds {
  bool hasSender = false, hasReceiver = false;
  uint64_t sendBytes = 0, receiveBytes = 0;
};

using MessageKey = std::tuple<uint32_t, uint32_t, uint32_t>; // message, sender, receiver
// One more end; an error if it is there already.
Status addEnd(const MessageKey &key, const TransferSpec &spec, MessageEnds &ends);
// Error unless both ends are there, with as many bytes.
Status checkEnds(const MessageKey &key, const MessageEnds &ends);

// `Message`: MessageEnds with what a transport keeps beside them.
template <typename Message> class Messages {
public:
  // The message of a transfer, which becomes one of its ends.
  Status add(uint32_t rank, const TransferSpec &spec, Message *&out) {
    MessageKey key{spec.message, spec.send ? rank : spec.peer, spec.send ? spec.peer : rank};
    std::unique_ptr<Message> &message = all[key];
    if (!message)
      message = std::make_unique<Message>();
    out = message.get();
    return addEnd(key, spec, *message);
  }
  Status check() const {
    for (auto &[key, message] : all)
      if (Status s = checkEnds(key, *message); !s.ok())
        return s;
    return {};
  }

private:
  std::map<MessageKey, std::unique_ptr<Message>> all;
};

// The first of the elements that member i of an all-reduce sums; the same elements
// whatever else is split, and each element by one member in the order of members.
inline uint64_t chunkBegin(uint64_t elements, uint64_t members, size_t i) {
  return elements / members * i + elements % members * i / members;
}

// What every transport knows of a collective: the first member's part of it, and the
// addresses of all.
struct CollectiveMembers {
  CollectiveSpec spec;
  std::vector<bool> joined;
  std::vector<DeviceAddress> src, dst;

  // One more member; `self`: its position. An error if it is none, has joined or differs
  // from the first.
  Status add(uint32_t rank, const CollectiveSpec &own, size_t &self);
  // Error unless all have joined.
  Status check() const;

  // What member `self` adds up or collects once every source may be read: of an
  // all-reduce the sum of its chunk. `sum(to, first, count)` adds the members' elements
  // from `first` on, in the order of members; `move(to, from, bytes)` copies. Both return a
  // Status, of which the first error ends it.
  template <typename Sum, typename Move> Status computePart(size_t self, Sum sum, Move move) const;
  // Of an all-reduce: the chunks of the others, once these have summed them.
  template <typename Move> Status gatherChunks(size_t self, Move move) const;

private:
  uint64_t chunkBegin(size_t i) const {
    return dpcrt::chunkBegin(spec.srcBytes / sizeOf(spec.dtype), spec.members.size(), i);
  }
};

template <typename Sum, typename Move>
Status CollectiveMembers::computePart(size_t self, Sum sum, Move move) const {
  const uint64_t unit = sizeOf(spec.dtype), count = spec.members.size();
  switch (spec.kind) {
  case fb::CollectiveKind::AllReduce: {
    uint64_t begin = chunkBegin(self), end = chunkBegin(self + 1);
    return sum(dst[self] + begin * unit, begin, end - begin);
  }
  // A part without bytes may lie behind the end of the range, where nobody may look.
  case fb::CollectiveKind::ReduceScatter: {
    const uint64_t begin = spec.partBegin(self), bytes = spec.partBytes(self);
    if (bytes == 0)
      return {};
    return sum(spec.inParts() ? dst[self] + begin : dst[self], begin / unit, bytes / unit);
  }
  case fb::CollectiveKind::AllGather: {
    Status s;
    for (size_t i = 0; i < count && s.ok(); ++i) {
      const uint64_t begin = spec.partBegin(i), bytes = spec.partBytes(i);
      if (bytes > 0)
        s = move(dst[self] + begin, spec.inParts() ? src[i] + begin : src[i], bytes);
    }
    return s;
  }
  case fb::CollectiveKind::AllToAll: {
    const uint64_t bytes = spec.srcBytes / count;
    Status s;
    for (size_t i = 0; i < count && s.ok(); ++i)
      s = move(dst[self] + i * bytes, src[i] + self * bytes, bytes);
    return s;
  }
  }
  return {};
}

template <typename Move> Status CollectiveMembers::gatherChunks(size_t self, Move move) const {
  const uint64_t unit = sizeOf(spec.dtype);
  Status s;
  for (size_t i = 0; i < spec.members.size() && s.ok(); ++i) {
    uint64_t begin = chunkBegin(i) * unit, end = chunkBegin(i + 1) * unit;
    if (i != self)
      s = move(dst[self] + begin, dst[i] + begin, end - begin);
  }
  return s;
}

} // namespace dpcrt
