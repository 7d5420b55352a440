// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages between ranks of one process whose commands lie in queues of one device; what
// they wait for, the device says (QueueDevice::messageOrder).
#pragma once
#include "transports/QueueTransport.h"

namespace dpcrt {

std::unique_ptr<QueueTransport> makeLocalQueueTransport(QueueDevice &device);

} // namespace dpcrt
