// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The transport of ranks that are threads of the host. Messages between ranks of this
// process are copied by the receiver straight from the sender's buffer once both have come
// (rendezvous); nothing is buffered, so what runs here has no hidden dependence on
// buffering. Copies of messages take no core token, as a network card would not; sums do.
// Where `remote` knows ranks of other processes, messages to these are its: an exchange
// may have both, and so may a collective (SpreadCollective.h).
#pragma once
#include "transports/Link.h"
#include "transports/RemoteMessages.h"
#include "transports/Transport.h"

namespace dpcrt {

// `remote`: null where all ranks are of this process; outlives the transport.
std::unique_ptr<Transport> makeLocalTransport(HostDevice &device, const Link &link,
                                              RemoteMessages *remote = nullptr);

} // namespace dpcrt
