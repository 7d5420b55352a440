// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An event per rank, recorded behind each of its communications and waited for before the
// next.
#include "transports/local/SerialisedTransport.h"
#include <map>
#include <vector>

namespace dpcrt {
namespace {
class SerialisedOperation : public QueueOperation {
public:
  SerialisedOperation(QueueOperation &inner, Event &end) : inner(inner), end(end) {}

  unsigned phases() const override { return inner.phases(); }
  Status issue(unsigned phase, Queue &queue) override {
    Status s;
    if (phase == 0)
      s = queue.wait(end); // of the communication before
    if (s.ok())
      s = inner.issue(phase, queue);
    return s.ok() && phase + 1 == phases() ? queue.record(end) : s;
  }
  Status poll() override { return inner.poll(); }
  std::string describe() const override { return inner.describe(); }

private:
  QueueOperation &inner;
  Event &end;
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

private:
  Status wrap(uint32_t rank, QueueOperation &made, QueueOperation *&out) {
    std::unique_ptr<Event> &end = ends[rank];
    if (!end)
      end = device.makeEvent();
    operations.push_back(std::make_unique<SerialisedOperation>(made, *end));
    out = operations.back().get();
    return {};
  }

  const std::unique_ptr<QueueTransport> inner;
  QueueDevice &device;
  std::map<uint32_t, std::unique_ptr<Event>> ends; // by rank
  std::vector<std::unique_ptr<QueueOperation>> operations;
};
} // namespace

std::unique_ptr<QueueTransport> makeSerialisedTransport(std::unique_ptr<QueueTransport> inner,
                                                        QueueDevice &device) {
  return std::make_unique<SerialisedTransport>(std::move(inner), device);
}

} // namespace dpcrt
