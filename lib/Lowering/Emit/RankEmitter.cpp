// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's items as a prog.program; see RankEmitter.h.
//
// The step of every rank has this form:
//
//   fill the gradients and the step's sums with zero
//   feeds, runs, messages, fetches in the rank's order    (compute, comm)
//   reduce each bucket as soon as its last weight half is done   (reduce)
//   statistics: the sum of den, the norm; all ranks' by one all-reduce
//   finalize: the factor into the step record; update every parameter
//   join all streams
#include "RankEmitter.h"

#include "program/format/StepRecord.h"

#include "../Plan/Hazards.h"
#include "../Plan/RankMemory.h"
#include "BlockEmitter.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

constexpr prog::ArenaRole kArenaRoles[] = {
    prog::ArenaRole::Weights,   prog::ArenaRole::Gradients,  prog::ArenaRole::Moments,
    prog::ArenaRole::Stash,     prog::ArenaRole::Messages,   prog::ArenaRole::Workspace,
    prog::ArenaRole::Constants, prog::ArenaRole::StepRecord, prog::ArenaRole::Messages};
enum StreamNumber : unsigned { Compute, Comm, Collective, Reduce, StreamCount };
constexpr int64_t kLossScaleOffset = 16;

class RankEmitter : public FixedPlaces {
public:
  RankEmitter(OpBuilder &builder, const StepModel &model, const StepPlan &plan, unsigned rank,
              const StepKernels &kernels)
      : builder(builder), model(model), plan(plan), mine(plan.ranks[rank]), kernels(kernels),
        memory(planMemory(model, plan, rank)), hazards(ArenaCount, StreamCount),
        event(prog::EventType::get(builder.getContext())),
        loc(TrainingOp(model.training).getLoc()) {
    for (auto [entry, p] : llvm::enumerate(mine.parameters))
      entryOf[p] = entry;
  }

