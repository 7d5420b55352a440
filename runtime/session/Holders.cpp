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

// Of one kind of value, for what both have of it.
Status compareRanges(Device &device, const std::string &what, const Holding &a,
                     const Holding::Range &ofA, DeviceAddress dataA, const Holding &b,
                     const Holding::Range &ofB, DeviceAddress dataB) {
  const uint64_t begin = std::max(ofA.begin, ofB.begin), end = std::min(ofA.end(), ofB.end());
  if (begin >= end)
    return {};
  std::string where;
  if (end - begin < a.bytes) {
    const uint64_t size = sizeOf(keptElement(*a.parameter));
    where =
        ", elements [" + std::to_string(begin / size) + ".." + std::to_string(end / size) + "),";
  }
  return compareBytes(device, what + where, a.rank, dataA + (begin - ofA.begin), b.rank,
                      dataB + (begin - ofB.begin), end - begin);
}

Status compareWeights(Device &device, const std::string &name, const Holding &a, const Holding &b) {
  if (Status s = compareRanges(device, "parameter '" + name + "'", a, a.weights, a.weight, b,
                               b.weights, b.weight);
      !s.ok() || !hasMaster(*a.parameter))
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
  for (size_t m = 0; m < std::min(a.moments.size(), b.moments.size()); ++m) {
    std::string moment(text(a.parameter->moment_names()->Get(uint32_t(m))));
    if (Status s = compareRanges(device, "moment '" + moment + "' of parameter '" + name + "'", a,
                                 a.moment, a.moments[m], b, b.moment, b.moments[m]);
        !s.ok())
      return s;
  }
  return {};
}
} // namespace

// What has been found equal need not be compared with a third: weights are compared
// with the first holder's, and masters and moments with those before until one of these keeps all
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
        if (a.moment.begin <= b.moment.begin && b.moment.end() <= a.moment.end())
          break;
      }
    }
  return {};
}

Status compareWithOthers(Device &device, const RankMemory &memory, World &world) {
  // What is compared, in words; a rank that has it; and its hash.
  std::ostringstream own;
  auto rangeOf = [](const Holding &h, const Holding::Range &range) {
    return range.bytes < h.bytes ? ", bytes [" + std::to_string(range.begin) + ".." +
                                       std::to_string(range.end()) + "),"
                                 : std::string();
  };
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
      const std::string weights = name + rangeOf(h, h.weights);
      if (h.weights.bytes && told.insert(weights).second)
        if (Status s = tell(weights, h.rank, h.weight, h.weights.bytes); !s.ok())
          return s;
      const std::string rounded = "the rounded values of " + name;
      if (hasMaster(*h.parameter) && told.insert(rounded).second)
        if (Status s = tell(rounded, h.rank, h.computed, h.computedBytes); !s.ok())
          return s;
      for (size_t m = 0; m < h.moments.size(); ++m) {
        std::string moment = "moment '" +
                             std::string(text(h.parameter->moment_names()->Get(uint32_t(m)))) +
                             "' of " + name + rangeOf(h, h.moment);
        if (told.insert(moment).second)
          if (Status s = tell(moment, h.rank, h.moments[m], h.moment.bytes); !s.ok())
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
