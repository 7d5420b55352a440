// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Addresses of the CPU device plus a number that no processor takes for one.
#include "FencedDevice.h"
#include "devices/cpu/CpuDevice.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace dpcrt::test {
namespace {
// Beyond what an address of any process may be.
constexpr uint64_t kFence = uint64_t(1) << 62, kMessages = kFence + (uint64_t(1) << 61);

class FencedDevice : public HostDevice {
public:
  FencedDevice(unsigned threads, Told told)
      : inner(makeCpuDevice(threads)), told(std::move(told)) {}
  const char *name() const override { return "fenced"; }

  Status allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) override {
    DeviceAddress address;
    Status s = inner->allocate(bytes, kind, address);
    uint64_t fence = kind == MemoryKind::Messages ? kMessages : kFence;
    out = address + fence;
    allocated.push_back({out, bytes, fence});
    if (told)
      told(bytes, kind, out);
    return s;
  }
  Status upload(DeviceAddress dst, const void *src, uint64_t bytes) override {
    return inner->upload(inside(dst, bytes), src, bytes);
  }
  Status download(void *dst, DeviceAddress src, uint64_t bytes) override {
    return inner->download(dst, inside(src, bytes), bytes);
  }

  Status openKernels(const std::string &path, KernelTable table,
                     const std::vector<std::string> &features) override {
    return inner->openKernels(path, std::move(table), features);
  }
  Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) override {
    return inner->prepareLaunch(kernel, out);
  }
  Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) override {
    Status s = inner->prepareCall(call, out);
    if (s.ok())
      operands.push_back({out, count(call.operands())});
    return s;
  }
  Status finishPreparation() override { return inner->finishPreparation(); }
  uint64_t scratchBytes() const override { return inner->scratchBytes(); }

  std::unique_ptr<Lane> makeLane() override { return inner->makeLane(); }
  void *hostPointer(DeviceAddress address) override {
    return inner->hostPointer(inside(address, 1));
  }
  void launch(Lane &lane, const PreparedLaunch &kernel, const DeviceAddress *buffers,
              size_t number) override {
    inner->launch(lane, kernel, inside(buffers, number).data(), number);
  }
  Status call(Lane &lane, const PreparedCall &call, const DeviceAddress *buffers) override {
    for (auto [prepared, number] : operands)
      if (prepared == &call)
        return inner->call(lane, call, inside(buffers, number).data());
    return Status(Code::Internal, "a call of another device");
  }
  void copy(Lane &lane, DeviceAddress dst, DeviceAddress src, uint64_t bytes) override {
    inner->copy(lane, inside(dst, bytes), inside(src, bytes), bytes);
  }
  void fill(Lane &lane, DeviceAddress dst, uint32_t pattern, uint64_t bytes) override {
    inner->fill(lane, inside(dst, bytes), pattern, bytes);
  }
  void reduce(Lane &lane, DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
              uint64_t elements, Element dtype) override {
    inner->reduce(lane, inside(dst, elements * sizeOf(dtype)), inside(sources, sourceCount).data(),
                  sourceCount, elements, dtype);
  }

private:
  struct Range {
    DeviceAddress begin;
    uint64_t bytes, fence;
    bool holds(DeviceAddress address, uint64_t count) const {
      uint64_t offset = uint64_t(pointerTo(address) - pointerTo(begin));
      return offset <= bytes && count <= bytes - offset;
    }
  };

  // The CPU device's address for one of this device's.
  DeviceAddress inside(DeviceAddress address, uint64_t bytes) const {
    auto range = std::find_if(allocated.begin(), allocated.end(),
                              [&](const Range &r) { return r.holds(address, bytes); });
    if (range == allocated.end()) {
      std::fprintf(stderr, "%p is no address of the fenced device\n",
                   static_cast<void *>(pointerTo(address)));
      std::abort();
    }
    return address + (0 - range->fence);
  }
  std::vector<DeviceAddress> inside(const DeviceAddress *addresses, size_t number) const {
    std::vector<DeviceAddress> list;
    for (size_t i = 0; i < number; ++i)
      list.push_back(inside(addresses[i], 1));
    return list;
  }

  std::unique_ptr<HostDevice> inner;
  Told told;
  std::vector<Range> allocated;
  std::vector<std::pair<const PreparedCall *, size_t>> operands;
};
} // namespace

std::unique_ptr<HostDevice> makeFencedDevice(unsigned threads) {
  return makeToldDevice(threads, nullptr);
}

std::unique_ptr<HostDevice> makeToldDevice(unsigned threads, Told told) {
  return std::make_unique<FencedDevice>(threads, std::move(told));
}

} // namespace dpcrt::test
