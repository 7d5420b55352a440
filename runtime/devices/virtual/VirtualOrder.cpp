// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Policies, by the name that users give them.
#include "devices/virtual/VirtualOrder.h"
#include <algorithm>
#include <charconv>

namespace dpcrt {

namespace {
struct PolicyName {
  const char *name;
  VirtualOrder::Policy policy;
  bool takesNumber;
};
constexpr PolicyName policies[] = {
    {"random", VirtualOrder::Policy::Random, false},
    {"first", VirtualOrder::Policy::First, false},
    {"reverse", VirtualOrder::Policy::Reverse, false},
    {"starve", VirtualOrder::Policy::Starve, true},
    {"delay", VirtualOrder::Policy::Delay, true},
};

bool parseCount(std::string_view text, uint64_t &out) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}
} // namespace

Result<VirtualOrder> VirtualOrder::parse(const std::string &text) {
  std::string_view rest = text;
  auto wrong = [&] {
    return error(Code::Usage, "--seed-order '", text,
                 "': N[,policy=random|first|reverse|starve=QUEUE|delay=COMMAND] would be right, "
                 "with whole numbers for N, QUEUE and COMMAND");
  };
  uint64_t seed = 0, number = 0;
  size_t comma = std::min(rest.find(','), rest.size());
  if (!parseCount(rest.substr(0, comma), seed))
    return wrong();
  if (comma == rest.size())
    return VirtualOrder(seed, Policy::Random);
  rest.remove_prefix(comma + 1);
  constexpr std::string_view key = "policy=";
  if (rest.substr(0, key.size()) != key)
    return wrong();
  rest.remove_prefix(key.size());
  size_t equals = std::min(rest.find('='), rest.size());
  for (const PolicyName &known : policies) {
    if (rest.substr(0, equals) != known.name)
      continue;
    if (known.takesNumber ? equals == rest.size() || !parseCount(rest.substr(equals + 1), number)
                          : equals != rest.size())
      return wrong();
    return VirtualOrder(seed, known.policy, number);
  }
  return wrong();
}

bool VirtualOrder::isPutOff(const VirtualCommand &command) const {
  return (policy == Policy::Starve && command.queue == number) ||
         (policy == Policy::Delay && command.work == int64_t(number));
}

size_t VirtualOrder::choose(const std::vector<const VirtualCommand *> &ready) {
  if (policy == Policy::Random && draw() % period == 0)
    for (uint64_t &queue : ahead)
      queue = draw();
  for (const VirtualCommand *command : ready)
    while (ahead.size() <= command->queue)
      ahead.push_back(draw());
  auto earlier = [&](const VirtualCommand *a, const VirtualCommand *b) {
    if (policy == Policy::Random)
      return ahead[a->queue] < ahead[b->queue];
    if (isPutOff(*a) != isPutOff(*b))
      return isPutOff(*b);
    return policy == Policy::Reverse ? a->sequence > b->sequence : a->sequence < b->sequence;
  };
  return size_t(std::min_element(ready.begin(), ready.end(), earlier) - ready.begin());
}

} // namespace dpcrt
