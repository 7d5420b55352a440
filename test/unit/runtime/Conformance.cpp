// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A world of ranks on one backend, and what it should compute.
#include "Conformance.h"
#include "DeviceMemory.h"
#include "TestKernels.h"
#include "data/Init.h"
#include <cstring>
#include <gtest/gtest.h>
#include <new>

namespace dpcrt::test {

float TestIo::value(uint32_t step, uint32_t m, uint32_t expert, uint64_t index) {
  return float(randomNormal(step * 100 + m * 2 + expert, "x", index));
}

Status TestIo::inputValues(uint32_t rank, uint32_t, uint32_t m, uint64_t bytes, const void *&out) {
  if (int(m) == failAt && throws)
    throw std::bad_alloc();
  if (int(m) == failAt)
    return Status(Code::Data, "the data ends here");
  std::vector<float> drawn;
  for (uint64_t i = 0; i < bytes / 4; ++i)
    drawn.push_back(value(step, m, rank % World::experts, i));
  std::lock_guard<std::mutex> lock(mutex);
  values.push_back(std::move(drawn));
  out = values.back().data();
  return {};
}

void *TestIo::outputValues(uint32_t, uint32_t, uint32_t, uint64_t &bytes) {
  ++fetched;
  std::lock_guard<std::mutex> lock(mutex);
  received.emplace_back(bytes);
  return received.back().data();
}

float World::initialWeight(uint32_t pp, uint32_t expert, uint64_t index) {
  return 0.3f * float(randomNormal(pp * 2 + expert, "w", index));
}

World::World(const Backend &backend, const Options &options)
    : device(backend.device(options.threads)), transport(backend.transport(*device, options.link)) {
  EXPECT_TRUE(device->openKernels(DPCRT_TEST_KERNELS, testKernels(), {}).ok());
  std::vector<const fb::Program *> all;
  for (ProgramPtr &program : pipeline(options.ranks, options.microBatches)) {
    Result<ProgramFile> file = readProgram(pack(*program), "test");
    EXPECT_TRUE(file.ok()) << file.status().message();
    programs.push_back(std::move(*file));
  }
  for (ProgramFile &file : programs)
    all.push_back(&file.program());
  Status checked = checkPrograms(all);
  EXPECT_TRUE(checked.ok()) << checked.message();
  arenas.resize(options.ranks * experts);
  std::vector<std::unique_ptr<ThreadPlan>> plans;
  for (uint32_t rank = 0; rank < arenas.size(); ++rank) {
    const fb::Program &program = *all[rank / experts];
    for (auto *arena : items(program.arenas())) {
      MemoryKind kind = arena->host() ? MemoryKind::Host : MemoryKind::Device;
      ArenaMemory memory{{}, arena->bytes()};
      EXPECT_TRUE(device->allocate(arena->bytes(), kind, memory.data).ok());
      arenas[rank].push_back(memory);
    }
    float w[16];
    for (uint64_t i = 0; i < 16; ++i)
      w[i] = initialWeight(rank / experts, rank % experts, i);
    EXPECT_TRUE(device->upload(arenas[rank][Weights].data, w, sizeof(w)).ok());
    EXPECT_TRUE(device->upload(arenas[rank][Record].data + kSlot, &lr, sizeof(lr)).ok());
    PlanContext context{&program, rank / experts, rank % experts, experts, *device, arenas[rank]};
    std::unique_ptr<RankPlan> plan;
    Status s = RankPlan::make(context, plan);
    EXPECT_TRUE(s.ok()) << s.message();
    std::unique_ptr<ThreadPlan> connected;
    s = ThreadPlan::make(std::move(plan), *transport, connected);
    EXPECT_TRUE(s.ok()) << s.message();
    if (int(rank) != options.withoutRank)
      plans.push_back(std::move(connected));
  }
  Status s = transport->finishPreparation();
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_TRUE(device->finishPreparation().ok());
  auto threads =
      std::make_unique<ThreadExecutor>(std::move(plans), *device, *transport, io, options.executor);
  Status started = threads->start();
  executor = std::move(threads);
  EXPECT_TRUE(started.ok()) << started.message();
}

Status World::step() {
  ++io.step;
  if (Status s = executor->submit(/*traced=*/true); !s.ok())
    return s;
  return executor->finish(times, spans);
}

std::vector<float> World::weights(uint32_t pp, uint32_t expert) {
  return fromDevice<float>(*device, arenas[pp * experts + expert][Weights].data, 16);
}

std::vector<char> World::memory() {
  std::vector<char> bytes;
  for (auto &rank : arenas)
    for (auto &arena : rank) {
      std::vector<char> values = fromDevice<char>(*device, arena.data, arena.bytes);
      bytes.insert(bytes.end(), values.begin(), values.end());
    }
  return bytes;
}

PipelineReference::PipelineReference(uint32_t ranks, uint32_t microBatches)
    : ranks(ranks), microBatches(microBatches) {
  weights.assign(ranks, std::vector<std::vector<double>>(World::experts, std::vector<double>(16)));
  for (uint32_t r = 0; r < ranks; ++r)
    for (uint32_t e = 0; e < World::experts; ++e)
      for (uint64_t i = 0; i < 16; ++i)
        weights[r][e][i] = double(World::initialWeight(r, e, i));
}

void PipelineReference::step(uint32_t number) {
  constexpr uint32_t E = World::experts;
  using Matrix = std::vector<double>;
  std::vector<Matrix> gradient(E, Matrix(16));
  for (uint32_t m = 0; m < microBatches; ++m) {
    std::vector<Matrix> x(E, Matrix(16));
    std::vector<std::vector<Matrix>> kept(ranks, std::vector<Matrix>(E, Matrix(16)));
    for (uint32_t e = 0; e < E; ++e)
      for (uint64_t i = 0; i < 16; ++i)
        x[e][i] = double(TestIo::value(number, m, e, i));
    for (uint32_t r = 0; r < ranks; ++r) {
      std::vector<Matrix> product(E, Matrix(16)), y(E, Matrix(16));
      for (uint32_t e = 0; e < E; ++e)
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 4; ++j)
            for (int k = 0; k < 4; ++k)
              product[e][size_t(4 * i + j)] +=
                  x[e][size_t(4 * i + k)] * weights[r][e][size_t(4 * k + j)];
      for (uint32_t e = 0; e < E; ++e)
        for (size_t i = 0; i < 16; ++i) {
          double exchanged = product[i / 8][e * 8 + i % 8];
          kept[r][e][i] = 0.5 * exchanged;
          y[e][i] = exchanged + 0.5 * weights[r][e][i];
        }
      x = y;
    }
    for (uint32_t e = 0; e < E; ++e) {
      Matrix g = weights[ranks - 1][e];
      for (uint32_t r = ranks; r-- > 0;)
        for (size_t i = 0; i < 16; ++i) {
          gradient[e][i] += g[i] * kept[r][e][i];
          g[i] *= weights[r][e][i];
        }
    }
  }
  for (uint32_t r = 0; r < ranks; ++r)
    for (uint32_t e = 0; e < E; ++e)
      for (size_t i = 0; i < 16; ++i)
        weights[r][e][i] -= double(World::lr) * gradient[e][i];
}

} // namespace dpcrt::test
