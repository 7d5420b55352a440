// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A world of ranks on one backend, and what it should compute.
#include "Conformance.h"
#include "DeviceMemory.h"
#include "TestKernels.h"
#include "data/Init.h"
#include "program/format/ArenaSharing.h"
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

void *TestIo::outputValues(uint32_t rank, uint32_t output, uint32_t m, uint64_t &bytes) {
  ++fetched;
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<char> &values = received[{ending, rank, output, m}];
  values.resize(bytes);
  return values.data();
}

std::vector<char> TestIo::outputs() {
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<char> all;
  for (auto &[key, values] : received)
    all.insert(all.end(), values.begin(), values.end());
  return all;
}

float World::initialWeight(uint32_t pp, uint32_t expert, uint64_t index) {
  return 0.3f * float(randomNormal(pp * 2 + expert, "w", index));
}

Status World::openCpuKernels(Device &device) {
  return device.openKernels(DPCRT_TEST_KERNELS, testKernels(), {});
}

std::vector<std::unique_ptr<RankPlan>>
World::load(const Options &options, const std::function<Status(Device &)> &openKernels) {
  Status opened = openKernels(*device);
  EXPECT_TRUE(opened.ok()) << opened.message();
  std::vector<const fb::Program *> all;
  Programs made = options.make ? options.make() : pipeline(options.ranks, options.microBatches);
  if (options.change)
    options.change(made);
  for (ProgramPtr &program : made) {
    Result<ProgramFile> file = readProgram(pack(*program), "test");
    EXPECT_TRUE(file.ok()) << file.status().message();
    programs.push_back(std::move(*file));
  }
  for (ProgramFile &file : programs)
    all.push_back(&file.program());
  if (!options.change && !options.make) {
    Status checked = checkPrograms(all);
    EXPECT_TRUE(checked.ok()) << checked.message();
  }
  arenas.resize(options.ranks * experts);
  std::memcpy(io.record.data() + sizeof(StepHeader) - kHostHeader, &lr, sizeof(lr));
  std::vector<std::unique_ptr<RankPlan>> plans;
  for (uint32_t rank = 0; rank < arenas.size(); ++rank) {
    const fb::Program &program = *all[rank / experts];
    for (auto *arena : items(program.arenas())) {
      bool isSent = arena->role() == fb::ArenaRole::Messages;
      MemoryKind kind = arena->host() ? MemoryKind::Host
                        : isSent      ? MemoryKind::Messages
                                      : MemoryKind::Device;
      ArenaMemory memory{{}, arena->bytes()};
      EXPECT_TRUE(device->allocate(arena->bytes(), kind, memory.data).ok());
      arenas[rank].push_back(memory);
    }
    float w[16];
    for (uint64_t i = 0; i < 16; ++i)
      w[i] = initialWeight(rank / experts, rank % experts, i);
    EXPECT_TRUE(device->upload(arenas[rank][Weights].data, w, sizeof(w)).ok());
    PlanContext context{&program,
                        {options.ranks, 1, experts},
                        {rank / experts, 0, rank % experts},
                        *device,
                        arenas[rank]};
    plans.emplace_back();
    Status s = RankPlan::make(context, plans.back());
    EXPECT_TRUE(s.ok()) << s.message();
  }
  return plans;
}

World::World(const Backend &backend, const Options &options) {
  std::unique_ptr<HostDevice> host = backend.device(options.threads);
  HostDevice &driven = *host;
  device = std::move(host);
  transport = backend.transport(driven, options.link);
  fail = backend.fail;
  std::vector<std::unique_ptr<ThreadPlan>> connected;
  for (std::unique_ptr<RankPlan> &plan : load(options)) {
    int rank = int(plan->rank);
    std::unique_ptr<ThreadPlan> made;
    Status s = ThreadPlan::make(std::move(plan), *transport, made);
    EXPECT_TRUE(s.ok()) << s.message();
    if (rank != options.withoutRank)
      connected.push_back(std::move(made));
  }
  Status s = transport->finishPreparation();
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_TRUE(device->finishPreparation().ok());
  auto threads = std::make_unique<ThreadExecutor>(std::move(connected), driven, *transport, io,
                                                  options.executor);
  started = threads->start();
  EXPECT_TRUE(started.ok()) << started.message();
  executor = std::move(threads);
}

World::World(const QueueBackend &backend, const Options &options) {
  isTraced = false; // has a cost
  std::unique_ptr<QueueDevice> taken = backend.device(options.threads);
  QueueDevice &driven = *taken;
  device = std::move(taken);
  queueTransport = backend.transport(driven);
  std::vector<std::unique_ptr<RankPlan>> plans =
      load(options, backend.openKernels ? backend.openKernels : openCpuKernels);
  if (options.withoutRank >= 0)
    plans.erase(plans.begin() + options.withoutRank);
  if (options.isReady)
    EXPECT_TRUE(device->finishPreparation().ok());
  std::unique_ptr<QueueExecutor> queues;
  ExecutorOptions chosen = options.executor;
  chosen.graphs |= backend.graphs;
  started = QueueExecutor::make(std::move(plans), driven, *queueTransport, io, chosen, queues);
  executor = std::move(queues);
}

Status World::submit() {
  if (!started.ok())
    return started;
  ++io.step;
  return executor->submit(isTraced);
}

