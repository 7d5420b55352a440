// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What does not meet, in words.
#include "transports/local/Meetings.h"
#include <algorithm>
#include <numeric>

namespace dpcrt {

Status addEnd(const MessageKey &key, const TransferSpec &spec, MessageEnds &ends) {
  auto [id, from, to] = key;
  bool &has = spec.send ? ends.hasSender : ends.hasReceiver;
  if (has)
    return error(Code::Artifact, "message ", id, " from rank ", from, " to rank ", to,
                 spec.send ? " is sent" : " is received", " twice");
  has = true;
  (spec.send ? ends.sendBytes : ends.receiveBytes) = spec.bytes;
  return {};
}

Status checkEnds(const MessageKey &key, const MessageEnds &ends) {
  auto [id, from, to] = key;
  if (!ends.hasSender || !ends.hasReceiver)
    return error(Code::Artifact, "message ", id, " from rank ", from, " to rank ", to,
                 ends.hasSender ? " is never received" : " is never sent");
  if (ends.sendBytes != ends.receiveBytes)
    return error(Code::Artifact, "message ", id, " from rank ", from, " to rank ", to, " has ",
                 ends.sendBytes, " bytes at its sender and ", ends.receiveBytes,
                 " at its receiver");
  return {};
}

std::string describe(const TransferSpec &spec) {
  return std::string(spec.send ? "send of message " : "receive of message ") +
         std::to_string(spec.message) + (spec.send ? " to rank " : " from rank ") +
         std::to_string(spec.peer) + " (" + std::to_string(spec.bytes) + " bytes)";
}

uint64_t CollectiveSpec::partBytes(size_t i) const {
  if (inParts())
    return parts[i];
  return kind == fb::CollectiveKind::AllGather ? srcBytes : srcBytes / members.size();
}

uint64_t CollectiveSpec::partBegin(size_t i) const {
  if (!inParts())
    return i * partBytes(i);
  return std::accumulate(parts.begin(), parts.begin() + i, uint64_t(0));
}

// Of one range, in parts of all members.
static Status checkParts(const CollectiveSpec &spec) {
  uint64_t unit = sizeOf(spec.dtype), sum = 0;
  bool fits = spec.parts.size() == spec.members.size() && spec.src == spec.dst &&
              spec.srcBytes == spec.dstBytes &&
              (spec.kind == fb::CollectiveKind::AllGather ||
               spec.kind == fb::CollectiveKind::ReduceScatter);
  for (uint64_t part : spec.parts) {
    fits &= part % unit == 0 && part <= spec.srcBytes - sum;
    sum += fits ? part : 0;
  }
  if (!fits || sum != spec.srcBytes)
    return error(Code::Artifact, "collective ", spec.sequence, " of group '", spec.group,
                 "' has parts that do not make up its ", spec.srcBytes, " bytes");
  return {};
}

static Status checkSizes(const CollectiveSpec &spec) {
  uint64_t m = spec.members.size(), unit = sizeOf(spec.dtype);
  uint64_t want = spec.kind == fb::CollectiveKind::AllGather       ? spec.srcBytes * m
                  : spec.kind == fb::CollectiveKind::ReduceScatter ? spec.srcBytes / m
                                                                   : spec.srcBytes;
  bool sums =
      spec.kind == fb::CollectiveKind::AllReduce || spec.kind == fb::CollectiveKind::ReduceScatter;
  bool parts =
      spec.kind == fb::CollectiveKind::AllToAll || spec.kind == fb::CollectiveKind::ReduceScatter;
  if (spec.inParts())
    if (Status s = checkParts(spec); !s.ok())
      return s;
  if (!spec.inParts() &&
      (want != spec.dstBytes || (parts && spec.srcBytes % (m * unit)) || spec.srcBytes % unit))
    return error(Code::Artifact, "collective ", spec.sequence, " of group '", spec.group,
                 "' has sizes that do not fit: ", spec.srcBytes, " and ", spec.dstBytes, " bytes");
  if (sums && !isSummed(spec.dtype))
    return error(Code::Artifact, "a collective cannot add values of type ", nameOf(spec.dtype));
  return {};
}

Status CollectiveMembers::add(uint32_t rank, const CollectiveSpec &own, size_t &self) {
  if (joined.empty()) {
    spec = own;
    joined.resize(own.members.size());
    src.resize(own.members.size());
    dst.resize(own.members.size());
  }
  self = size_t(std::find(spec.members.begin(), spec.members.end(), rank) - spec.members.begin());
  if (spec.members != own.members || self == joined.size() || joined[self] ||
      spec.kind != own.kind || spec.dtype != own.dtype || spec.srcBytes != own.srcBytes ||
      spec.dstBytes != own.dstBytes || spec.parts != own.parts)
    return error(Code::Artifact, "collective ", own.sequence, " of group '", own.group,
                 "' differs between rank ", rank, " and its other members");
  joined[self] = true;
  src[self] = own.src;
  dst[self] = own.dst;
  return checkSizes(own);
}

Status CollectiveMembers::check() const {
  for (size_t i = 0; i < joined.size(); ++i)
    if (!joined[i])
      return error(Code::Artifact, "rank ", spec.members[i], " takes no part in collective ",
                   spec.sequence, " of group '", spec.group, "'");
  return {};
}

} // namespace dpcrt
