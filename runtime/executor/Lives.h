// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the values in a rank's idle memory have been read for the last time, for devices
// that spoil them then (QueueDevice::spoils), so that a command that comes too early reads
// nothing useful, and one that overwrites too early is overwritten itself.
//
// A value lives from the command that writes it to the last one that reads it, and is
// forgotten behind that one of them that all others happen before, by the rank's own
// streams and events; where there is no such command the value stays. Nothing is ordered
// for it: the command is in the queue anyway, and whatever writes these bytes next has to
// wait for all that read them, or is the mistake that is looked for.
#pragma once
#include "executor/RankSequence.h"

namespace dpcrt {

// Fills in what each command of the rank forgets.
void findForgotten(const RankPlan &plan, std::vector<SequencedCommand> &commands);

} // namespace dpcrt
