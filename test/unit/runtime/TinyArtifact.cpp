// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the programs and files of TinyArtifact.h.
#include "TinyArtifact.h"
#include "TestKernels.h"
#include "data/Files.h"
#include "data/Hash.h"
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace dpcrt::test {
namespace {
enum TinyArena : uint32_t { W, G, Scratch, Head };
enum Slot : uint64_t { X, T, Y, Gy, Loss, Den, Sums };
enum TinyKernel : uint32_t { KLoss, KCount, KNorm, KFactor, KSgd };
enum TinyCall : uint32_t { Product, WeightGradient };

std::unique_ptr<fb::TensorT> tensor(const std::string &name, std::vector<uint64_t> shape) {
  auto t = std::make_unique<fb::TensorT>();
  t->name = name;
  t->shape = std::move(shape);
  return t;
}

ProgramPtr tinyProgram(const TinyOptions &options, uint32_t rank, const std::string &entry) {
  auto p = std::make_unique<fb::ProgramT>();
  p->format_major = kFormatMajor;
  p->format_minor = kFormatMinor;
  p->entry = entry;
  p->coordinate = rank;
  p->mesh = std::make_unique<fb::MeshT>();
  p->mesh->pp = options.ranks;
  p->mesh->mirror = options.ranks;
  p->micro_batches = options.microBatches;
  p->optimizer = "sgd";
  p->strings.push_back("");
  p->streams.push_back(std::make_unique<fb::StreamT>());
  p->streams[0]->name = "compute";
  auto arenaOf = [&](const char *name, fb::ArenaRole role, uint64_t slots) {
    p->arenas.push_back(std::make_unique<fb::ArenaT>());
    p->arenas.back()->name = name;
    p->arenas.back()->role = role;
    p->arenas.back()->bytes = slots * kSlot;
  };
  arenaOf("weights", fb::ArenaRole::Weights, 1);
  arenaOf("gradients", fb::ArenaRole::Gradients, 1);
  arenaOf("work", fb::ArenaRole::Workspace, 7);
  arenaOf("record", fb::ArenaRole::StepRecord, 2);
  constexpr fb::Access r = fb::Access::Read, w = fb::Access::Write, rw = fb::Access::ReadWrite;
  auto kernel = [&](const char *symbol, std::vector<fb::Access> access, std::vector<uint64_t> bytes,
                    uint64_t range) {
    p->kernels.push_back(std::make_unique<fb::KernelT>());
    p->kernels.back()->symbol = symbol;
    for (size_t i = 0; i < access.size(); ++i)
      p->kernels.back()->buffers.push_back(fb::Buffer(bytes[i], kF32, access[i]));
  };
  kernel("k_loss", {r, r, w, w, w}, {64, 64, 4, 4, 64}, 1);
  kernel("k_count", {r, rw}, {4, 64}, 1);
  kernel("k_norm", {r, rw}, {64, 64}, 1);
  kernel("k_factor", {r, rw}, {64, 64}, 1);
  kernel("k_sgd", {rw, r, r, r}, {64, 64, 64, 64}, 16);
  auto call = [&](std::vector<uint64_t> lhs, bool accumulate) {
    auto c = std::make_unique<fb::LibraryCallT>();
    fb::MatmulT m;
    m.m = m.n = m.k = 4;
    m.lhs_strides = std::move(lhs);
    m.rhs_strides = m.dst_strides = {4, 1};
    m.accumulate = accumulate;
    m.block_rows = m.block_columns = 4;
    c->function.Set(std::move(m));
    c->operands = {fb::Buffer(64, kF32, r), fb::Buffer(64, kF32, r),
                   fb::Buffer(64, kF32, accumulate ? rw : w)};
    p->library.push_back(std::move(c));
  };
  call({4, 1}, false);
  call({1, 4}, true);
  p->groups.push_back(std::make_unique<fb::GroupT>());
  p->groups[0]->name = "all";
  for (uint32_t i = 0; i < options.ranks; ++i)
    p->groups[0]->pp.push_back(i);
  p->inputs.push_back(tensor("x", {4, 4}));
  p->inputs.push_back(tensor("t", {4, 4}));
  p->outputs.push_back(tensor("loss", {}));
  p->outputs.push_back(tensor("den", {}));
  auto parameter = std::make_unique<fb::ParameterT>();
  parameter->tensor = tensor("w", {4, 4});
  parameter->trained = true;
  parameter->counted = rank == 0;
  parameter->weight = own(arena(W, 0));
  parameter->gradient = own(arena(G, 0));
  parameter->record = own(arena(Head, 1));
  p->parameters.push_back(std::move(parameter));
  p->step_record = std::make_unique<fb::StepRecordT>();
  p->step_record->arena = Head;
  p->step_record->header = own(arena(Head, 0));

  Rank b(*p);
  auto feed = [&](uint32_t input, uint32_t m, uint64_t slot) {
    fb::FeedT f;
    f.input = input;
    f.micro_batch = m;
    f.dst = own(arena(Scratch, slot));
    b.add(0, "feed", std::move(f));
  };
  auto fetch = [&](uint32_t output, uint32_t m, uint64_t slot) {
    fb::FetchT f;
    f.output = output;
    f.micro_batch = m;
    f.src = own(arena(Scratch, slot, 4));
    b.add(0, "fetch", std::move(f));
  };
  auto matmul = [&](uint32_t which, fb::Ref lhs, fb::Ref rhs, fb::Argument dst) {
    fb::CallT c;
    c.call = which;
    c.args = {in(lhs), in(rhs), dst};
    b.add(0, "matmul", std::move(c));
  };
  b.add(0, "zero gradients", fill(arena(G, 0)));
  b.add(0, "zero sums", fill(arena(Scratch, Sums)));
  for (uint32_t m = rank; m < options.microBatches; m += options.ranks) {
    feed(0, m, X);
    feed(1, m, T);
    matmul(Product, arena(Scratch, X), arena(W, 0), out(arena(Scratch, Y)));
    b.add(0, "loss",
          launch(KLoss, {in(arena(Scratch, Y)), in(arena(Scratch, T)), out(arena(Scratch, Loss, 4)),
                         out(arena(Scratch, Den, 4)), out(arena(Scratch, Gy))}));
    fetch(0, m, Loss);
    fetch(1, m, Den);
    if (entry != "train_step")
      continue;
    matmul(WeightGradient, arena(Scratch, X), arena(Scratch, Gy), inout(arena(G, 0)));
    b.add(0, "count", launch(KCount, {in(arena(Scratch, Den, 4)), inout(arena(Scratch, Sums))}));
  }
  if (entry != "train_step")
    return p;
  b.add(0, "reduce gradients",
        collective(fb::CollectiveKind::AllReduce, 0, arena(G, 0), arena(G, 0)));
  if (rank == 0)
    b.add(0, "norm", launch(KNorm, {in(arena(G, 0)), inout(arena(Scratch, Sums))}));
  b.add(0, "reduce sums",
        collective(fb::CollectiveKind::AllReduce, 0, arena(Scratch, Sums), arena(Scratch, Sums)));
  b.add(0, "factor", launch(KFactor, {in(arena(Scratch, Sums)), inout(arena(Head, 0))}));
  b.add(
      0, "sgd",
      launch(KSgd, {inout(arena(W, 0)), in(arena(G, 0)), in(arena(Head, 0)), in(arena(Head, 1))}));
  return p;
}

void writeFile(const std::string &path, const void *data, size_t bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char *>(data), std::streamsize(bytes));
}
} // namespace

