// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Policies and kinds of messages, by the names that users give them.
#include "devices/virtual/SeedOrder.h"
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

struct MessageName {
  const char *name;
  MessageOrder order;
};
constexpr MessageName messageOrders[] = {
    {"rendezvous", MessageOrder::Rendezvous},
    {"eager", MessageOrder::Eager},
    {"serialised", MessageOrder::Serialised},
};

bool parseCount(std::string_view text, uint64_t &out) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}

// What stands before the first `mark`, which goes as well; `isThere`: whether there is one.
std::string_view takeUntil(std::string_view &rest, char mark, bool &isThere) {
  size_t at = std::min(rest.find(mark), rest.size());
  std::string_view taken = rest.substr(0, at);
  isThere = at < rest.size();
  rest.remove_prefix(isThere ? at + 1 : at);
  return taken;
}

// `text`: NAME or NAME=NUMBER.
bool parsePolicy(std::string_view text, VirtualOrder::Policy &policy, uint64_t &number) {
  bool hasNumber = false;
  std::string_view name = takeUntil(text, '=', hasNumber);
  for (const PolicyName &known : policies)
    if (name == known.name) {
      policy = known.policy;
      return known.takesNumber ? parseCount(text, number) : !hasNumber;
    }
  return false;
}

bool parseMessages(std::string_view text, MessageOrder &out) {
  for (const MessageName &known : messageOrders)
    if (text == known.name) {
      out = known.order;
      return true;
    }
  return false;
}
} // namespace

Result<SeedOrder> SeedOrder::parse(const std::string &text) {
  std::string_view rest = text;
  bool more = false, hasPolicy = false, hasMessages = false;
  std::string_view part = takeUntil(rest, ',', more);
  auto wrong = [&] {
    return error(Code::Usage, "--seed-order '", text, "': '", part,
                 "' is wrong; N[,policy=random|first|reverse|starve=QUEUE|delay=COMMAND]"
                 "[,messages=rendezvous|eager|serialised] would be right, with whole numbers for "
                 "N, QUEUE and COMMAND");
  };
  uint64_t seed = 0, number = 0;
  if (!parseCount(part, seed))
    return wrong();
  VirtualOrder::Policy policy = VirtualOrder::Policy::Random;
  MessageOrder messages = MessageOrder::Rendezvous;
  while (more) {
    part = takeUntil(rest, ',', more);
    bool hasValue = false;
    std::string_view value = part, key = takeUntil(value, '=', hasValue);
    // Each key once.
    bool isRight = key == "policy"
                       ? !std::exchange(hasPolicy, true) && parsePolicy(value, policy, number)
                       : key == "messages" && !std::exchange(hasMessages, true) &&
                             parseMessages(value, messages);
    if (!isRight)
      return wrong();
  }
  return SeedOrder{VirtualOrder(seed, policy, number), messages};
}

} // namespace dpcrt
