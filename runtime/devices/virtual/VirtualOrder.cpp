// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Policies.
#include "devices/virtual/VirtualOrder.h"
#include <algorithm>

namespace dpcrt {

// "there is no queue 12; this run has the queues 0 to 11".
static Status checkNumber(const char *what, uint64_t number, uint64_t count) {
  if (number < count)
    return {};
  std::string all = std::string("the ") + what + "s 0 to " + std::to_string(count - 1);
  return error(Code::Usage, "--seed-order: there is no ", what, " ", number, "; this run has ",
               count ? all : "none");
}

Status VirtualOrder::checkQueues(size_t queues) const {
  return policy == Policy::Starve ? checkNumber("queue", number, queues) : Status();
}

Status VirtualOrder::checkCommands(uint64_t commands) const {
  return policy == Policy::Delay ? checkNumber("command", number, commands) : Status();
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
    while (ahead.size() <= command->place)
      ahead.push_back(draw());
  auto earlier = [&](const VirtualCommand *a, const VirtualCommand *b) {
    if (policy == Policy::Random)
      return ahead[a->place] < ahead[b->place];
    if (isPutOff(*a) != isPutOff(*b))
      return isPutOff(*b);
    return policy == Policy::Reverse ? a->sequence > b->sequence : a->sequence < b->sequence;
  };
  return size_t(std::min_element(ready.begin(), ready.end(), earlier) - ready.begin());
}

} // namespace dpcrt
