// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which messages and collectives stay in this process, and which do not.
#include "transports/local/LocalTransport.h"
#include "transports/EndsExchange.h"
#include "transports/SpreadCollective.h"
#include "transports/local/LocalCollective.h"
#include "transports/local/LocalMessages.h"
#include <algorithm>

namespace dpcrt {

Operation::~Operation() = default;
Transport::~Transport() = default;

namespace {

class LocalTransport : public Transport {
public:
  LocalTransport(HostDevice &device, const Link &link, RemoteMessages *remote)
      : device(device), link(link), remote(remote) {}
  const char *name() const override { return "local"; }

  Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers, Operation *&out) override {
    auto exchange = std::make_unique<EndsExchange>();
    for (TransferSpec &spec : transfers) {
      std::unique_ptr<MessageEnd> end;
      if (isHere(spec.peer)) {
        LocalMessage *message = nullptr;
        if (Status s = messages.add(rank, spec, message); !s.ok())
          return s;
        end =
            makeLocalEnd(*message, spec.send, spec.data, spec.bytes, exchange->bell, device, link);
      } else if (Status s = remote->add({spec.send, rank, spec.peer,
                                         "message " + std::to_string(spec.message),
                                         device.hostPointer(spec.data), spec.bytes},
                                        exchange->bell, end);
                 !s.ok()) {
        return s;
      }
      exchange->add(spec, std::move(end));
    }
    out = exchange.get();
    operations.push_back(std::move(exchange));
    return {};
  }

  Status addCollective(uint32_t rank, const CollectiveSpec &spec, Operation *&out) override {
    const bool isLocal = std::all_of(spec.members.begin(), spec.members.end(),
                                     [&](uint32_t member) { return isHere(member); });
    std::unique_ptr<Operation> operation;
    if (isLocal) {
      auto &shared = collectives[{spec.group, spec.sequence}];
      if (!shared)
        shared = std::make_unique<SharedCollective>();
      shared->postedAt.resize(spec.members.size());
      size_t self = 0;
      if (Status s = shared->add(rank, spec, self); !s.ok())
        return s;
      operation = std::make_unique<LocalCollective>(*shared, self, device, link);
    } else if (Status s = addSpread(rank, spec, operation); !s.ok()) {
      return s;
    }
    out = operation.get();
    operations.push_back(std::move(operation));
    return {};
  }

  Status finishPreparation() override {
    if (Status s = messages.check(); !s.ok())
      return s;
    for (auto &[key, m] : collectives)
      if (Status s = m->check(); !s.ok())
        return s;
    for (auto &[key, message] : parts)
      if (!message->senderBell || !message->receiverBell)
        return error(Code::Artifact, std::get<2>(key), " from rank ", std::get<0>(key), " to rank ",
                     std::get<1>(key), " has one end only");
    return remote ? remote->finishPreparation() : Status();
  }

  void wakeAll() override {
    for (auto &operation : operations)
      operation->wake();
  }

private:
  bool isHere(uint32_t rank) const { return !remote || remote->isHere(rank); }

  Status addSpread(uint32_t rank, const CollectiveSpec &spec, std::unique_ptr<Operation> &out) {
    // Alone it says what is wrong of itself; what is wrong between members shows in the
    // sizes of the messages.
    CollectiveMembers own;
    size_t self = 0;
    if (Status s = own.add(rank, spec, self); !s.ok())
      return s;
    auto makeEnd = [&](bool send, uint32_t peer, const std::string &what, DeviceAddress data,
                       uint64_t bytes, Bell &bell, std::unique_ptr<MessageEnd> &end) -> Status {
      if (!isHere(peer))
        return remote->add({send, rank, peer, what, device.hostPointer(data), bytes}, bell, end);
      auto &message = parts[{send ? rank : peer, send ? peer : rank, what}];
      if (!message)
        message = std::make_unique<LocalMessage>();
      end = makeLocalEnd(*message, send, data, bytes, bell, device, link);
      return {};
    };
    return makeSpreadCollective(spec, self, device, makeEnd, out);
  }

  HostDevice &device;
  Link link;
  RemoteMessages *remote;
  Messages<LocalMessage> messages;
  std::map<std::pair<std::string, uint32_t>, std::unique_ptr<SharedCollective>> collectives;
  // Of spread collectives, between members of this process: sender, receiver, what it is.
  std::map<std::tuple<uint32_t, uint32_t, std::string>, std::unique_ptr<LocalMessage>> parts;
  std::vector<std::unique_ptr<Operation>> operations;
};
} // namespace

std::unique_ptr<Transport> makeLocalTransport(HostDevice &device, const Link &link,
                                              RemoteMessages *remote) {
  return std::make_unique<LocalTransport>(device, link, remote);
}

} // namespace dpcrt
