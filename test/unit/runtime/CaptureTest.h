// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The suite of CaptureTest.cpp, for test programs that have devices for it.
#pragma once
#include "DeviceMemory.h"
#include "devices/Queue.h"
#include "devices/Wait.h"
#include <functional>
#include <gtest/gtest.h>

namespace dpcrt::test {

struct CapturingDevice {
  std::string name;
  std::function<std::unique_ptr<QueueDevice>()> make;
};

class Capturing : public testing::TestWithParam<CapturingDevice> {
protected:
  static constexpr uint64_t kBytes = 64;
  using Words = std::vector<uint32_t>;

  void SetUp() override {
    device = GetParam().make();
    ASSERT_TRUE(device->finishPreparation().ok());
    ASSERT_TRUE(device->captures());
    for (const char *name : {"a", "b", "c"})
      queues.push_back(device->makeQueue(fb::StreamKind::Compute, name));
    event = device->makeEvent();
    memory = onDevice(*device, Words(16 * 8));
  }

  DeviceAddress place(uint64_t index) const { return memory + index * kBytes; }
  void fill(size_t queue, uint64_t at, uint32_t value) {
    Status s = queues[queue]->fill(place(at), value, kBytes);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  void copy(size_t queue, uint64_t to, uint64_t from) {
    Status s = queues[queue]->copy(place(to), place(from), kBytes);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // To what is there.
  void add(size_t queue, uint64_t to, uint64_t from) {
    DeviceAddress sources[] = {place(to), place(from)};
    Status s = queues[queue]->reduce(place(to), sources, 2, kBytes / 8, Element::I64);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // As soon as the queue has come so far, the other may go on.
  void order(size_t queue, size_t behind) {
    Status s = queues[behind]->record(*event);
    if (s.ok())
      s = queues[queue]->wait(*event);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  void begin(size_t queue = 0) {
    Status s = device->beginCapture(*queues[queue]);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  std::unique_ptr<Graph> end(size_t queue = 0) {
    std::unique_ptr<Graph> graph;
    Status s = device->endCapture(*queues[queue], graph);
    EXPECT_TRUE(s.ok()) << s.message();
    EXPECT_NE(graph, nullptr);
    return graph;
  }
  // A capture that has gone wrong: so says its end, makes nothing, and leaves the device as it was.
  void expectVoid(const std::string &words) {
    std::unique_ptr<Graph> graph;
    Status s = device->endCapture(*queues[0], graph);
    EXPECT_EQ(s.code(), Code::Internal);
    EXPECT_NE(s.message().find(words), std::string::npos) << s.message();
    EXPECT_EQ(graph, nullptr);
    begin();
    order(1, 0);
    fill(1, 7, 5);
    order(0, 1);
    graph = end();
    launch(0, *graph);
    finish();
  }
  static void expectError(const Status &s, const std::string &words) {
    EXPECT_EQ(s.code(), Code::Internal) << words;
    EXPECT_NE(s.message().find(words), std::string::npos) << s.message();
  }
  void launch(size_t queue, Graph &graph) {
    Status s = queues[queue]->launchGraph(graph);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // Until everything that was enqueued has run.
  void finish() {
    for (auto &queue : queues) {
      auto last = device->makeEvent();
      ASSERT_TRUE(queue->record(*last).ok());
      Status s = last->wait(noDeadline);
      ASSERT_TRUE(s.ok() && last->fired()) << s.message();
    }
  }
  uint32_t value(uint64_t at) { return fromDevice<uint32_t>(*device, place(at), 1)[0]; }

  std::unique_ptr<QueueDevice> device;
  std::unique_ptr<Event> event; // for order()
  std::vector<std::unique_ptr<Queue>> queues;
  DeviceAddress memory;
};

// The rules, on every device.
class CaptureRules : public Capturing {};

// What the commands of a graph do, on devices that compute.
class CapturedCommands : public Capturing {};

} // namespace dpcrt::test