  FailureOr<prog::ProgramOp> run() {
    createProgram();
    emitOrder();
    declareConstantsAndArenas();
    declareGroups();
    return program;
  }

private:
  //===------------------------------------------------------------------===//
  // Places
  //===------------------------------------------------------------------===//
  unsigned parameterOf(unsigned stage, unsigned index) const {
    return model.stages[stage].parameters[index];
  }
  FixedPlaces::Place parameter(unsigned stage, unsigned index) const override {
    return {kArenaNames[Weights], mine.weightOffset.at(parameterOf(stage, index))};
  }
  FixedPlaces::Place accumulator(unsigned stage, unsigned index) const override {
    return {kArenaNames[Gradients], mine.gradientOffset.at(parameterOf(stage, index))};
  }
  FixedPlaces::Place lossScale() const override { return {kArenaNames[Record], kLossScaleOffset}; }
  FixedPlaces::Place workspace(int64_t offset) const override {
    return {kArenaNames[Workspace], offset};
  }
  FixedPlaces::Place constant(ElementsAttr value) override {
    return {kArenaNames[Constants], memory.constantOffset.at(value)};
  }
  void useKernel(StringRef name) override {
    if (!usedKernels.insert(name).second)
      return;
    auto function = ModuleOp(model.module).lookupSymbol<func::FuncOp>(name);
    SmallVector<Type> buffers;
    SmallVector<Attribute> access;
    llvm::SmallDenseSet<int64_t> tied;
    auto add = [&](Type type, prog::Access how) {
      buffers.push_back(prog::SlotType::get(cast<ShapedType>(type)));
      access.push_back(prog::AccessAttr::get(builder.getContext(), how));
    };
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto inplace = function.getArgAttrOfType<IntegerAttr>(i, kInplaceAttr);
      if (inplace)
        tied.insert(inplace.getInt());
      add(function.getArgument(i).getType(),
          inplace ? prog::Access::ReadWrite : prog::Access::Read);
    }
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (!tied.contains(i))
        add(function.getResultTypes()[i], prog::Access::Write);
    OpBuilder::InsertionGuard guard(declarations);
    prog::KernelOp::create(declarations, function.getLoc(), name, builder.getTypeArrayAttr(buffers),
                           builder.getArrayAttr(access));
  }
  // Inside a stage: all coordinates of ep at this rank's own coordinate of pp. A
  // group apart from that of gradients, which has the same ranks: neither waits for
  // the other's turn.
  StringRef experts() override {
    return addGroup("experts" + std::to_string(mine.rank), {mine.rank}, true);
  }
  StringRef groupOf(const std::vector<unsigned> &members, bool allEp) {
    // Every member must call the group the same: the name is its members.
    std::string name = "ranks";
    for (unsigned member : members)
      name += (member == members.front() ? "" : "_") + std::to_string(member);
    return addGroup(name + (allEp ? "_all_ep" : ""), members, allEp);
  }
  StringRef addGroup(const std::string &name, const std::vector<unsigned> &members, bool allEp) {
    return groups.try_emplace(name, members, allEp).first->first;
  }

  struct Range {
    unsigned arena;
    int64_t offset;
    prog::SlotType type;
    int64_t bytes() const { return type.getBytes(); }
  };
  Range instanceRange(const Instance &instance) const {
    const InstancePlace &place = mine.instances.at(instance);
    return {instance.isMessage() ? (unsigned)Messages : (unsigned)Stash, place.range.offset,
            place.type};
  }
  prog::SlotType floats(int64_t count) const {
    return prog::SlotType::get(count, builder.getF32Type());
  }
  prog::SlotType bytes(int64_t count) const {
    return prog::SlotType::getOfBytes(builder.getContext(), count);
  }
  Range sums(int64_t offset, int64_t count) const { return {Sums, offset, floats(count)}; }
  Range den(unsigned microBatch) const { return sums(memory.sums.den + 4 * microBatch, 1); }
  Range loss(unsigned microBatch) const { return sums(memory.sums.loss + 4 * microBatch, 1); }
  Range statistic(unsigned number) const { return sums(memory.sums.statistics + 4 * number, 1); }
  Range statistics() const { return sums(memory.sums.statistics, 4); }
  Range operandRange(const BlockStorage &storage, const Task &task) const {
    unsigned microBatch = storage.task ? task.pairMicroBatch : task.microBatch;
    if (storage.role == RoleKind::Den)
      return den(microBatch);
    if (storage.role == RoleKind::Loss)
      return loss(microBatch);
    return instanceRange(*resolve(model, storage, task));
  }

  Value slot(Range range) {
    auto key = std::make_tuple(range.arena, range.offset, range.type.getAsOpaquePointer());
    auto it = slots.find(key);
    if (it != slots.end())
      return it->second;
    // At the top of the order, once each.
    OpBuilder top = OpBuilder::atBlockBegin(&order.getBody().front());
    if (lastSlot)
      top.setInsertionPointAfter(lastSlot);
    auto op = prog::SlotOp::create(top, loc, range.type, kArenaNames[range.arena], range.offset);
    lastSlot = op;
    return slots[key] = op.getResult();
  }

  //===------------------------------------------------------------------===//
  // The program and its declarations
  //===------------------------------------------------------------------===//
  void createProgram() {
    program = prog::ProgramOp::create(
        builder, loc, model.entry + ".rank" + std::to_string(mine.rank), model.entry, mine.rank,
        builder.getArrayAttr({}), model.table.microBatches,
        TrainingOp(model.training).getWeighting(), TrainingOp(model.training).getOptimizer());
    Block &body = program.getBody().emplaceBlock();
    order = prog::OrderOp::create(builder, loc);
    order->remove();
    body.push_back(order);
    order.getBody().emplaceBlock();
    declarations = OpBuilder(order);
    at = OpBuilder::atBlockEnd(&order.getBody().front());
  }

  void declareConstantsAndArenas() {
    OpBuilder top = OpBuilder::atBlockBegin(
        program.getBody().getBlocks().empty() ? nullptr : &program.getBody().front());
    for (unsigned arena = 0; arena < ArenaCount; ++arena)
      if (memory.bytes[arena] > 0)
        prog::ArenaOp::create(top, loc, kArenaNames[arena], kArenaRoles[arena],
                              memory.bytes[arena]);
    auto fixed = [&](unsigned arena, int64_t offset, prog::SlotType type) -> Value {
      return prog::SlotOp::create(top, loc, type, kArenaNames[arena], offset);
    };
    for (ElementsAttr value : memory.constants)
      prog::ConstantOp::create(top, loc, value,
                               fixed(Constants, memory.constantOffset.lookup(value),
                                     prog::SlotType::get(value.getShapedType())));
    for (unsigned p : mine.parameters) {
      const StepParameter &parameter = model.parameters[p];
      nn::ParameterOp op = parameter.op;
      Value weight = fixed(Weights, mine.weightOffset.at(p), parameter.type), gradient;
      SmallVector<Value> moments;
      SmallVector<StringRef> names;
      if (parameter.trained) {
        gradient = fixed(Gradients, mine.gradientOffset.at(p), parameter.type);
        for (auto [k, name] : llvm::enumerate(kernels.momentNames)) {
          moments.push_back(
              fixed(Moments, memory.momentOffset.at({p, (unsigned)k}), parameter.type));
          names.push_back(name);
        }
      }
      prog::ParameterOp::create(top, op.getLoc(), op.getSymName(), op.getType(), weight, gradient,
                                moments, builder.getStrArrayAttr(names), entryOf.at(p),
                                parameter.isCountedOn(mine.rank));
    }
    llvm::StringMap<Type> inputs;
    for (const RankItem &item : mine.items)
      if (item.kind == RankItem::Feed)
        inputs[item.name] = feedType(item.instance);
    SmallVector<StringRef> names(inputs.keys());
    llvm::sort(names);
    for (StringRef name : names)
      prog::TensorOp::create(top, loc, name, inputs[name], false);
    auto scalar = RankedTensorType::get({}, builder.getF32Type());
    for (StringRef name : {"loss", "den"})
      prog::TensorOp::create(top, loc, name, scalar, true);
    SmallVector<Attribute> kinds;
    for (unsigned stream = 0; stream < StreamCount; ++stream)
      if (stream == Compute || usedStream[stream])
        kinds.push_back(prog::StreamKindAttr::get(builder.getContext(), prog::StreamKind(stream)));
    program.setStreamsAttr(builder.getArrayAttr(kinds));
  }
  Type feedType(const Instance &instance) const {
    BodyOp body = model.bodies[model.stages[instance.a].body].op;
    func::FuncOp forward = body.getForward();
    return forward.getArgument(findArg(forward, RoleKind::Feed, instance.b)).getType();
  }
  void declareGroups() {
    OpBuilder top = OpBuilder::atBlockBegin(&program.getBody().front());
    for (auto &[name, group] : groups)
      prog::GroupOp::create(top, loc, name,
                            SmallVector<int64_t>(group.first.begin(), group.first.end()),
                            group.second);
  }

  //===------------------------------------------------------------------===//
  // Waits
  //===------------------------------------------------------------------===//
  // The event of an earlier touch, as exact as the item offers it.
  Value eventOf(const Touch &touch) const {
    if (touch.part >= 0) {
      auto it = partEvent.find({touch.item, touch.part});
      if (it != partEvent.end())
        return it->second;
    }
    return doneEvent.at(touch.item);
  }
  // Earlier touches that `stream` does not know yet; it knows them afterwards.
  SmallVector<Touch> conflicts(Range range, bool write, Touch touch) {
    SmallVector<Touch> result;
    for (Touch earlier : hazards.touch(range.arena, range.offset, range.bytes(), write, touch)) {
      if (earlier.part >= 0 && !partEvent.count({earlier.item, earlier.part}))
        earlier.part = -1;
      if (hazards.isOrdered(touch.stream, earlier))
        continue;
      if (llvm::any_of(result, [&](const Touch &t) {
            return t.item == earlier.item && t.part == earlier.part;
          }))
        continue;
      hazards.wait(touch.stream, earlier);
      result.push_back(earlier);
    }
    return result;
  }
  SmallVector<Value> waits(Range range, bool write, unsigned item, unsigned stream, int part = -1) {
    SmallVector<Value> events;
    for (const Touch &earlier : conflicts(range, write, {item, part, stream}))
      events.push_back(eventOf(earlier));
    return events;
  }
  void place(unsigned item, unsigned stream, Value done) {
    doneEvent[item] = done;
    lastOnStream[stream] = done;
    usedStream[stream] = true;
    hazards.place(item, stream);
  }
  static void append(SmallVector<Value> &to, ArrayRef<Value> events) {
    for (Value event : events)
      if (!llvm::is_contained(to, event))
        to.push_back(event);
  }

  //===------------------------------------------------------------------===//
  // The order
  //===------------------------------------------------------------------===//
  void emitOrder() {
    fill(Gradients, 0, memory.bytes[Gradients]);
    fill(Sums, 0, memory.bytes[Sums]);
    for (size_t i = 0; i < mine.items.size(); ++i) {
      const RankItem &item = mine.items[i];
      switch (item.kind) {
      case RankItem::Feed:
        emitFeed(item);
        break;
      case RankItem::Run:
        emitRun(item);
        break;
      case RankItem::Fetch:
        emitFetch(item);
        break;
      case RankItem::Sum:
        emitSum(item);
        break;
      case RankItem::Send:
      case RankItem::Receive: {
        size_t end = i + 1;
        while (end < mine.items.size() && mine.items[end].isIn(item.exchange))
          ++end;
        emitExchange(ArrayRef(mine.items).slice(i, end - i));
        i = end - 1;
        break;
      }
      case RankItem::Reduce:
        emitReduce(item.bucket);
        break;
      }
    }
    emitStatistics();
    emitUpdate();
    SmallVector<Value> ends;
    for (unsigned stream = 1; stream < StreamCount; ++stream)
      if (lastOnStream[stream])
        ends.push_back(lastOnStream[stream]);
    prog::JoinOp::create(at, loc, event, ends, prog::StreamKind::Compute);
  }

  void fill(unsigned arena, int64_t offset, int64_t size) {
    if (size == 0)
      return;
    unsigned item = count++;
    Range range{arena, offset, bytes(size)};
    SmallVector<Value> after = waits(range, true, item, Compute);
    place(item, Compute,
          prog::FillOp::create(at, loc, event, slot(range), 0, after, prog::StreamKind::Compute)
              .getDone());
  }

  void emitFeed(const RankItem &item) {
    unsigned number = count++;
    Range range = instanceRange(item.instance);
    SmallVector<Value> after = waits(range, true, number, Compute);
    auto op = prog::FeedOp::create(at, loc, event, item.name, item.instance.microBatch, slot(range),
                                   after, prog::StreamKind::Compute);
    place(number, Compute, op.getDone());
  }

  void emitFetch(const RankItem &item) {
    unsigned number = count++;
    Range range = item.name == "loss" ? loss(item.task.microBatch) : den(item.task.microBatch);
    SmallVector<Value> after = waits(range, false, number, Compute);
    auto op = prog::FetchOp::create(at, loc, event, item.name, item.task.microBatch, slot(range),
                                    after, prog::StreamKind::Compute);
    place(number, Compute, op.getDone());
  }

  std::string blockName(const Task &task) const {
    auto name = [&](unsigned stage) { return StageOp(model.stages[stage].op).getSymName().str(); };
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

  void emitRun(const RankItem &item) {
    const BlockPlan &block = plan.blocks.at(blockKey(item.task));
    if (block.commands.empty())
      return;
    std::string name = blockName(item.task);
    if (emittedBlocks.insert(name).second) {
      OpBuilder::InsertionGuard guard(declarations);
      emitBlock(declarations, StageOp(model.stages[item.task.stage].op).getLoc(), name, block,
                *this);
    }
    unsigned number = count++;
    SmallVector<Value> operands, ready, after;
    SmallVector<int64_t> readyOperands;
    SmallVector<unsigned> results = resultOperands(block);
    for (auto [k, s] : llvm::enumerate(block.operands)) {
      const BlockStorage &storage = block.storage[s];
      Range range = operandRange(storage, item.task);
      operands.push_back(slot(range));
      auto [compute, collective] = operandStreams(block, k);
      bool isResult = llvm::is_contained(results, k);
      SmallVector<Value> events;
      for (unsigned stream : {(unsigned)Compute, (unsigned)Collective}) {
        if (!(stream == Compute ? compute : collective))
          continue;
        append(events, waits(range, storage.access != prog::Access::Read, number, stream,
                             isResult ? (int)k : -1));
      }
      for (auto [i, value] : llvm::enumerate(events)) {
        if (i == 0) {
          ready.push_back(value);
          readyOperands.push_back(k);
        } else {
          append(after, {value});
        }
      }
    }
    // Gradient accumulators are touched by the block itself; the reduction must
    // come after the whole block.
    for (const BlockStorage &storage : block.storage)
      if (storage.place == BlockStorage::Accumulator) {
        unsigned p = parameterOf(storage.task ? block.pairStage : block.stage, storage.index);
        append(after, waits({Gradients, mine.gradientOffset.at(p), model.parameters[p].type}, true,
                            number, Compute));
      }
    SmallVector<Type> types(results.size(), event);
    auto op =
        prog::RunOp::create(at, StageOp(model.stages[item.task.stage].op).getLoc(), types, event,
                            name, operands, ready, readyOperands, after, item.task.microBatch,
                            item.task.kind == Task::Pair ? (int64_t)item.task.pairMicroBatch : -1);
    for (auto [value, operand] : llvm::zip(op.getResults(), results))
      partEvent[{number, (int)operand}] = value;
    if (block.usesCollectives)
      place(number, Collective, op.getDone());
    place(number, Compute, op.getDone());
  }

  // Gradients of a value with several consumers, later consumers first.
  void emitSum(const RankItem &item) {
    std::vector<unsigned> edges = gradientEdges(model, item.instance.a, item.instance.b);
    unsigned number = count++;
    SmallVector<Value> operands, after;
    for (unsigned edge : edges) {
      Range range = instanceRange({Instance::Gradient, edge, 0, item.instance.microBatch});
      operands.push_back(slot(range));
      append(after, waits(range, false, number, Compute));
    }
    Range target = instanceRange(item.instance);
    operands.push_back(slot(target));
    append(after, waits(target, true, number, Compute));
    const std::string &kernel =
        kernels.gradientSum.at({(unsigned)edges.size(), model.edgeTypes[edges.front()]});
    useKernel(kernel);
    place(number, Compute,
          prog::LaunchOp::create(at, loc, event, kernel, operands, after, prog::StreamKind::Compute)
              .getDone());
  }

  // Messages to and from one other rank, as one group.
  void emitExchange(ArrayRef<RankItem> messages) {
    unsigned number = count++;
    SmallVector<Type> complete(messages.size(), event);
    SmallVector<std::pair<Range, SmallVector<Value>>> parts;
    for (auto [part, item] : llvm::enumerate(messages)) {
      Range range = instanceRange(item.instance);
      parts.push_back({range, waits(range, item.kind == RankItem::Receive, number, Comm, part)});
    }
    auto exchange =
        prog::ExchangeOp::create(at, loc, complete, event, prog::StreamKind::Communication);
    OpBuilder inside = OpBuilder::atBlockEnd(&exchange.getBody().emplaceBlock());
    for (auto [part, item] : llvm::enumerate(messages)) {
      auto &[range, after] = parts[part];
      Value memory = slot(range);
      if (item.kind == RankItem::Send)
        prog::SendOp::create(inside, loc, memory, after, item.peer, item.message);
      else
        prog::RecvOp::create(inside, loc, memory, after, item.peer, item.message);
      partEvent[{number, (int)part}] = exchange.getComplete()[part];
    }
    place(number, Comm, exchange.getDone());
  }

  void emitReduce(unsigned number) {
    const Bucket &bucket = plan.buckets[number];
    unsigned item = count++;
    Range range{Gradients, mine.bucketOffset[number],
                prog::SlotType::get(bucket.bytes * 8 / bucket.element.getIntOrFloatBitWidth(),
                                    bucket.element)};
    SmallVector<Value> after = waits(range, true, item, Reduce);
    allReduce(item, range, after, groupOf(bucket.holders, model.ep > 1 && !bucket.sharded));
  }
  void allReduce(unsigned item, Range range, ArrayRef<Value> after, StringRef group) {
    Value memory = slot(range);
    auto op = prog::CollectiveOp::create(at, loc, event, prog::CollectiveKind::AllReduce, group,
                                         memory, memory, after, prog::StreamKind::Reduce);
    place(item, Reduce, op.getDone());
  }

  void launch(StringRef kernel, ArrayRef<std::pair<Range, bool>> uses) {
    useKernel(kernel);
    unsigned item = count++;
    SmallVector<Value> operands, after;
    for (auto [range, write] : uses) {
      operands.push_back(slot(range));
      append(after, waits(range, write, item, Compute));
    }
    place(item, Compute,
          prog::LaunchOp::create(at, loc, event, kernel, operands, after, prog::StreamKind::Compute)
              .getDone());
  }

  void emitStatistics() {
    launch(kernels.denSum,
           {{sums(memory.sums.den, model.table.microBatches), false}, {statistic(0), true}});
    emitSquares();
    if (model.ranks * model.ep == 1)
      return;
    std::vector<unsigned> all(model.ranks);
    for (unsigned rank = 0; rank < model.ranks; ++rank)
      all[rank] = rank;
    unsigned item = count++;
    SmallVector<Value> after = waits(statistics(), true, item, Reduce);
    allReduce(item, statistics(), after, groupOf(all, model.ep > 1));
  }
  // The sums of all blocks, first of what is reduced first, and then their sum in the
  // order in which they lie. Between the parameters' sums lies padding, which is zero.
  void emitSquares() {
    const StepSums &places = memory.sums;
    if (places.squaresBytes == 0)
      return;
    for (unsigned p : mine.parameters) {
      if (!model.parameters[p].isCountedOn(mine.rank))
        continue;
      int64_t offset = places.squaresOf.at(p);
      SquareBlocks blocks = squareBlocks(model.parameters[p]);
      Range whole = gradient(p), rest = whole;
      Type element = whole.type.getElementType();
      whole.type = prog::SlotType::get(blocks.wholeElements(), element);
      rest.type = prog::SlotType::get(blocks.rest, element);
      rest.offset += whole.bytes();
      if (blocks.whole > 0)
        launch(kernels.squares.at(p).blocks, {{whole, false}, {sums(offset, blocks.whole), true}});
      if (blocks.rest > 0)
        launch(kernels.squares.at(p).rest,
               {{rest, false}, {sums(offset + 4 * blocks.whole, 1), true}});
    }
    launch(kernels.squareTotal[mine.rank], {{sums(places.squares, places.squaresBytes / 4), true}});
    copy(sums(places.squares + places.squaresBytes - 4, 1), statistic(1));
  }
  void copy(Range from, Range to) {
    unsigned item = count++;
    SmallVector<Value> after = waits(from, false, item, Compute);
    append(after, waits(to, true, item, Compute));
    place(
        item, Compute,
        prog::CopyOp::create(at, loc, event, slot(from), slot(to), after, prog::StreamKind::Compute)
            .getDone());
  }
  Range gradient(unsigned p) const {
    return {Gradients, mine.gradientOffset.at(p), model.parameters[p].type};
  }

  void emitUpdate() {
    constexpr int64_t headerBytes = sizeof(dpcrt::StepHeader),
                      entryBytes = sizeof(dpcrt::StepEntry);
    // Kernels read both as words of four bytes.
    prog::SlotType entry = floats(entryBytes / 4);
    Range header{Record, 0, floats(headerBytes / 4)};
    launch(kernels.finalize, {{statistics(), false}, {header, true}});
    for (unsigned p : mine.parameters) {
      if (!model.parameters[p].trained)
        continue;
      SmallVector<std::pair<Range, bool>> uses = {
          {{Weights, mine.weightOffset.at(p), model.parameters[p].type}, true},
          {gradient(p), false}};
      for (size_t k = 0; k < kernels.momentNames.size(); ++k)
        uses.push_back(
            {{Moments, memory.momentOffset.at({p, (unsigned)k}), model.parameters[p].type}, true});
      uses.push_back({header, false});
      uses.push_back({{Record, headerBytes + entryBytes * (int64_t)entryOf.at(p), entry}, false});
      launch(kernels.update.at(p), uses);
    }
  }

  OpBuilder &builder;
  const StepModel &model;
  const StepPlan &plan;
  const RankPlan &mine;
  const StepKernels &kernels;
  const RankMemory memory;
  Hazards hazards;
  Type event;
  Location loc;

  prog::ProgramOp program;
  prog::OrderOp order;
  OpBuilder declarations{builder}, at{builder};
  Operation *lastSlot = nullptr;
  std::map<unsigned, unsigned> entryOf;
  llvm::StringSet<> usedKernels, emittedBlocks;
  std::map<std::string, std::pair<std::vector<unsigned>, bool>> groups; // members, all of ep
  std::map<std::tuple<unsigned, int64_t, const void *>, Value> slots;
  std::map<std::pair<unsigned, int>, Value> partEvent;
  std::map<unsigned, Value> doneEvent;
  Value lastOnStream[StreamCount];
  bool usedStream[StreamCount] = {};
  unsigned count = 0;
};

} // namespace

FailureOr<prog::ProgramOp> emitRank(OpBuilder &builder, const StepModel &model,
                                    const StepPlan &plan, unsigned rank,
                                    const StepKernels &kernels) {
  return RankEmitter(builder, model, plan, rank, kernels).run();
}

} // namespace dpc::lowering
