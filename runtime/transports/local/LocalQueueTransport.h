// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages between ranks of one process whose commands lie in queues of one device. The
// receiver's queue copies straight from the sender's buffer once both have come
// (rendezvous), and the sender's queue waits until it has; nothing is buffered.
#pragma once
#include "transports/QueueTransport.h"

namespace dpcrt {

std::unique_ptr<QueueTransport> makeLocalQueueTransport(QueueDevice &device);

} // namespace dpcrt
