// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A transport whose ranks are in several processes, in one: each process is a world's
// end over an engine in memory, with a local transport of its own.
#pragma once
#include "../world/MemoryEngine.h"
#include "transports/Transport.h"
#include "world/World.h"

namespace dpcrt::test {

// Worlds of an engine in memory, one for each process, that have all joined.
std::vector<std::shared_ptr<dpcrt::World>> joinInMemory(MemoryWorld &memory, uint32_t processes,
                                                        const WorldOptions &options = {});
// All of them together.
void leaveTogether(std::vector<std::shared_ptr<dpcrt::World>> &worlds);

// `ranks` in all.
std::unique_ptr<Transport> makeWorldTransport(HostDevice &device, uint32_t processes,
                                              uint32_t ranks, const MemoryOptions &options = {});
// Of what that has made: as a session does whose step has failed. Messages under way may then
// lack an end.
void failWorlds(Transport &transport, const Status &cause);

} // namespace dpcrt::test
