// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Holders of a parameter against each other, a piece at a time.
#include "session/Holders.h"
#include "session/Pieces.h"
#include <map>
#include <set>
#include <sstream>

namespace dpcrt {

namespace {
Status compareBytes(Device &device, const std::string &what, uint32_t rank, DeviceAddress data,
                    uint32_t otherRank, DeviceAddress other, uint64_t bytes) {
  bool equal = false;
  if (Status s = equalOnHost(device, data, other, bytes, equal); !s.ok() || equal)
    return s;
  std::string hash, otherHash;
  if (Status s = hashOnHost(device, data, bytes, hash); !s.ok())
    return s;
  if (Status s = hashOnHost(device, other, bytes, otherHash); !s.ok())
    return s;
  return error(Code::Difference, what, " differs between rank ", rank, " (XXH3 ",
               hash.substr(0, 16), "…) and rank ", otherRank, " (", otherHash.substr(0, 16), "…)");
}

Status compareWeights(Device &device, const std::string &name, const Holding &a, const Holding &b) {
  if (Status s = compareBytes(device, "parameter '" + name + "'", a.rank, a.weight, b.rank,
                              b.weight, a.bytes);
      !s.ok() || a.computed == a.weight)
    return s;
  bool equal = false;
  if (Status s = equalOnHost(device, a.computed, b.computed, a.computedBytes, equal); !s.ok())
    return s;
  if (!equal)
    return error(Code::Difference, "the rounded values of parameter '", name,
                 "' differ between rank ", a.rank, " and rank ", b.rank);
  return {};
}

// Of the elements whose moments both keep.
Status compareMoments(Device &device, const std::string &name, const Holding &a, const Holding &b) {
  const uint64_t begin = std::max(a.momentBegin, b.momentBegin),
                 end = std::min(a.momentBegin + a.momentBytes, b.momentBegin + b.momentBytes);
  if (begin >= end)
    return {};
  std::string where;
  if (end - begin < a.bytes) {
    const uint64_t size = sizeOf(elementOf(*a.parameter->moments()->Get(0)));
    where =
        ", elements [" + std::to_string(begin / size) + ".." + std::to_string(end / size) + "),";
  }
  for (size_t m = 0; m < a.moments.size(); ++m) {
    std::string moment(text(a.parameter->moment_names()->Get(uint32_t(m))));
    if (Status s =
            compareBytes(device, "moment '" + moment + "' of parameter '" + name + "'" + where,
                         a.rank, a.moments[m] + (begin - a.momentBegin), b.rank,
                         b.moments[m] + (begin - b.momentBegin), end - begin);
        !s.ok())
      return s;
  }
  return {};
}
} // namespace

// What has been found equal need not be compared with a third: weights are compared
// with the first holder's, and moments with those before until one of these keeps all
// that the holder keeps, for that one was compared with all that share any of it.
Status compareHolders(Device &device, const RankMemory &memory) {
  for (const HeldParameter &p : memory.parameters)
    for (size_t i = 1; i < p.holdings.size(); ++i) {
      const Holding &b = p.holdings[i];
      std::string name = p.manifest->shownName();
      bool isFirst = true;
      for (size_t j = 0; j < i; ++j) {
        const Holding &a = p.holdings[j];
        if (a.slice != b.slice)
          continue;
        if (isFirst)
          if (Status s = compareWeights(device, name, a, b); !s.ok())
            return s;
        isFirst = false;
        if (Status s = compareMoments(device, name, a, b); !s.ok())
          return s;
        if (a.momentBegin <= b.momentBegin &&
            b.momentBegin + b.momentBytes <= a.momentBegin + a.momentBytes)
          break;
      }
    }
  return {};
}

Status compareWithOthers(Device &device, const RankMemory &memory, World &world) {
  // What is compared, in words; a rank that has it; and its hash.
  std::ostringstream own;
  auto tell = [&](const std::string &what, uint32_t rank, DeviceAddress data,
                  uint64_t bytes) -> Status {
    std::string hash;
    Status s = hashOnHost(device, data, bytes, hash);
    own << hash << ' ' << rank << ' ' << what << '\n';
    return s;
  };
  for (const HeldParameter &p : memory.parameters) {
    std::set<std::string> told; // those of this process are equal
    for (const Holding &h : p.holdings) {
      std::string name = "parameter '" + p.manifest->shownName() + "'";
      if (p.bytes != h.bytes)
        name += ", slice " + std::to_string(h.slice) + ",";
      if (told.insert(name).second) {
        if (Status s = tell(name, h.rank, h.weight, h.bytes); !s.ok())
          return s;
        if (h.computed != h.weight)
          if (Status s = tell("the rounded values of " + name, h.rank, h.computed, h.computedBytes);
              !s.ok())
            return s;
      }
      std::string part = h.momentBytes < h.bytes
                             ? ", bytes [" + std::to_string(h.momentBegin) + ".." +
                                   std::to_string(h.momentBegin + h.momentBytes) + "),"
                             : "";
      for (size_t m = 0; m < h.moments.size(); ++m) {
        std::string moment = "moment '" +
                             std::string(text(h.parameter->moment_names()->Get(uint32_t(m)))) +
                             "' of " + name + part;
        if (told.insert(moment).second)
          if (Status s = tell(moment, h.rank, h.moments[m], h.momentBytes); !s.ok())
            return s;
      }
    }
  }
  std::vector<std::string> all;
  if (Status s = world.exchange("hashes of their weights", own.str(), all); !s.ok())
    return s;
  std::map<std::string, std::pair<std::string, uint32_t>> first;
  for (const std::string &list : all) {
    std::istringstream lines(list);
    std::string line;
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      std::string hash, what;
      uint32_t rank = 0;
      if (!(fields >> hash >> rank) || fields.get() != ' ' || !std::getline(fields, what))
        return error(Code::Internal, "'", line, "' is no hash of a parameter");
      auto [it, isNew] = first.try_emplace(what, hash, rank);
      if (!isNew && it->second.first != hash)
        return error(Code::Difference, what, " differs between rank ", it->second.second, " (XXH3 ",
                     it->second.first.substr(0, 16), "…) and rank ", rank, " (", hash.substr(0, 16),
                     "…)");
    }
  }
  return {};
}

} // namespace dpcrt
