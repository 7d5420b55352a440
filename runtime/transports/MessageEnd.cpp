// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anchors of the interfaces of messages.
#include "transports/MessageEnd.h"
#include "transports/RemoteMessages.h"

namespace dpcrt {

MessageEnd::~MessageEnd() = default;
RemoteMessages::~RemoteMessages() = default;

} // namespace dpcrt
