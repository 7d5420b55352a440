// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the device `cuda` has beside what every device of queues has: device functions, scratch,
// memory that runs out, errors of the driver's, times. On the emulated driver.
#include "../runtime/DeviceMemory.h"
#include "EmulatedGpu.h"
#include "devices/Wait.h"
#include "devices/cuda/CudaEvent.h"
#include "devices/cuda/Kernels.h"
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>
#include <unistd.h>

namespace dpcrt::test {
namespace {
constexpr fb::StreamKind kCompute = fb::StreamKind::Compute;
constexpr fb::StreamKind kCommunication = fb::StreamKind::Communication;

class CudaDevice : public testing::Test {
protected:
  void open(const std::string &said = "", void (*change)(fb::KernelTableT &) = nullptr) {
    device = makeEmulatedGpu(said);
    ASSERT_NE(device, nullptr);
    Status s = openTestKernels(*device, change);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  void TearDown() override {
    queue.reset();
    device.reset();
  }

  Status prepare(const std::string &symbol, const PreparedLaunch *&out) {
    fb::KernelT kernel;
    kernel.symbol = symbol;
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(fb::Kernel::Pack(builder, &kernel));
    return device->prepareLaunch(*flatbuffers::GetRoot<fb::Kernel>(builder.GetBufferPointer()),
                                 out);
  }
  const PreparedLaunch &prepared(const std::string &symbol) {
    const PreparedLaunch *launch = nullptr;
    Status s = prepare(symbol, launch);
    EXPECT_TRUE(s.ok()) << s.message();
    return *launch;
  }
  void makeQueue(fb::StreamKind kind = kCompute) {
    ASSERT_TRUE(device->finishPreparation().ok());
    queue = device->makeQueue(kind, "rank 0, stream compute");
  }
  Status finish() {
    auto end = device->makeEvent();
    Status s = queue->record(*end);
    return s.ok() ? end->wait(noDeadline) : s;
  }
  DeviceAddress floats(float first, size_t count = 16) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = first + float(i);
    return onDevice(*device, values);
  }

