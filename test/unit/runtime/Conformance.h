// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every device and every transport must do, as tests over a pair of them. A
// new device or transport adds a Backend to the list in ConformanceTest.cpp and
// passes the same suite.
#pragma once
#include "../program/Builder.h"
#include "executor/ThreadExecutor.h"
#include "transports/local/LocalTransport.h"
#include <deque>
#include <functional>

namespace dpcrt::test {

struct Backend {
  std::string name;
  std::function<std::unique_ptr<HostDevice>(unsigned threads)> device;
  std::function<std::unique_ptr<Transport>(HostDevice &, const Link &)> transport;
};

// Feeds micro-batch m of expert e with values drawn from (m, e, step).
class TestIo : public HostIo {
public:
  Status inputValues(uint32_t rank, uint32_t input, uint32_t microBatch, uint64_t bytes,
                     const void *&out) override;
  void *outputValues(uint32_t rank, uint32_t output, uint32_t microBatch, uint64_t &bytes) override;
  static float value(uint32_t step, uint32_t microBatch, uint32_t expert, uint64_t index);
  uint32_t step = 0;
  int failAt = -1;     // micro-batch whose feed is an error
  bool throws = false; // it throws as an allocation does, instead
  std::atomic<int> fetched{0};

private:
  std::mutex mutex;                       // guards what follows
  std::deque<std::vector<float>> values;  // of all inputs of all steps
  std::deque<std::vector<char>> received; // outputs
};

// The programs of Builder.h's pipeline on a backend.
class World {
public:
  struct Options {
    uint32_t ranks = 2, microBatches = 4;
    unsigned threads = 2;
    Link link;
    ExecutorOptions executor;
    int withoutRank = -1; // a rank whose threads never come
  };
  World(const Backend &backend, const Options &options);
  Status step();
  // Weights of (pp, expert), 16 floats.
  std::vector<float> weights(uint32_t pp, uint32_t expert);
  std::vector<char> memory(); // all arenas of all ranks, one after the other
  static float initialWeight(uint32_t pp, uint32_t expert, uint64_t index);

  static constexpr uint32_t experts = 2;
  static constexpr float lr = 0.125f;
  std::unique_ptr<HostDevice> device;
  std::unique_ptr<Transport> transport;
  TestIo io;
  std::unique_ptr<Executor> executor;
  StepTimes times;
  std::vector<StreamSpans> spans;

private:
  std::vector<ProgramFile> programs;
  std::vector<std::vector<ArenaMemory>> arenas;
};

// The pipeline's arithmetic, one loop after the other.
class PipelineReference {
public:
  PipelineReference(uint32_t ranks, uint32_t microBatches);
  void step(uint32_t number);
  std::vector<std::vector<std::vector<double>>> weights; // [pp][expert][16]

private:
  uint32_t ranks, microBatches;
};

} // namespace dpcrt::test
