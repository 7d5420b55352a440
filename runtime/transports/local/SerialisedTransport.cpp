// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An event per rank, recorded behind each of its communications and waited for before the
// next.
#include "transports/local/SerialisedTransport.h"
#include <map>
#include <vector>

namespace dpcrt {
namespace {
// Of a rank.
struct Chain {
  std::unique_ptr<Event> end; // of the communication before
  bool hasBegun = false;      // and it is not forgotten
};

class SerialisedOperation : public QueueOperation {
public:
  SerialisedOperation(QueueOperation &inner, Chain &chain) : inner(inner), chain(chain) {}

  unsigned phases() const override { return inner.phases(); }
  Status issue(unsigned phase, Queue &queue) override {
    Status s;
    if (phase == 0 && chain.hasBegun)
      s = queue.wait(*chain.end);
    if (s.ok())
      s = inner.issue(phase, queue);
    if (!s.ok() || phase + 1 < phases())
      return s;
    chain.hasBegun = true;
    return queue.record(*chain.end);
  }
  Status poll() override { return inner.poll(); }
  std::string describe() const override { return inner.describe(); }

private:
  QueueOperation &inner;
  Chain &chain;
};

class SerialisedTransport : public QueueTransport {
public:
  SerialisedTransport(std::unique_ptr<QueueTransport> inner, QueueDevice &device)
      : inner(std::move(inner)), device(device) {}
  const char *name() const override { return inner->name(); }

  Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers,
                     QueueOperation *&out) override {
    QueueOperation *made = nullptr;
    Status s = inner->addExchange(rank, std::move(transfers), made);
    return s.ok() ? wrap(rank, *made, out) : s;
  }
  Status addCollective(uint32_t rank, const CollectiveSpec &spec, QueueOperation *&out) override {
    QueueOperation *made = nullptr;
    Status s = inner->addCollective(rank, spec, made);
    return s.ok() ? wrap(rank, *made, out) : s;
  }
  Status finishPreparation() override { return inner->finishPreparation(); }
  void forgetSteps() override {
    for (auto &[rank, chain] : chains)
      chain.hasBegun = false;
    inner->forgetSteps();
  }

private:
  Status wrap(uint32_t rank, QueueOperation &made, QueueOperation *&out) {
    Chain &chain = chains[rank];
    if (!chain.end)
      chain.end = device.makeEvent();
    operations.push_back(std::make_unique<SerialisedOperation>(made, chain));
    out = operations.back().get();
    return {};
  }

  const std::unique_ptr<QueueTransport> inner;
  QueueDevice &device;
  std::map<uint32_t, Chain> chains; // by rank
  std::vector<std::unique_ptr<QueueOperation>> operations;
};
} // namespace

std::unique_ptr<QueueTransport> makeSerialisedTransport(std::unique_ptr<QueueTransport> inner,
                                                        QueueDevice &device) {
  return std::make_unique<SerialisedTransport>(std::move(inner), device);
}

} // namespace dpcrt
