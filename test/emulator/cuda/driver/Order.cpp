// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Order.h.
#include "Order.h"

#include <algorithm>

namespace dpc::emulator {

Order::Order(const Options &options)
    : policy(options.policy), number(options.policyNumber), random(options.seed),
      period(uint64_t(1) << random.below(7)),
      eagerness(random.below(2) ? 2 + random.below(30) : 0) {}

bool Order::isPutOff(const Candidate &candidate) const {
  return (policy == Options::Policy::Starve && candidate.stream == number) ||
         (policy == Options::Policy::Delay && candidate.number == static_cast<int64_t>(number));
}

size_t Order::choose(const std::vector<Candidate> &ready) {
  bool isRandom = policy == Options::Policy::Random;
  // A stream is ahead of all others until that changes: single commands change places, and
  // whole streams fall behind.
  if (isRandom && random.next() % period == 0)
    for (uint64_t &axis : ahead)
      axis = random.next();
  for (const Candidate &candidate : ready)
    while (ahead.size() <= candidate.axis)
      ahead.push_back(random.next());
  auto isEarlier = [&](const Candidate &a, const Candidate &b) {
    if (isRandom)
      return ahead[a.axis] < ahead[b.axis];
    if (isPutOff(a) != isPutOff(b))
      return isPutOff(b);
    return policy == Options::Policy::Reverse ? a.sequence > b.sequence : a.sequence < b.sequence;
  };
  return std::min_element(ready.begin(), ready.end(), isEarlier) - ready.begin();
}

uint64_t Order::afterEnqueue() {
  if (policy == Options::Policy::Eager)
    return UINT64_MAX;
  if (policy != Options::Policy::Random || eagerness == 0 || random.below(eagerness))
    return 0;
  return 1 + random.below(eagerness);
}

uint64_t Order::atQuery(uint64_t asked) { return uint64_t(1) << std::min<uint64_t>(asked, 12); }

} // namespace dpc::emulator
