// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Holders of a parameter against each other, a piece at a time.
#include "session/Holders.h"
#include "session/Pieces.h"

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

} // namespace dpcrt
