// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedule's tasks, or forwards alone, with the feeds, messages, fetches and sums of gradients
// that belong to them, in the rank's order.
#include "StepPart.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

class Tasks : public StepPart {
public:
  using StepPart::StepPart;

  size_t emit(ArrayRef<RankItem> items) override {
    const RankItem &item = items.front();
    switch (item.kind) {
    case RankItem::Feed:
      emitFeed(item);
      return 1;
    case RankItem::Run:
      emitRun(item);
      return 1;
    case RankItem::Fetch:
      emitFetch(item);
      return 1;
    case RankItem::Sum:
      emitSum(item);
      return 1;
    case RankItem::Send:
    case RankItem::Receive: {
      size_t end = 1;
      while (end < items.size() && items[end].isIn(item.exchange))
        ++end;
      emitExchange(items.take_front(end));
      return end;
    }
    case RankItem::Reduce:
      return 0;
    }
    return 0;
  }

private:
  void emitFeed(const RankItem &item) {
    unsigned number = program.newCommand();
    Range range = program.instance(item.instance);
    SmallVector<Value> after = program.waitsOfAll({{range, true}}, number, Compute);
    auto op = prog::FeedOp::create(program.at, program.loc, program.event, item.name,
                                   item.instance.microBatch, program.slot(range), after,
                                   prog::StreamKind::Compute);
    program.place(number, Compute, op.getDone());
  }

  void emitFetch(const RankItem &item) {
    unsigned number = program.newCommand();
    unsigned microBatch = item.task.microBatch;
    Range range = item.fetched == RoleKind::Loss    ? program.loss(microBatch)
                  : item.fetched == RoleKind::Den   ? program.den(microBatch)
                  : item.fetched == RoleKind::Fault ? program.fault(microBatch)
                                                    : program.instance(item.instance);
    SmallVector<Value> after = program.waitsOfAll({{range, false}}, number, Compute);
    auto op = prog::FetchOp::create(program.at, program.loc, program.event, item.name, microBatch,
                                    program.slot(range), after, prog::StreamKind::Compute);
    program.place(number, Compute, op.getDone());
  }

  std::string blockName(const Task &task) const {
    auto name = [&](unsigned stage) {
      return StageOp(program.model.stages[stage].op).getSymName().str();
    };
    switch (task.kind) {
    case Task::Forward:
      return name(task.stage) + ".forward";
    case Task::Input:
      return name(task.stage) + ".input_half";
    case Task::Weight:
      return name(task.stage) + ".weight_half";
    case Task::Pair:
      return name(task.stage) + ".forward+" + name(task.pairStage) + ".backward";
    }
    return "";
  }

  Range operandRange(const BlockStorage &storage, const Task &task) const {
    unsigned microBatch = storage.task ? task.pairMicroBatch : task.microBatch;
    if (storage.role == RoleKind::Den)
      return program.den(microBatch);
    if (storage.role == RoleKind::Loss)
      return program.loss(microBatch);
    if (storage.role == RoleKind::Fault)
      return program.fault(microBatch);
    return program.instance(*resolve(program.model, storage, task));
  }

  // Places, from 1, of the block's first and last command on a stream that touch an operand,
  // and of the last that writes it. If it ends where both streams do, that is in no order
  // with other ends on the collective one.
  struct Places {
    unsigned begin, end, written;
    bool writes;
  };
  static std::optional<Places> placesOf(const BlockPlan &block, unsigned operand, bool collective) {
    std::optional<Places> places;
    for (auto [at, command] : llvm::enumerate(block.commands))
      for (auto [use, touched] : llvm::enumerate(command.storage)) {
        if (touched != block.operands[operand] || command.collective != collective)
          continue;
        unsigned place = at + 1;
        bool writes = command.command.uses[use].second != prog::Access::Read;
        places = {places ? places->begin : place, place,
                  writes   ? place
                  : places ? places->written
                           : 0,
                  writes || (places && places->writes)};
      }
    if (places && !block.lastTouch[operand])
      places->end = places->written = collective ? 0 : unsigned(block.commands.size()) + 1;
    return places;
  }

