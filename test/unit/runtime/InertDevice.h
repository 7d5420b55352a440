// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices that do nothing, and nothing that they need not be able to do.
#pragma once
#include "devices/Queue.h"

namespace dpcrt::test {

// A device of this kind; Device: one that says no way to drive it.
template <typename Kind> class Inert : public Kind {
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
};

class InertDevice : public Inert<QueueDevice> {
public:
  std::unique_ptr<Queue> makeQueue(fb::StreamKind, const std::string &) override { return {}; }
  std::unique_ptr<Event> makeEvent(bool) override { return {}; }
};

} // namespace dpcrt::test
