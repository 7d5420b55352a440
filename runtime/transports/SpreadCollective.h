// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A collective whose members are in several processes, made of messages between each two
// of them. What is added is gathered first and then added up in the order of members, so
// that a sum has the bits that it has within one process.
//
// An all-reduce of few bytes takes one round, in which everybody sends everything to
// everybody. One of many takes two: each member adds up a chunk, and the chunks are
// gathered. What arrives to be added lies in memory of the collective's own: the other
// members' shares of what this one adds up.
#pragma once
#include "transports/MessageEnd.h"
#include "transports/Transport.h"
#include <functional>

namespace dpcrt {

// An end of a message of a collective: its other member's rank, what it is ("part 0 of
// collective 3 of group 'ranks0_1'"), where its bytes lie and how many there are.
using MakeEnd =
    std::function<Status(bool send, uint32_t peer, const std::string &what, DeviceAddress data,
                         uint64_t bytes, Bell &bell, std::unique_ptr<MessageEnd> &out)>;

// `self`: the position of the member whose part it is.
Status makeSpreadCollective(const CollectiveSpec &spec, size_t self, HostDevice &device,
                            const MakeEnd &makeEnd, std::unique_ptr<Operation> &out);

} // namespace dpcrt
