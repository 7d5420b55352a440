// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small legal programs to break.

#include "Builder.h"

#include <algorithm>
#include <cassert>

namespace dpcrt::test {

uint32_t Rank::string(const std::string &text) {
  auto at = std::find(program.strings.begin(), program.strings.end(), text);
  if (at == program.strings.end())
    at = program.strings.insert(at, text);
  return static_cast<uint32_t>(at - program.strings.begin());
}

fb::Ref arena(uint32_t index, uint64_t slot, uint64_t bytes) {
  return fb::Ref(fb::Space::Arena, kF32, index, slot * kSlot, bytes);
}
fb::Ref operand(uint32_t index, uint64_t bytes) {
  return fb::Ref(fb::Space::Operand, kF32, index, 0, bytes);
}
std::unique_ptr<fb::Ref> own(fb::Ref ref) { return std::make_unique<fb::Ref>(ref); }
void retype(fb::Ref &ref, Element type) {
  ref = fb::Ref(ref.space(), uint8_t(type), ref.index(), ref.offset(), ref.bytes());
}
void retype(fb::Buffer &buffer, Element type) {
  buffer = fb::Buffer(buffer.bytes(), uint8_t(type), buffer.access());
}
void resize(fb::Ref &ref, uint64_t bytes) {
  ref = fb::Ref(ref.space(), ref.dtype(), ref.index(), ref.offset(), bytes);
}
void resize(fb::Buffer &buffer, uint64_t bytes) {
  buffer = fb::Buffer(bytes, buffer.dtype(), buffer.access());
}
fb::Argument in(fb::Ref ref) { return fb::Argument(ref, fb::Access::Read); }
fb::Argument out(fb::Ref ref) { return fb::Argument(ref, fb::Access::Write); }
fb::Argument inout(fb::Ref ref) { return fb::Argument(ref, fb::Access::ReadWrite); }
fb::LaunchT launch(uint32_t kernel, std::vector<fb::Argument> arguments) {
  fb::LaunchT result;
  result.kernel = kernel;
  result.args = std::move(arguments);
  return result;
}
fb::FillT fill(fb::Ref dst) {
  fb::FillT result;
  result.dst = own(dst);
  return result;
}
fb::CopyT copy(fb::Ref src, fb::Ref dst) {
  fb::CopyT result;
  result.src = own(src);
  result.dst = own(dst);
  return result;
}
fb::CollectiveT collective(fb::CollectiveKind kind, uint32_t group, fb::Ref src, fb::Ref dst) {
  fb::CollectiveT result;
  result.kind = kind;
  result.group = group;
  result.src = own(src);
  result.dst = own(dst);
  return result;
}

static std::unique_ptr<fb::TransferT> transfer(fb::Direction direction, uint32_t peer,
                                               uint32_t message, fb::Ref ref,
                                               std::vector<uint32_t> after, int32_t signal) {
  auto result = std::make_unique<fb::TransferT>();
  result->direction = direction;
  result->peer = peer;
  result->message = message;
  result->ref = own(ref);
  result->after = std::move(after);
  result->signal = signal;
  return result;
}
std::unique_ptr<fb::TransferT> send(uint32_t peer, uint32_t message, fb::Ref ref,
                                    std::vector<uint32_t> after, int32_t signal) {
  return transfer(fb::Direction::Send, peer, message, ref, std::move(after), signal);
}
std::unique_ptr<fb::TransferT> receive(uint32_t peer, uint32_t message, fb::Ref ref,
                                       std::vector<uint32_t> after, int32_t signal) {
  return transfer(fb::Direction::Receive, peer, message, ref, std::move(after), signal);
}

static std::unique_ptr<fb::TensorT> matrix(const std::string &name) {
  auto tensor = std::make_unique<fb::TensorT>();
  tensor->name = name;
  tensor->shape = {4, 4};
  return tensor;
}

static std::unique_ptr<fb::OperandT> operandOf(Rank &rank, const std::string &name,
                                               fb::Access access) {
  auto result = std::make_unique<fb::OperandT>();
  result->name = rank.string(name);
  result->bytes = kSlot;
  result->access = access;
  return result;
}

/// The compute stream multiplies and adds while the all-to-all is under way.
///   stream 0:  t0 = x w          keep w -> t2       y = t1 + t2   keep t1
///   stream 1:          t1 = all-to-all t0
static std::unique_ptr<fb::BlockT> forwardBlock(Rank &rank, uint32_t stage) {
  enum { X, W, Y, Kept, NumOperands };
  enum { Product = NumOperands, Arrived, Done, NumEvents };
  auto block = std::make_unique<fb::BlockT>();
  block->name = rank.string("s" + std::to_string(stage) + ".forward");
  block->kind = fb::TaskKind::Forward;
  block->stage = int32_t(stage);
  block->streams = 2;
  block->operands.push_back(operandOf(rank, "x", fb::Access::Read));
  block->operands.push_back(operandOf(rank, "w", fb::Access::Read));
  block->operands.push_back(operandOf(rank, "y", fb::Access::Write));
  block->operands.push_back(operandOf(rank, "kept", fb::Access::Write));
  block->results = {Done};
  block->result_operands = {Y};
  block->events = NumEvents;
  fb::CallT call;
  call.args = {in(operand(X)), in(operand(W)), out(arena(Work, 0))};
  block->commands.push_back(rank.make(0, "matmul", call, {X, W}, Product));
  block->commands.push_back(rank.make(
      1, "dispatch", collective(fb::CollectiveKind::AllToAll, 0, arena(Work, 0), arena(Work, 1)),
      {Product}, Arrived));
  block->commands.push_back(
      rank.make(0, "scale", launch(Keep, {in(operand(W)), out(arena(Work, 2))})));
  block->commands.push_back(rank.make(
      0, "residual", launch(Add, {in(arena(Work, 1)), in(arena(Work, 2)), out(operand(Y))}),
      {Arrived, Y}, Done));
  block->commands.push_back(
      rank.make(0, "keep", launch(Keep, {in(arena(Work, 1)), out(operand(Kept))})));
  return block;
}

static std::unique_ptr<fb::BlockT> backwardBlock(Rank &rank, uint32_t stage) {
  enum { Gy, Kept, W, Gx, Gw, NumOperands };
  enum { Done = NumOperands, NumEvents };
  auto block = std::make_unique<fb::BlockT>();
  block->name = rank.string("s" + std::to_string(stage) + ".backward");
  block->kind = fb::TaskKind::Backward;
  block->stage = int32_t(stage);
  block->streams = 1;
  block->operands.push_back(operandOf(rank, "gy", fb::Access::Read));
  block->operands.push_back(operandOf(rank, "kept", fb::Access::Read));
  block->operands.push_back(operandOf(rank, "w", fb::Access::Read));
  block->operands.push_back(operandOf(rank, "gx", fb::Access::Write));
  block->operands.push_back(operandOf(rank, "gw", fb::Access::ReadWrite));
  block->results = {Done};
  block->result_operands = {Gx};
  block->events = NumEvents;
  block->commands.push_back(rank.make(
      0, "input gradient", launch(GradX, {in(operand(Gy)), in(operand(W)), out(operand(Gx))}),
      {Gy, Gx}, Done));
  block->commands.push_back(
      rank.make(0, "weight gradient",
                launch(GradW, {in(operand(Gy)), in(operand(Kept)), inout(operand(Gw))})));
  return block;
}

static std::unique_ptr<fb::BlockT> updateBlock(Rank &rank) {
  enum { W, G, NumOperands };
  auto block = std::make_unique<fb::BlockT>();
  block->name = rank.string("update");
  block->kind = fb::TaskKind::Update;
  block->streams = 1;
  block->operands.push_back(operandOf(rank, "w", fb::Access::ReadWrite));
  block->operands.push_back(operandOf(rank, "g", fb::Access::Read));
  block->events = NumOperands;
  block->commands.push_back(rank.make(
      0, "sgd", launch(Update, {inout(operand(W)), in(operand(G)), in(arena(Record, 1))}), {G}));
  return block;
}

static void addTables(fb::ProgramT &program, uint32_t rank, uint32_t ranks) {
  auto stream = [&](const char *name, fb::StreamKind kind) {
    program.streams.push_back(std::make_unique<fb::StreamT>());
    program.streams.back()->name = name;
    program.streams.back()->kind = kind;
  };
  stream("compute", fb::StreamKind::Compute);
  stream("comm", fb::StreamKind::Communication);
  stream("reduce", fb::StreamKind::Reduce);
  auto arenaOf = [&](const char *name, fb::ArenaRole role, uint64_t slots) {
    program.arenas.push_back(std::make_unique<fb::ArenaT>());
    program.arenas.back()->name = name;
    program.arenas.back()->role = role;
    program.arenas.back()->bytes = slots * kSlot;
  };
  arenaOf("weights", fb::ArenaRole::Weights, 1);
  arenaOf("gradients", fb::ArenaRole::Gradients, 1);
  arenaOf("stash", fb::ArenaRole::Stash, program.micro_batches);
  arenaOf("work", fb::ArenaRole::Workspace, 3);
  arenaOf("messages", fb::ArenaRole::Messages, 10);
  arenaOf("record", fb::ArenaRole::StepRecord, 2);
  arenaOf("constants", fb::ArenaRole::Constants, 1);
  auto kernel = [&](const char *symbol, std::vector<fb::Access> access) {
    program.kernels.push_back(std::make_unique<fb::KernelT>());
    program.kernels.back()->symbol = symbol;
    for (fb::Access each : access)
      program.kernels.back()->buffers.push_back(fb::Buffer(kSlot, kF32, each));
  };
  constexpr fb::Access r = fb::Access::Read, w = fb::Access::Write, rw = fb::Access::ReadWrite;
  kernel("k_add", {r, r, w});
  kernel("k_keep", {r, w});
  kernel("k_gradx", {r, r, w});
  kernel("k_gradw", {r, r, rw});
  kernel("k_update", {rw, r, r});
  auto call = std::make_unique<fb::LibraryCallT>();
  fb::MatmulT matmul;
  matmul.m = matmul.n = matmul.k = 4;
  matmul.lhs_strides = matmul.rhs_strides = matmul.dst_strides = {4, 1};
  matmul.block_rows = matmul.block_columns = 4;
  call->function.Set(std::move(matmul));
  call->operands = {fb::Buffer(kSlot, kF32, r), fb::Buffer(kSlot, kF32, r),
                    fb::Buffer(kSlot, kF32, w)};
  program.library.push_back(std::move(call));
  auto group = [&](const std::string &name, std::vector<uint32_t> pp, fb::Axes over) {
    program.groups.push_back(std::make_unique<fb::GroupT>());
    program.groups.back()->name = name;
    program.groups.back()->pp = std::move(pp);
    program.groups.back()->over = over;
  };
  std::vector<uint32_t> all;
  for (uint32_t member = 0; member < ranks; ++member)
    all.push_back(member);
  group("experts." + std::to_string(rank), {rank}, fb::Axes::Ep);
  group("all", all, fb::Axes::NONE);
  program.inputs.push_back(matrix("x"));
  program.outputs.push_back(matrix(rank ? "end of rank " + std::to_string(rank) : "loss"));

  auto parameter = std::make_unique<fb::ParameterT>();
  parameter->tensor = matrix("h." + std::to_string(rank) + ".weight");
  parameter->trained = true;
  parameter->counted = true;
  parameter->weight = own(arena(Weights, 0));
  parameter->gradient = own(arena(Gradients, 0));
  parameter->record = own(arena(Record, 1));
  program.parameters.push_back(std::move(parameter));
  auto constant = std::make_unique<fb::ConstantT>();
  constant->name = "mask";
  constant->dst = own(arena(Constants, 0));
  program.constants.push_back(std::move(constant));
  program.step_record = std::make_unique<fb::StepRecordT>();
  program.step_record->arena = Record;
  program.step_record->header = own(arena(Record, 0));
}

ProgramPtr emptyProgram(uint32_t rank, uint32_t ranks, uint32_t microBatches) {
  auto program = std::make_unique<fb::ProgramT>();
  program->format_major = kFormatMajor;
  program->format_minor = kFormatMinor;
  program->entry = "train_step";
  program->coordinate = rank;
  program->mesh = std::make_unique<fb::MeshT>();
  program->mesh->pp = ranks;
  program->mesh->ep = 2;
  program->micro_batches = microBatches;
  program->optimizer = "sgd";
  program->strings.push_back("");
  addTables(*program, rank, ranks);
  Rank builder(*program);
  program->blocks.push_back(forwardBlock(builder, rank));
  program->blocks.push_back(backwardBlock(builder, rank));
  program->blocks.push_back(updateBlock(builder));
  return program;
}

namespace {

/// Lays down the step of one rank of the pipeline.
class PipelineRank {
public:
  PipelineRank(fb::ProgramT &program, uint32_t ranks)
      : rank(program), self(program.coordinate), ranks(ranks), microBatches(program.micro_batches),
        received(microBatches, -1), sent(microBatches, -1), consumed(microBatches, -1) {}