Manifest writeTinyArtifact(const std::string &directory, const TinyOptions &options) {
  namespace fs = std::filesystem;
  fs::remove_all(directory);
  fs::create_directories(directory + "/kernels");
  fs::copy_file(DPCRT_TEST_KERNELS, directory + "/kernels/cpu.so");
  std::vector<uint8_t> table = testKernelTable(options.changeKernels);
  writeFile(directory + "/kernels/cpu.table", table.data(), table.size());
  Manifest m;
  m.producer = "hand";
  m.modelName = "tiny";
  m.modelHash = "none";
  m.mesh.pp = m.mesh.mirror = options.ranks;
  m.targets.push_back({"cpu:x86-64", "cpu", "kernels/cpu.so", "kernels/cpu.table", {"sse4.2"}});
  m.inputs.push_back({"x", Element::F32, {4, 4}, 0});
  m.inputs.push_back({"t", Element::F32, {4, 4}, 0});
  Manifest::Parameter w;
  w.name = "w";
  w.shape = {4, 4};
  for (uint32_t rank = 0; rank < options.ranks; ++rank)
    w.holders.push_back(rank);
  w.source = options.init;
  m.parameters.push_back(w);
  m.optimizer = "sgd";
  m.lossName = "loss";
  m.lossWeighting = "denominator";
  m.samplesPerMicroBatch = 4;
  for (std::string entry : {"train_step", "eval_step"}) {
    if (entry == "eval_step" && !options.evalStep)
      continue;
    Manifest::EntryPoint e{entry, options.microBatches, {}};
    for (uint32_t rank = 0; rank < options.ranks; ++rank) {
      e.programs.push_back(entry + ".rank" + std::to_string(rank) + ".prog");
      ProgramPtr program = tinyProgram(options, rank, entry);
      if (options.changeProgram)
        options.changeProgram(*program);
      std::vector<uint8_t> bytes = pack(*program);
      writeFile(directory + "/" + e.programs.back(), bytes.data(), bytes.size());
    }
    m.entryPoints.push_back(e);
  }
  if (options.changeManifest)
    options.changeManifest(m);
  std::string text = writeManifest(m);
  writeFile(directory + "/manifest.json", text.data(), text.size());
  sealArtifact(directory);
  return m;
}

void fetchHeaderAsLoss(fb::ProgramT &program, uint64_t offset) {
  for (auto &command : program.order)
    if (fb::FetchT *fetch = command->action.AsFetch(); fetch && fetch->output == 0)
      fetch->src = own(fb::Ref(fb::Space::Arena, kF32, Head, offset, sizeof(float)));
}

void sealArtifact(const std::string &directory) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> sums;
  for (auto &entry : fs::recursive_directory_iterator(directory)) {
    std::string path = fs::relative(entry.path(), directory).string(), text;
    if (!entry.is_regular_file() || path == Manifest::checksumsName)
      continue;
    (void)readWholeFile(entry.path(), Code::Io, text).ok();
    sums[path] = hashHex(text.data(), text.size());
  }
  std::string text = writeChecksums(sums);
  writeFile(directory + "/" + Manifest::checksumsName, text.data(), text.size());
}

std::string temporaryDirectory(const std::string &name) {
  std::string path =
      (std::filesystem::temp_directory_path() / ("dpcrt-" + std::to_string(getpid()) + "-" + name))
          .string();
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

} // namespace dpcrt::test
