// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device with a fault of memory: a bit that flips once, in the middle of a step. Put
// beside a copy of dpc-run it is the device that this opens.
//
// DPC_FLIP=elements=N,operand=K,after=J,bit=B: before launch J, counted from 0, of an update of a
// parameter (or part of one) of N elements, bit B of the first element of buffer K flips: 0 is the
// values themselves, 1 the gradient, 2 and 3 the moments. With ",hash" behind it, while N words are
// hashed, and then it is as it was. Without DPC_FLIP nothing flips.
#include "devices/DevicePlugin.h"
#include "devices/HostDevice.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"
#include "program/format/StepRecord.h"
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace dpcrt::test {
namespace {
struct Flip {
  unsigned long long elements = 0;
  unsigned operand = 0, after = 0, bit = 0;
  bool whileHashed = false;
};

Flip readFlip() {
  Flip flip;
  if (const char *text = getenv("DPC_FLIP")) {
    int end = 0;
    if (sscanf(text, "elements=%llu,operand=%u,after=%u,bit=%u%n", &flip.elements, &flip.operand,
               &flip.after, &flip.bit, &end) != 4) {
      fprintf(stderr, "DPC_FLIP='%s' says no flip\n", text);
      exit(2);
    }
    flip.whileHashed = std::string(text + end) == ",hash";
  }
  return flip;
}

class FlippingDevice : public HostDevice {
public:
  explicit FlippingDevice(unsigned threads) : inner(makeCpuDevice(threads)), flip(readFlip()) {}
  const char *name() const override { return inner->name(); }

  Status allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) override {
    return inner->allocate(bytes, kind, out);
  }
  Status upload(DeviceAddress dst, const void *src, uint64_t bytes) override {
    return inner->upload(dst, src, bytes);
  }
  Status download(void *dst, DeviceAddress src, uint64_t bytes) override {
    return inner->download(dst, src, bytes);
  }
  Status openKernels(const std::string &path, KernelTable table,
                     const std::vector<std::string> &features) override {
    return inner->openKernels(path, std::move(table), features);
  }
  Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) override {
    Status s = inner->prepareLaunch(kernel, out);
    if (s.ok() && (flip.whileHashed ? isHash(kernel) : isUpdate(kernel)))
      hit.insert(out);
    return s;
  }
  Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) override {
    return inner->prepareCall(call, out);
  }
  Status finishPreparation() override { return inner->finishPreparation(); }
  uint64_t scratchBytes() const override { return inner->scratchBytes(); }

  std::unique_ptr<Lane> makeLane() override { return inner->makeLane(); }
  void *hostPointer(DeviceAddress address) override { return inner->hostPointer(address); }
  void launch(Lane &lane, const PreparedLaunch &kernel, const DeviceAddress *buffers,
              size_t count) override {
    const bool isHit = hit.count(&kernel) && launches++ == flip.after;
    auto flipIt = [&] {
      static_cast<char *>(inner->hostPointer(buffers[flip.operand]))[flip.bit / 8] ^=
          char(1 << flip.bit % 8);
    };
    if (isHit)
      flipIt();
    inner->launch(lane, kernel, buffers, count);
    if (isHit && flip.whileHashed)
      flipIt();
  }
  Status call(Lane &lane, const PreparedCall &call, const DeviceAddress *buffers) override {
    return inner->call(lane, call, buffers);
  }
  void copy(Lane &lane, DeviceAddress dst, DeviceAddress src, uint64_t bytes) override {
    inner->copy(lane, dst, src, bytes);
  }
  void fill(Lane &lane, DeviceAddress dst, uint32_t pattern, uint64_t bytes) override {
    inner->fill(lane, dst, pattern, bytes);
  }
  void reduce(Lane &lane, DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
              uint64_t count, Element dtype) override {
    inner->reduce(lane, dst, sources, sourceCount, count, dtype);
  }

private:
  // An update reads the header of the step record and its parameter's entry behind all else that
  // it is given, and only then, if there is a master, writes the weight that is computed with.
  bool isUpdate(const fb::Kernel &kernel) const {
    const uint32_t buffers = count(kernel.buffers());
    auto isRecord = [&](uint32_t b) {
      const fb::Buffer &buffer = *kernel.buffers()->Get(b);
      return buffer.access() == fb::Access::Read && buffer.bytes() == sizeof(StepEntry);
    };
    if (buffers < 4 || flip.operand >= buffers)
      return false;
    const fb::Buffer &first = *kernel.buffers()->Get(0);
    const bool hasMaster = kernel.buffers()->Get(buffers - 1)->access() == fb::Access::Write;
    return first.access() == fb::Access::ReadWrite &&
           first.bytes() == flip.elements * sizeOf(Element(first.dtype())) &&
           isRecord(buffers - 1 - hasMaster) && isRecord(buffers - 2 - hasMaster);
  }

  // Words in, a number for each row of them out.
  bool isHash(const fb::Kernel &kernel) const {
    if (count(kernel.buffers()) != 2)
      return false;
    const fb::Buffer &words = *kernel.buffers()->Get(0), &hashes = *kernel.buffers()->Get(1);
    return Element(words.dtype()) == Element::I32 && Element(hashes.dtype()) == Element::I32 &&
           words.access() == fb::Access::Read && words.bytes() == 4 * flip.elements;
  }

  std::unique_ptr<HostDevice> inner;
  const Flip flip;
  std::set<const PreparedLaunch *> hit;
  std::atomic<unsigned> launches{0};
};

Status makeDevice(unsigned threads, std::unique_ptr<Device> &out) {
  out = std::make_unique<FlippingDevice>(threads);
  return {};
}
} // namespace
} // namespace dpcrt::test

const dpcrt::Plugin *dpcrt_device_plugin() {
  static const dpcrt::DeviceKind kind{"cpu", "cpu", dpcrt::checkCpuFeatures,
                                      dpcrt::test::makeDevice};
  static const dpcrt::Plugin plugin{dpcrt::pluginVersion(), &kind};
  return &plugin;
}
