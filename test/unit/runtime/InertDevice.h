// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device of queues that does nothing, and nothing that it need not be able to do.
#pragma once
#include "devices/Queue.h"

namespace dpcrt::test {

class InertDevice : public QueueDevice {
public:
  const char *name() const override { return "inert"; }
  Status allocate(uint64_t, MemoryKind, DeviceAddress &) override { return {}; }
  Status upload(DeviceAddress, const void *, uint64_t) override { return {}; }
  Status download(void *, DeviceAddress, uint64_t) override { return {}; }
  Status openKernels(const std::string &, KernelTable, const std::vector<std::string> &) override {
    return {};
  }
  Status prepareLaunch(const fb::Kernel &, const PreparedLaunch *&) override { return {}; }
  Status prepareCall(const fb::LibraryCall &, const PreparedCall *&) override { return {}; }
  Status finishPreparation() override { return {}; }
  uint64_t scratchBytes() const override { return 0; }
  std::unique_ptr<Queue> makeQueue(fb::StreamKind, const std::string &) override { return {}; }
  std::unique_ptr<Event> makeEvent(bool) override { return {}; }
};

} // namespace dpcrt::test