  std::unique_ptr<QueueDevice> device;
  std::unique_ptr<Queue> queue;
};

void expectError(const Status &s, Code code, const std::vector<std::string> &words) {
  EXPECT_EQ(s.code(), code) << s.message();
  for (const std::string &part : words)
    EXPECT_NE(s.message().find(part), std::string::npos) << part << "\nin: " << s.message();
}

TEST_F(CudaDevice, AKernelIsItsFunctionsInTurnWithScratch) {
  open();
  const PreparedLaunch &twice = prepared("k_twice"), &nothing = prepared("k_nothing");
  makeQueue();
  EXPECT_EQ(device->scratchBytes(), 64u);
  DeviceAddress buffers[] = {floats(1), floats(0)};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(queue->launch(twice, buffers, 2).ok());
    std::swap(buffers[0], buffers[1]);
  }
  ASSERT_TRUE(queue->launch(nothing, buffers, 2).ok());
  ASSERT_TRUE(finish().ok());
  // 2 (2 (2 x + 1) + 1) + 1, from x = 1 on.
  std::vector<float> values = fromDevice<float>(*device, buffers[0], 16);
  for (size_t i = 0; i < 16; ++i)
    EXPECT_EQ(values[i], 8 * float(i + 1) + 7);
  queue.reset();
  EXPECT_EQ(device->scratchBytes(), 0u);
}

TEST_F(CudaDevice, ScratchIsOfQueuesThatCompute) {
  open();
  makeQueue(kCommunication); // nothing is prepared yet either
  const PreparedLaunch &twice = prepared("k_twice");
  EXPECT_EQ(device->scratchBytes(), 0u);
  DeviceAddress buffers[] = {floats(1), floats(0)};
  Status s = queue->launch(twice, buffers, 2);
  expectError(s, Code::Device,
              {"queue 'rank 0, stream compute', launching a kernel: it needs 64 bytes of scratch, "
               "and the queue has 0; a queue of kind compute, made when all kernels are known, "
               "has enough"});
}

TEST_F(CudaDevice, WhatTheCodeOrTheTableLacksIsRefusedByName) {
  open("", [](fb::KernelTableT &table) {
    for (auto &kernel : table.kernels) {
      fb::DeviceShapeT &shape = *kernel->shape.AsDeviceShape();
      if (kernel->symbol == "k_add")
        shape.functions[0]->symbol = "k_gone";
      if (kernel->symbol == "k_keep")
        shape.functions[0]->block = 64;
    }
  });
  const PreparedLaunch *launch = nullptr;
  expectError(prepare("k_unknown", launch), Code::Artifact,
              {"the artifact's kernel table does not say how 'k_unknown' is run"});
  expectError(prepare("k_add", launch), Code::Artifact,
              {"the artifact's kernels have no 'k_gone'"});
  expectError(
      prepare("k_keep", launch), Code::Device,
      {"cannot run function 'k_keep': its blocks have 64 threads, of which 32 are possible"});
  EXPECT_EQ(launch, nullptr);
}

TEST_F(CudaDevice, CodeThatCannotBeLoadedSaysWhy) {
  open();
  const std::string path = testImage() + ".bad";
  auto load = [&](const std::string &content) {
    std::ofstream(path, std::ios::binary) << content;
    return device->openKernels(path, KernelTable(), {});
  };
  expectError(load("no code"), Code::Artifact,
              {"loading the device code '" + path + "'", "CUDA_ERROR_INVALID_IMAGE"});
  expectError(load(std::string(ELFMAG) + std::string(100, '\1')), Code::Artifact,
              {path + ": the device code is damaged"});
  expectError(load(".version 8.0\n.target sm_80\n// of which nobody has a twin\n"), Code::Device,
              {"CUDA_ERROR_NO_BINARY_FOR_GPU", ".so"}); // the log of the driver
  std::filesystem::remove(path);
  expectError(device->openKernels(path, KernelTable(), {}), Code::Artifact, {path});
  expectError(device->openKernels(testImage(), KernelTable(), {"sm_80"}), Code::Device,
              {"does not run code for sm_80; dpc compile --target cuda:sm_90 would be right"});
}

TEST_F(CudaDevice, MemoryThatRunsOutSaysWhatThereIs) {
  open("memory=64MiB");
  DeviceAddress address;
  expectError(device->allocate(uint64_t(1) << 30, MemoryKind::Device, address), Code::OutOfMemory,
              {"is out of memory: 1.0 GiB were asked for, and ", " of 64.0 MiB are free"});
  EXPECT_FALSE(address);
  // It goes on without.
  ASSERT_TRUE(device->allocate(1 << 20, MemoryKind::Messages, address).ok());
  EXPECT_EQ(fromDevice<char>(*device, address, 1 << 20), std::vector<char>(1 << 20));
}

// While another lives, so that it is the device that frees it, and not the end of the context.
TEST_F(CudaDevice, BehindADeviceItsMemoryIsFree) {
  open("memory=64MiB");
  for (int i = 0; i < 5; ++i) {
    std::unique_ptr<QueueDevice> other = makeEmulatedGpu("memory=64MiB");
    DeviceAddress address;
    for (MemoryKind kind : {MemoryKind::Device, MemoryKind::Messages, MemoryKind::Host}) {
      Status s = other->allocate(20 << 20, kind, address);
      ASSERT_TRUE(s.ok()) << s.message();
    }
  }
}

TEST_F(CudaDevice, TheHostWritesItsMemoryItself) {
  open("policy=reverse");
  makeQueue();
  DeviceAddress pinned, there = floats(0, 4);
  ASSERT_TRUE(device->allocate(64, MemoryKind::Host, pinned).ok());
  // The copy is enqueued first, and has not run: nothing waits for it.
  ASSERT_TRUE(queue->copy(there, pinned, 4).ok());
  const float value = 7;
  ASSERT_TRUE(device->upload(pinned, &value, sizeof value).ok());
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(fromDevice<float>(*device, there, 1)[0], 7);
  EXPECT_EQ(fromDevice<float>(*device, pinned + 4, 1)[0], 0) << "zero-filled";
}

TEST_F(CudaDevice, SumsThatTheArtifactLacksAreNamed) {
  open();
  makeQueue();
  DeviceAddress a = floats(1), sources[] = {a, a, a, a, a};
  ASSERT_TRUE(queue->reduce(sources[0], sources, 4, 16, Element::F32).ok());
  ASSERT_TRUE(queue->reduce(sources[0], sources, 5, 0, Element::F32).ok()) << "of nothing";
  DeviceAddress copy = floats(0);
  ASSERT_TRUE(queue->reduce(copy, sources, 1, 16, Element::F32).ok());
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(fromDevice<float>(*device, copy, 16)[15], 64);
  expectError(queue->reduce(a, sources, 5, 16, Element::F32), Code::Artifact,
              {"adding up: the artifact's kernels have no sum of 5 sources of f32"});
  queue.reset();
  open();
  makeQueue();
  a = onDevice(*device, std::vector<double>(4));
  DeviceAddress doubles[] = {a, a};
  expectError(queue->reduce(a, doubles, 2, 4, Element::F64), Code::Artifact, {"2 sources of f64"});
}

TEST_F(CudaDevice, ALongSumHasAllItsElements) {
  open();
  makeQueue();
  for (size_t count : {1u, 63u, 64u, 65u, 1000u}) {
    DeviceAddress sources[] = {floats(1, count), floats(2, count)};
    ASSERT_TRUE(queue->reduce(sources[0], sources, 2, count, Element::F32).ok());
    ASSERT_TRUE(finish().ok());
    std::vector<float> sum = fromDevice<float>(*device, sources[0], count);
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(sum[i], 3 + 2 * float(i)) << count;
  }
}

TEST_F(CudaDevice, AFailingCallNamesQueueAndCommandAndIsKept) {
  open("fail=cuLaunchKernel:2:CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES");
  const PreparedLaunch &add = prepared("k_add");
  makeQueue();
  DeviceAddress buffers[] = {floats(1), floats(2), floats(3)};
  ASSERT_TRUE(queue->launch(add, buffers, 3).ok());
  Status s = queue->launch(add, buffers, 3);
  expectError(s, Code::Device,
              {"GPU 0, queue 'rank 0, stream compute', launching function 'k_add': "
               "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"});
  EXPECT_EQ(s.message().find("before"), std::string::npos) << "it is this one";
  auto event = device->makeEvent();
  float value = 0;
  for (const Status &later :
       {queue->launch(add, buffers, 3), queue->fill(buffers[0], 0, 4), queue->record(*event),
        queue->copy(buffers[0], buffers[1], 4), event->wait(0),
        device->download(&value, buffers[0], 4), device->beginCapture(*queue)})
    EXPECT_EQ(later.message(), s.message());
}

TEST_F(CudaDevice, EveryCallOfACommandThatFailsIsNamed) {
  const struct {
    const char *function, *words;
    Status (*command)(Queue &, DeviceAddress, Event &);
  } rows[] = {
      {"cuMemcpyAsync", "copying 16 bytes",
       [](Queue &q, DeviceAddress a, Event &) { return q.copy(a, a + 32, 16); }},
      {"cuMemsetD32Async", "filling 32 bytes",
       [](Queue &q, DeviceAddress a, Event &) { return q.fill(a, 0, 32); }},
      {"cuStreamWaitEvent", "waiting for an event",
       [](Queue &q, DeviceAddress, Event &e) {
         Status s = q.record(e);
         EXPECT_TRUE(s.ok()) << s.message();
         return q.wait(e);
       }},
      {"cuLaunchKernel", "launching function 'sum_2_f32'",
       [](Queue &q, DeviceAddress a, Event &) {
         DeviceAddress sources[] = {a, a};
         return q.reduce(a, sources, 2, 4, Element::F32);
       }},
  };
  for (auto &row : rows) {
    open("fail=" + std::string(row.function) + ":1");
    makeQueue();
    DeviceAddress a = floats(0);
    auto event = device->makeEvent();
    expectError(row.command(*queue, a, *event), Code::Device,
                {"GPU 0, queue 'rank 0, stream compute', ", row.words});
    event.reset();
    TearDown();
  }
}

// In a process of its own, which is lost for the GPU.
TEST_F(CudaDevice, WhatGoesWrongWhenItRunsComesUpWhereSomebodyWaits) {
  auto fail = [&] {
    open("fault=launch:1:CUDA_ERROR_ILLEGAL_ADDRESS,policy=first");
    const PreparedLaunch &add = prepared("k_add");
    makeQueue();
    DeviceAddress buffers[] = {floats(1), floats(2), floats(3)};
    Status enqueued = queue->launch(add, buffers, 3), s = finish();
    bool isKept = queue->launch(add, buffers, 3).message() == s.message() &&
                  finish().message() == s.message() && s.code() == Code::Device;
    std::cerr << (enqueued.ok() && isKept ? "kept: " : "not kept: ") << s.message() << "\n";
    TearDown();
    _exit(0); // the folder of images is the parent's
  };
  EXPECT_EXIT(fail(), testing::ExitedWithCode(0),
              "kept: GPU 0, waiting for what queue 'rank 0, stream compute' was told to do: "
              "CUDA_ERROR_ILLEGAL_ADDRESS, .*; a command that was enqueued before is what failed");
}

// As well: what hangs, hangs until the process ends.
TEST_F(CudaDevice, WhatHangsHoldsUpNoWaitAndNoEnd) {
  auto hang = [&] {
    open("fault=hang:3:1"); // the device has two streams of its own
    makeQueue();
    DeviceAddress a = floats(0);
    Status filled = queue->fill(a, 0, 64);
    auto end = device->makeEvent();
    Status recorded = queue->record(*end);
    const int64_t begin = nowNs();
    Status s = end->wait(begin + 30'000'000);
    const int64_t took = nowNs() - begin;
    const bool isRight = filled.ok() && recorded.ok() && s.ok() && !end->fired() &&
                         took >= 30'000'000 && took < 1'000'000'000;
    end.reset();
    TearDown();
    std::cerr << (isRight ? "ended" : "not as it should: " + s.message()) << "\n";
    _exit(0);
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(0), "^ended");
}

TEST_F(CudaDevice, TimesAreThoseOfTheHostsClockAndAscend) {
  open("seed=7");
  makeQueue();
  DeviceAddress a = floats(0);
  std::vector<std::unique_ptr<Event>> events;
  const int64_t begin = nowNs();
  for (int i = 0; i < 20; ++i) {
    events.push_back(device->makeEvent(/*timed=*/true));
    EXPECT_EQ(events.back()->time(), 0) << "never recorded";
    ASSERT_TRUE(queue->fill(a, 0, 64).ok());
    ASSERT_TRUE(queue->record(*events.back()).ok());
  }
  ASSERT_TRUE(events.back()->wait(noDeadline).ok());
  int64_t last = begin;
  for (auto &event : events) {
    EXPECT_TRUE(event->fired());
    EXPECT_GE(event->time(), last);
    last = event->time();
  }
  EXPECT_LE(last, nowNs());
}

// With a new base every millisecond, for events that are looked at at once, and for such that are
// kept while all bases there are come to be used.
TEST_F(CudaDevice, TimesGoOnFromOneBaseToTheNext) {
  open("seed=9");
  const cuda::Cuda *opened = nullptr;
  ASSERT_TRUE(cuda::openCuda(opened).ok());
  std::unique_ptr<cuda::Context> context;
  ASSERT_TRUE(cuda::Context::make(*opened, context).ok());
  cuda::Clock clock(*context, 1'000'000);
  ASSERT_TRUE(clock.start().ok());
  std::set<size_t> bases;
  int64_t last = nowNs();
  makeQueue();
  for (bool isKept : {false, true}) {
    std::vector<std::unique_ptr<cuda::CudaEvent>> kept;
    for (int i = 0; i < 60; ++i) {
      auto event = std::make_unique<cuda::CudaEvent>(*context, clock, true);
      cuda::Context::Use use(*context);
      ASSERT_TRUE(queue->record(*event).ok());
      ASSERT_TRUE(event->wait(noDeadline).ok());
      EXPECT_GE(event->time(), last);
      last = event->time();
      EXPECT_LE(last, nowNs());
      const size_t base = clock.take(cuda::Clock::kNone);
      clock.giveBack(base);
      bases.insert(base);
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      if (isKept)
        kept.push_back(std::move(event));
    }
    for (size_t i = 1; i < kept.size(); ++i)
      EXPECT_LE(kept[i - 1]->time(), kept[i]->time());
  }
  EXPECT_GT(bases.size(), 2u);
}

TEST_F(CudaDevice, AnEventThatNobodyRecordedHasFired) {
  open();
  auto event = device->makeEvent();
  EXPECT_TRUE(event->fired());
  EXPECT_TRUE(event->wait(0).ok());
}

TEST_F(CudaDevice, ACallThatFailsInACaptureIsAnErrorOfTheCapture) {
  std::unique_ptr<Graph> graph;
  open("fail=cuMemsetD32Async:1");
  makeQueue();
  DeviceAddress a = floats(0);
  ASSERT_TRUE(device->beginCapture(*queue).ok());
  Status s = queue->fill(a, 0, 64);
  expectError(s, Code::Device, {"filling 64 bytes"});
  EXPECT_EQ(device->endCapture(*queue, graph).message(), s.message());
  EXPECT_EQ(graph, nullptr);
  // The device is as it was.
  ASSERT_TRUE(device->beginCapture(*queue).ok());
  ASSERT_TRUE(queue->fill(a, 5, 64).ok());
  ASSERT_TRUE(device->endCapture(*queue, graph).ok());
  ASSERT_TRUE(queue->launchGraph(*graph).ok());
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(fromDevice<uint32_t>(*device, a, 1)[0], 5u);
}

// A cubin as far as it is looked into: a header, one section with content, and one without.
std::vector<uint8_t> wholeCubin() {
  std::vector<uint8_t> bytes(sizeof(Elf64_Ehdr) + 40 + 2 * sizeof(Elf64_Shdr));
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 2;
  header.e_shoff = sizeof(Elf64_Ehdr) + 40;
  Elf64_Shdr sections[2] = {};
  sections[0].sh_type = SHT_PROGBITS;
  sections[0].sh_offset = sizeof(Elf64_Ehdr);
  sections[0].sh_size = 40;
  sections[1].sh_type = SHT_NOBITS;
  sections[1].sh_size = 1 << 20;
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + header.e_shoff, sections, sizeof sections);
  return bytes;
}

