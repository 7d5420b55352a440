// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All communications of a rank one after another, as NCCL runs those of a captured graph:
// an exchange or collective begins when the one before it has ended that stands before it
// in the rank's list, on whatever streams the two are. The rule of order of
// docs/ProgramFormat.md says that programs end on such a device.
#pragma once
#include "transports/QueueTransport.h"

namespace dpcrt {

// Carries them out by `inner`. Operations of a rank are to be issued in the order of its
// list, each with all its phases before the next, as a tape does (Tape.h).
std::unique_ptr<QueueTransport> makeSerialisedTransport(std::unique_ptr<QueueTransport> inner,
                                                        QueueDevice &device);

} // namespace dpcrt
