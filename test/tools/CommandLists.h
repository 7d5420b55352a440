// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What changing the order of a program takes: its lists, who stands next to whom on a
// stream, and events that others wait for.
#pragma once
#include "program/format/Program.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mutants {

using Commands = std::vector<std::unique_ptr<dpcrt::fb::CommandT>>;
using Events = std::vector<uint32_t>;

/// The list of a block, or of the order where `block` is -1. Its events are its own.
Commands &listOf(dpcrt::fb::ProgramT &program, int block);
const Commands &listOf(const dpcrt::fb::ProgramT &program, int block);

/// Visits the commands of the order and of each block; `where`: the command's place in words.
using Visit = std::function<void(int block, size_t at, const dpcrt::fb::CommandT &command,
                                 const std::string &where)>;
void forEachCommand(unsigned rank, const dpcrt::fb::ProgramT &program, const Visit &visit);

/// "rank 0, command 7 'swap'", "rank 0, block F s0, command 2 'norm'".
std::string placeOf(unsigned rank, const dpcrt::fb::ProgramT &program, int block, size_t at);

/// The stream of a command, of a run one of those that it is on.
uint32_t streamOf(const dpcrt::fb::CommandT &command);
/// The next command that has a part on the stream, behind `at` or before it.
std::optional<size_t> neighbour(const Commands &commands, uint32_t stream, size_t at,
                                bool isBehind);
/// The next exchange on the stream of `at`.
std::optional<size_t> neighbourExchange(const Commands &commands, size_t at, bool isBehind);

void eraseAt(Events &events, size_t at);
void addOnce(Events &events, uint32_t event);
/// Whoever waits for the event waits for `other`, or no longer for any.
void replaceWaits(dpcrt::fb::ProgramT &program, int block, uint32_t event,
                  std::optional<uint32_t> other);
/// The event, which nothing fires any more, is what the command fires: what waits for it
/// waits for that.
void fireWith(dpcrt::fb::ProgramT &program, int block, size_t at, uint32_t event);

/// An exchange that has nothing to exchange waits and fires all the same.
void joinIfEmpty(dpcrt::fb::CommandT &command);

} // namespace mutants