  void emitRun(const RankItem &item) {
    const BlockPlan &block = program.plan.blocks.at(blockKey(item.task));
    if (block.commands.empty())
      return;
    std::string name = blockName(item.task);
    unsigned number = program.newCommand();
    SmallVector<Value> operands, ready, after;
    SmallVector<int64_t> readyOperands;
    SmallVector<unsigned> results = resultOperands(block);
    // What the block needs on its compute stream, and then on its collective stream.
    SmallVector<RankProgram::Use> uses[2];
    SmallVector<unsigned> operandOf[2];
    for (auto [k, s] : llvm::enumerate(block.operands)) {
      const BlockStorage &storage = block.storage[s];
      Range range = operandRange(storage, item.task);
      operands.push_back(program.slot(range));
      int part = llvm::is_contained(results, k) ? (int)k : -1;
      for (bool collective : {false, true})
        if (auto places = placesOf(block, k, collective)) {
          uses[collective].push_back(
              {range, places->writes, part, places->begin, places->end, places->written});
          operandOf[collective].push_back(k);
        }
    }
    // Gradient accumulators are touched by the block itself; the reduction must
    // come after the whole block.
    for (const BlockStorage &storage : block.storage)
      if (storage.place == BlockStorage::Accumulator)
        uses[0].push_back({program.gradient(program.parameterOf(
                               storage.task ? block.pairStage : block.stage, storage.index)),
                           true});
    std::vector<SmallVector<Value>> eventsOf(block.operands.size());
    for (bool collective : {false, true}) {
      auto events = program.waits(uses[collective], number, collective ? Collective : Compute);
      for (auto [use, list] : llvm::enumerate(events))
        if (use < operandOf[collective].size())
          program.append(eventsOf[operandOf[collective][use]], list);
        else
          program.append(after, list);
    }
    for (bool collective : {false, true})
      program.touch(uses[collective], number, collective ? Collective : Compute);
    // The latest event of an operand holds back its first use, all others the run.
    for (auto [k, events] : llvm::enumerate(eventsOf))
      for (auto [i, value] : llvm::enumerate(events)) {
        if (i + 1 == events.size()) {
          ready.push_back(value);
          readyOperands.push_back(k);
        } else {
          program.append(after, {value});
        }
      }
    program.useBlock(block, name, number, readyOperands);
    SmallVector<Type> types(results.size(), program.event);
    auto op = prog::RunOp::create(
        program.at, StageOp(program.model.stages[item.task.stage].op).getLoc(), types,
        program.event, name, operands, ready, readyOperands, after, item.task.microBatch,
        item.task.kind == Task::Pair ? (int64_t)item.task.pairMicroBatch : -1);
    for (auto [value, operand] : llvm::zip(op.getResults(), results))
      program.setPartEvent(number, operand, value);
    if (block.usesCollectives)
      program.place(number, Collective, op.getDone());
    program.place(number, Compute, op.getDone());
  }

  // Gradients of a value with several consumers, later consumers first.
  void emitSum(const RankItem &item) {
    std::vector<unsigned> edges = gradientEdges(program.model, item.instance.a, item.instance.b);
    std::vector<std::pair<Range, bool>> uses;
    for (unsigned edge : edges)
      uses.push_back(
          {program.instance({Instance::Gradient, edge, 0, item.instance.microBatch}), false});
    uses.push_back({program.instance(item.instance), true});
    program.launch(program.kernels.gradientSum.at(
                       {(unsigned)edges.size(), program.model.edgeTypes[edges.front()]}),
                   uses);
  }

  // Messages to and from one other rank, as one group.
  void emitExchange(ArrayRef<RankItem> messages) {
    unsigned number = program.newCommand();
    SmallVector<Type> complete(messages.size(), program.event);
    SmallVector<RankProgram::Use> uses;
    for (auto [part, item] : llvm::enumerate(messages))
      uses.push_back({program.instance(item.instance), item.kind == RankItem::Receive, int(part)});
    std::vector<SmallVector<Value>> waits = program.waits(uses, number, Comm);
    program.touch(uses, number, Comm);
    auto exchange = prog::ExchangeOp::create(program.at, program.loc, complete, program.event,
                                             prog::StreamKind::Communication);
    OpBuilder inside = OpBuilder::atBlockEnd(&exchange.getBody().emplaceBlock());
    for (auto [part, item] : llvm::enumerate(messages)) {
      ArrayRef<Value> after = waits[part];
      Value memory = program.slot(uses[part].range);
      if (item.kind == RankItem::Send)
        prog::SendOp::create(inside, program.loc, memory, after, item.peer, item.message);
      else
        prog::RecvOp::create(inside, program.loc, memory, after, item.peer, item.message);
      program.setPartEvent(number, part, exchange.getComplete()[part]);
    }
    program.place(number, Comm, exchange.getDone());
  }
};

} // namespace

std::unique_ptr<StepPart> makeTasks(RankProgram &program) {
  return std::make_unique<Tasks>(program);
}

} // namespace dpc::lowering