  void build();

private:
  bool isFirst() const { return self == 0; }
  bool isLast() const { return self + 1 == ranks; }
  /// Numbers messages by (kind, sender, micro-batch).
  uint32_t message(uint32_t kind, uint32_t sender, uint32_t m) const {
    return (kind * ranks + sender) * microBatches + m;
  }
  static std::vector<uint32_t> ifAny(int32_t event) {
    return event < 0 ? std::vector<uint32_t>{} : std::vector<uint32_t>{uint32_t(event)};
  }
  void forward(uint32_t m);
  void backward(uint32_t m);
  void finish();

  Rank rank;
  uint32_t self, ranks, microBatches;
  // Events of the slots, by micro-batch; -1 where nothing is to be waited for.
  std::vector<int32_t> received, sent, consumed;
};

} // namespace

void PipelineRank::forward(uint32_t m) {
  std::string words = "m" + std::to_string(m);
  uint32_t slot = m % 2;
  // The slot of x is free when the forward task two before has ended.
  std::vector<uint32_t> free = m >= 2 ? ifAny(consumed[m - 2]) : std::vector<uint32_t>{};
  if (isFirst()) {
    fb::FeedT feed;
    feed.micro_batch = m;
    feed.dst = own(arena(Messages, 0 + slot));
    received[m] = int32_t(rank.event());
    rank.add(Comm, "feed " + words, std::move(feed), free, received[m]);
  } else {
    received[m] = int32_t(rank.event());
    rank.add(Comm, "x " + words,
             exchange(receive(self - 1, message(0, self - 1, m), arena(Messages, 0 + slot), free,
                              received[m])));
  }
  fb::RunT run;
  run.block = ForwardBlock;
  run.operands = {arena(Messages, 0 + slot), arena(Weights, 0), arena(Messages, 2 + slot),
                  arena(Stash, m)};
  run.operand_events = {received[m], -1, m >= 2 ? sent[m - 2] : -1, -1};
  run.result_events = {isLast() ? -1 : int32_t(rank.event())};
  int32_t ready = run.result_events[0];
  run.streams = {Compute, Reduce};
  run.micro_batch = int32_t(m);
  // Nobody waits for the last two.
  consumed[m] = m + 2 < microBatches ? int32_t(rank.event()) : -1;
  rank.add(Compute, "", std::move(run), {}, consumed[m]);
  if (!isLast()) {
    sent[m] = m + 2 < microBatches ? int32_t(rank.event()) : -1;
    rank.add(Comm, "y " + words,
             exchange(send(self + 1, message(0, self, m), arena(Messages, 2 + slot), ifAny(ready),
                           sent[m])));
  }
}

void PipelineRank::backward(uint32_t m) {
  std::string words = "m" + std::to_string(m);
  uint32_t slot = m % 2;
  // The last rank takes the gradient of its output to be what it kept.
  fb::Ref gy = isLast() ? arena(Weights, 0) : arena(Messages, 4 + slot);
  received[m] = -1;
  if (!isLast()) {
    received[m] = int32_t(rank.event());
    rank.add(
        Comm, "gy " + words,
        exchange(receive(self + 1, message(1, self + 1, m), gy,
                         m >= 2 ? ifAny(consumed[m - 2]) : std::vector<uint32_t>{}, received[m])));
  }
  fb::RunT run;
  run.block = BackwardBlock;
  run.operands = {gy, arena(Stash, m), arena(Weights, 0), arena(Messages, 6 + slot),
                  arena(Gradients, 0)};
  run.operand_events = {received[m], -1, -1, m >= 2 ? sent[m - 2] : -1, -1};
  run.result_events = {isFirst() ? -1 : int32_t(rank.event())};
  int32_t ready = run.result_events[0];
  run.streams = {Compute};
  run.micro_batch = int32_t(m);
  bool last = m + 1 == microBatches;
  consumed[m] = last || (!isLast() && m + 2 < microBatches) ? int32_t(rank.event()) : -1;
  rank.add(Compute, "", std::move(run), {}, consumed[m]);
  sent[m] = -1;
  if (!isFirst()) {
    sent[m] = m + 2 < microBatches ? int32_t(rank.event()) : -1;
    rank.add(Comm, "gx " + words,
             exchange(send(self - 1, message(1, self, m), arena(Messages, 6 + slot), ifAny(ready),
                           sent[m])));
  }
}

void PipelineRank::finish() {
  // Neighbours swap statistics: two messages that must progress together.
  uint32_t other = self ^ 1;
  int32_t filled = int32_t(rank.event()), swapped = int32_t(rank.event());
  rank.add(Compute, "statistics", fill(arena(Messages, 8)), {}, filled);
  rank.add(Comm, "swap",
           exchange(send(other, message(2, self, 0), arena(Messages, 8), ifAny(filled)),
                    receive(other, message(2, other, 0), arena(Messages, 9))),
           {}, swapped);
  int32_t reduced = int32_t(rank.event()), updated = int32_t(rank.event());
  rank.add(Reduce, "bucket 0",
           collective(fb::CollectiveKind::AllReduce, 1, arena(Gradients, 0), arena(Gradients, 0)),
           ifAny(consumed[microBatches - 1]), reduced);
  fb::RunT update;
  update.block = UpdateBlock;
  update.operands = {arena(Weights, 0), arena(Gradients, 0)};
  update.operand_events = {-1, reduced};
  update.streams = {Compute};
  rank.add(Compute, "", std::move(update), {}, updated);
  fb::FetchT fetch;
  fetch.src = own(arena(Messages, 9));
  rank.add(Comm, "loss", std::move(fetch));
  int32_t fetched = int32_t(rank.event());
  rank.program.order.back()->signal = fetched;
  // Another reader of what was received, on another stream.
  rank.add(
      Compute, "again",
      [] {
        fb::CopyT copy;
        copy.src = own(arena(Messages, 9));
        copy.dst = own(arena(Messages, 8));
        return copy;
      }(),
      ifAny(swapped));
  rank.add(Compute, "", fb::JoinT(), {uint32_t(fetched)});
}

void PipelineRank::build() {
  rank.add(Compute, "zero gradients", fill(arena(Gradients, 0)));
  for (uint32_t m = 0; m < microBatches; ++m)
    forward(m);
  std::fill(consumed.begin(), consumed.end(), -1);
  for (uint32_t m = 0; m < microBatches; ++m)
    backward(m);
  finish();
}

Programs pipeline(uint32_t ranks, uint32_t microBatches) {
  assert(ranks % 2 == 0 && microBatches >= 3);
  Programs programs;
  for (uint32_t self = 0; self < ranks; ++self) {
    programs.push_back(emptyProgram(self, ranks, microBatches));
    PipelineRank(*programs.back(), ranks).build();
  }
  return programs;
}

fb::ParameterT &addLargeParameter(fb::ProgramT &program, std::optional<Extent> part,
                                  Element computed, uint64_t whole) {
  auto parameter = std::make_unique<fb::ParameterT>();
  parameter->tensor = std::make_unique<fb::TensorT>();
  parameter->tensor->name = "large";
  parameter->tensor->dtype = uint8_t(computed);
  parameter->tensor->shape = {whole};
  parameter->trained = true;
  parameter->counted = program.coordinate == 0;
  auto place = [&](fb::ArenaRole role, Element type, uint64_t elements, uint64_t copies = 1) {
    auto arena = std::make_unique<fb::ArenaT>();
    arena->name = "large " + std::to_string(program.arenas.size());
    arena->role = role;
    const uint64_t bytes = elements * sizeOf(type);
    arena->bytes = copies * ((bytes + kSlot - 1) / kSlot * kSlot);
    program.arenas.push_back(std::move(arena));
    return fb::Ref(fb::Space::Arena, uint8_t(type), uint32_t(program.arenas.size() - 1), 0, bytes);
  };
  parameter->weight = own(place(fb::ArenaRole::Weights, computed, whole));
  const bool isPart = part && part->count > 0;
  std::unique_ptr<fb::PartT> kept;
  if (isPart) {
    kept = std::make_unique<fb::PartT>();
    kept->begin = part->begin;
    kept->elements = part->count;
    program.features |= kFeatureParts;
  }
  if (computed != Element::F32) {
    (isPart ? kept->master : parameter->master) =
        own(place(fb::ArenaRole::Masters, Element::F32, isPart ? part->count : whole));
    program.features |= kFeatureMasters;
  }
  parameter->gradient = own(place(fb::ArenaRole::Gradients, Element::F32, whole));
  parameter->record = own(place(fb::ArenaRole::StepRecord, Element::F32, 16));
  fb::Ref moment =
      place(fb::ArenaRole::Moments, Element::F32, part ? part->count : whole, /*copies=*/2);
  if (moment.bytes() > 0) {
    const uint64_t second = program.arenas.back()->bytes / 2;
    (isPart ? kept->moments : parameter->moments) = {
        moment, fb::Ref(moment.space(), moment.dtype(), moment.index(), second, moment.bytes())};
    parameter->moment_names = {"exp_avg", "exp_avg_sq"};
  }
  if (isPart)
    parameter->parts.push_back(std::move(kept));
  program.parameters.push_back(std::move(parameter));
  return *program.parameters.back();
}

std::vector<uint8_t> pack(const fb::ProgramT &program) {
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishProgramBuffer(builder, fb::Program::Pack(builder, &program));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Programs clone(const Programs &programs) {
  Programs copies;
  for (const ProgramPtr &program : programs) {
    std::vector<uint8_t> bytes = pack(*program);
    copies.push_back(fb::UnPackProgram(bytes.data()));
  }
  return copies;
}

uint32_t indexOf(fb::ProgramT &program, fb::Action kind, uint32_t n) {
  for (uint32_t index = 0; index < program.order.size(); ++index)
    if (program.order[index]->action.type == kind && n-- == 0)
      return index;
  assert(false && "the program has fewer such commands");
  return 0;
}

fb::CommandT &nth(fb::ProgramT &program, fb::Action kind, uint32_t n) {
  return *program.order[indexOf(program, kind, n)];
}

Status check(const Programs &programs, CheckReport *report) {
  std::vector<ProgramFile> files;
  for (const ProgramPtr &program : programs) {
    Result<ProgramFile> file =
        readProgram(pack(*program), "rank" + std::to_string(program->coordinate));
    if (!file.ok())
      return file.status();
    files.push_back(std::move(*file));
  }
  std::vector<const fb::Program *> views;
  for (const ProgramFile &file : files)
    views.push_back(&file.program());
  return checkPrograms(views, report);
}

} // namespace dpcrt::test
