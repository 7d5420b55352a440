// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What --seed-order says of a run.
#pragma once
#include "devices/virtual/VirtualOrder.h"

namespace dpcrt {

struct SeedOrder {
  VirtualOrder order;
  MessageOrder messages = MessageOrder::Rendezvous;

  // N[,policy=random|first|reverse|starve=QUEUE|delay=COMMAND]
  //  [,messages=rendezvous|eager|serialised]
  static Result<SeedOrder> parse(const std::string &text);
};

} // namespace dpcrt