Status World::finish() {
  Status s = executor->finish(times, spans);
  ++io.ending;
  if (!s.ok() && fail)
    fail(*transport, s);
  return s;
}

std::vector<float> World::weights(uint32_t pp, uint32_t expert) {
  return fromDevice<float>(*device, arenas[pp * experts + expert][Weights].data, 16);
}

std::vector<char> World::bytesOf(bool idleToo) {
  std::vector<char> bytes;
  for (size_t rank = 0; rank < arenas.size(); ++rank)
    for (uint32_t a = 0; a < arenas[rank].size(); ++a) {
      if (!idleToo && isIdle(programs[rank / experts].program().arenas()->Get(a)->role()))
        continue;
      const ArenaMemory &arena = arenas[rank][a];
      std::vector<char> values = fromDevice<char>(*device, arena.data, arena.bytes);
      bytes.insert(bytes.end(), values.begin(), values.end());
    }
  return bytes;
}

std::vector<char> World::memory() { return bytesOf(true); }
std::vector<char> World::kept() { return bytesOf(false); }

void giveForwardsTwoResultsOfOneCommand(Programs &programs) {
  for (ProgramPtr &program : programs) {
    fb::BlockT &block = *program->blocks[ForwardBlock];
    block.results.push_back(block.results[0]);
    block.result_operands.push_back(block.result_operands[0]);
    std::map<uint32_t, uint32_t> second; // by the first
    for (auto &command : program->order) {
      if (fb::RunT *run = command->action.AsRun(); run && run->block == ForwardBlock) {
        int32_t first = run->result_events[0];
        run->result_events.push_back(first < 0 ? -1 : int32_t(program->events));
        if (first >= 0)
          second[uint32_t(first)] = program->events++;
      } else if (fb::ExchangeT *exchange = command->action.AsExchange()) {
        for (auto &transfer : exchange->transfers)
          for (uint32_t &event : transfer->after)
            if (auto it = second.find(event); it != second.end())
              event = it->second;
      }
    }
  }
}

using Kind = fb::CollectiveKind;

void CollectiveCase::each(const std::function<void(Kind, uint32_t, bool)> &test) {
  for (Kind kind : {Kind::AllReduce, Kind::AllGather, Kind::ReduceScatter, Kind::AllToAll})
    for (uint32_t members : {1u, 2u, 3u, 4u})
      for (bool inPlace : {false, true})
        if (!inPlace || kind != Kind::AllToAll)
          test(kind, members, inPlace);
}

CollectiveCase::CollectiveCase(Device &device, Kind kind, uint32_t members, bool inPlace)
    : src(members) {
  size_t whole = part * members;
  size_t srcCount = kind == Kind::AllGather ? part : whole;
  size_t dstCount = kind == Kind::ReduceScatter ? part : whole;
  std::vector<uint64_t> parts; // of one range, the second member's none
  if (inPlace && kind != Kind::AllReduce) {
    srcCount = dstCount = whole;
    parts.push_back(whole * 4);
    for (uint32_t i = 1; i < members; ++i) {
      parts.push_back((i - 1) * 12);
      parts[0] -= parts[i];
    }
  }
  if (kind == Kind::AllReduce)
    srcCount = dstCount = whole + 3; // no multiple of the members
  for (uint32_t i = 0; i < members; ++i)
    ranks.push_back(i * 2 + 1);
  for (uint32_t i = 0; i < members; ++i) {
    for (size_t k = 0; k < srcCount; ++k)
      src[i].push_back(float(i + 1) * 0.1f + float(k));
    DeviceAddress from = onDevice(device, src[i]),
                  to = inPlace ? from : onDevice(device, std::vector<float>(dstCount, -1));
    specs.push_back(
        {kind, Element::F32, "g", 0, ranks, from, to, srcCount * 4, dstCount * 4, parts});
  }
}

float CollectiveCase::wanted(uint32_t i, size_t k) const {
  auto sumOf = [&](size_t element) {
    float s = src[0][element];
    for (size_t j = 1; j < src.size(); ++j)
      s += src[j][element];
    return s;
  };
  if (specs[0].inParts()) {
    size_t owner = 0;
    while (k * 4 >= specs[0].partBegin(owner) + specs[0].partBytes(owner))
      ++owner;
    if (specs[0].kind == Kind::AllGather)
      return src[owner][k];
    return owner == i ? sumOf(k) : src[i][k];
  }
  switch (specs[0].kind) {
  case Kind::AllReduce:
    return sumOf(k);
  case Kind::ReduceScatter:
    return sumOf(i * part + k);
  case Kind::AllGather:
    return src[k / part][k % part];
  default:
    return src[k / part][i * part + k % part];
  }
}

void CollectiveCase::check(Device &device) const {
  for (uint32_t i = 0; i < specs.size(); ++i) {
    size_t count = specs[i].dstBytes / 4;
    const std::vector<float> got = fromDevice<float>(device, specs[i].dst, count);
    for (size_t k = 0; k < count; ++k)
      ASSERT_EQ(got[k], wanted(i, k)) << fb::EnumNameCollectiveKind(specs[0].kind) << " of "
                                      << specs.size() << ", member " << i << ", element " << k;
  }
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
