// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages between ranks of one process whose commands lie in queues of one device; what
// they wait for, the device says (QueueDevice::messageOrder).
#pragma once
#include "transports/QueueTransport.h"
#include "transports/local/LocalTransport.h"

namespace dpcrt {

std::unique_ptr<QueueTransport> makeLocalQueueTransport(QueueDevice &device);

// On a device of given times: messages take the link's. An exchange takes its latency once,
// for its messages follow each other.
std::unique_ptr<QueueTransport> makeLinkedQueueTransport(QueueDevice &device, const Link &link);

} // namespace dpcrt
