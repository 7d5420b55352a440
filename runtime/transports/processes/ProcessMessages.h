// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages to ranks of other processes, by the world's courier.
//
// What goes between two processes has tags by its place among all of it, sorted by ranks
// and names. Both say at load what they will send and receive, with sizes, so that two
// programs that do not fit together are told of before the first step and not by a hang.
#pragma once
#include "transports/RemoteMessages.h"
#include "world/World.h"

namespace dpcrt {

// Of `ranks` in all. `name`: of what is trained ("train_step"), for messages. The world
// outlives it; ends outlive nothing that they were given.
std::unique_ptr<RemoteMessages> makeProcessMessages(World &world, uint32_t ranks,
                                                    const std::string &name);

} // namespace dpcrt