TEST(Cubin, IsWholeOrRefused) {
  const std::vector<uint8_t> whole = wholeCubin();
  EXPECT_TRUE(cuda::isWholeCubin(whole));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(cuda::isWholeCubin({whole.begin(), whole.begin() + std::ptrdiff_t(size)})) << size;
  // Offsets and numbers that leave the file, and those that overflow.
  auto changed = [&](auto change) {
    std::vector<uint8_t> bytes = whole;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    Elf64_Shdr section;
    std::memcpy(&section, bytes.data() + header.e_shoff, sizeof section);
    const uint64_t at = header.e_shoff;
    change(header, section);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + at, &section, sizeof section);
    return cuda::isWholeCubin(bytes);
  };
  EXPECT_TRUE(changed([](Elf64_Ehdr &, Elf64_Shdr &) {}));
  EXPECT_FALSE(changed([](Elf64_Ehdr &h, Elf64_Shdr &) { h.e_shoff = UINT64_MAX; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &h, Elf64_Shdr &) { h.e_shnum = 3; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &h, Elf64_Shdr &) { h.e_shnum = 0; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &h, Elf64_Shdr &) { h.e_ident[EI_CLASS] = ELFCLASS32; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &h, Elf64_Shdr &) { h.e_phnum = 1; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &, Elf64_Shdr &s) { s.sh_size = UINT64_MAX; }));
  EXPECT_FALSE(changed([](Elf64_Ehdr &, Elf64_Shdr &s) { s.sh_offset = 1 << 20; }));
}
} // namespace
} // namespace dpcrt::test
