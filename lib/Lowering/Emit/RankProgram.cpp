// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RankProgram.h.
#include "RankProgram.h"

#include "program/format/Outputs.h"
#include "program/format/StepRecord.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {

static constexpr prog::ArenaRole kArenaRoles[] = {
    prog::ArenaRole::Weights,   prog::ArenaRole::Gradients, prog::ArenaRole::Moments,
    prog::ArenaRole::Masters,   prog::ArenaRole::Stash,     prog::ArenaRole::Messages,
    prog::ArenaRole::Workspace, prog::ArenaRole::Constants, prog::ArenaRole::StepRecord,
    prog::ArenaRole::Messages};
static constexpr int64_t kHeaderBytes = sizeof(dpcrt::StepHeader),
                         kEntryBytes = sizeof(dpcrt::StepEntry),
                         kLossScaleOffset = offsetof(dpcrt::StepHeader, lossScale);

RankProgram::RankProgram(OpBuilder &builder, const StepModel &model, const StepPlan &plan,
                         unsigned rank, RankMemory memory, const StepKernels &kernels)
    : model(model), plan(plan), mine(plan.ranks[rank]), kernels(kernels), memory(std::move(memory)),
      at(builder), event(prog::EventType::get(builder.getContext())),
      loc(TrainingOp(model.training).getLoc()), builder(builder), hazards(ArenaCount, StreamCount),
      declarations(builder) {
  for (auto &[key, block] : plan.blocks)
    usesCollectives |= block.usesCollectives;
  if (model.entry.has(Part::Update))
    for (auto [entry, p] : llvm::enumerate(mine.parameters))
      entryOf[p] = entry;
  program = prog::ProgramOp::create(
      builder, loc, model.name + ".rank" + std::to_string(mine.rank), model.name, mine.rank,
      builder.getArrayAttr({}), model.table.microBatches, TrainingOp(model.training).getWeighting(),
      TrainingOp(model.training).getOptimizer());
  Block &body = program.getBody().emplaceBlock();
  order = prog::OrderOp::create(builder, loc);
  order->remove();
  body.push_back(order);
  order.getBody().emplaceBlock();
  declarations = OpBuilder(order);
  at = OpBuilder::atBlockEnd(&order.getBody().front());
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

FixedPlaces::Place RankProgram::parameter(unsigned stage, unsigned index) const {
  return {kArenaNames[Weights], mine.weightOffset.at(parameterOf(stage, index))};
}
FixedPlaces::Place RankProgram::accumulator(unsigned stage, unsigned index) const {
  return {kArenaNames[Gradients], mine.gradientOffset.at(parameterOf(stage, index))};
}
FixedPlaces::Place RankProgram::lossScale() const {
  return {kArenaNames[Record], kLossScaleOffset};
}
FixedPlaces::Place RankProgram::workspace(int64_t offset) const {
  return {kArenaNames[Workspace], offset};
}
FixedPlaces::Place RankProgram::constant(ElementsAttr value) {
  return {kArenaNames[Constants], memory.constantOffset.at(value)};
}

RankProgram::Range RankProgram::part(Range whole, const Shard &shard) const {
  const int64_t size = whole.bytes() / whole.type.getCount();
  return {whole.arena, whole.offset + shard.begin * size,
          prog::SlotType::get(shard.elements, whole.type.getElementType())};
}

prog::SlotType RankProgram::floats(int64_t count) const {
  return prog::SlotType::get(count, builder.getF32Type());
}
prog::SlotType RankProgram::integers(int64_t count) const {
  return prog::SlotType::get(count, builder.getI64Type());
}
prog::SlotType RankProgram::bytes(int64_t count) const {
  return prog::SlotType::getOfBytes(builder.getContext(), count);
}

// Kernels read both as words of four bytes.
RankProgram::Range RankProgram::recordHeader() const {
  return {Record, 0, floats(kHeaderBytes / 4)};
}
RankProgram::Range RankProgram::recordWords(int64_t offset, int64_t bytes) const {
  return {Record, offset, floats(bytes / 4)};
}
RankProgram::Range RankProgram::recordEntry(unsigned p) const {
  return {Record, kHeaderBytes + kEntryBytes * (int64_t)entryOf.at(p), floats(kEntryBytes / 4)};
}
RankProgram::Range RankProgram::instance(const Instance &instance) const {
  const InstancePlace &place = mine.instances.at(instance);
  return {instance.isMessage() ? (unsigned)Messages : (unsigned)Stash, place.range.offset,
          place.type};
}

Value RankProgram::slot(Range range) {
  auto key = std::make_tuple(range.arena, range.offset, range.type.getAsOpaquePointer());
  auto it = slots.find(key);
  if (it != slots.end())
    return it->second;
  // At the top of the order, once each.
  OpBuilder top = OpBuilder::atBlockBegin(&order.getBody().front());
  if (lastSlot)
    top.setInsertionPointAfter(lastSlot);
  Value slot = fixedSlot(top, range);
  lastSlot = slot.getDefiningOp();
  return slots[key] = slot;
}
Value RankProgram::fixedSlot(OpBuilder &top, Range range) {
  return prog::SlotOp::create(top, loc, range.type, kArenaNames[range.arena], range.offset);
}

//===----------------------------------------------------------------------===//
// Waits
//===----------------------------------------------------------------------===//

// The event of an earlier touch, as exact as the command offers it.
Value RankProgram::eventOf(const Touch &touch) const {
  if (touch.part >= 0) {
    auto it = partEvent.find({touch.item, touch.part});
    if (it != partEvent.end())
      return it->second;
  }
  return doneEvent.at(touch.item);
}

std::vector<SmallVector<Value>> RankProgram::waits(ArrayRef<Use> uses, unsigned number,
                                                   unsigned stream) {
  std::vector<Hazards::Awaited> awaited;
  for (auto [by, use] : llvm::enumerate(uses))
    for (Touch earlier :
         hazards.conflicts(use.range.arena, use.range.offset, use.range.bytes(), use.write,
                           {number, use.part, stream, use.end, use.written})) {
      // A part without an event of its own has ended with its command.
      if (earlier.part >= 0 && !partEvent.count({earlier.item, earlier.part}))
        earlier.part = -1;
      awaited.push_back({earlier, unsigned(by), use.begin});
    }
  // A use that begins within the command waits there for one event, the latest; what else
  // it awaits holds back the command as a whole, and may then tell others.
  std::vector<Hazards::Awaited> needed;
  for (bool isChanged = true; isChanged;) {
    needed = hazards.reduce(stream, awaited);
    isChanged = false;
    for (size_t i = 0; i + 1 < needed.size(); ++i)
      if (needed[i].at > 0 && needed[i].by == needed[i + 1].by)
        for (Hazards::Awaited &each : awaited)
          if (each.by == needed[i].by && each.at > 0 &&
              each.earlier.item == needed[i].earlier.item &&
              each.earlier.part == needed[i].earlier.part) {
            each.at = 0;
            isChanged = true;
          }
  }
  hazards.waitForAll(stream, needed);
  std::vector<SmallVector<Value>> events(uses.size());
  for (const Hazards::Awaited &each : needed)
    append(events[each.by], {eventOf(each.earlier)});
  return events;
}

void RankProgram::touch(ArrayRef<Use> uses, unsigned number, unsigned stream) {
  for (const Use &use : uses)
    hazards.touch(use.range.arena, use.range.offset, use.range.bytes(), use.write,
                  {number, use.part, stream, use.end, use.written});
}

SmallVector<Value> RankProgram::waitsOfAll(ArrayRef<Use> uses, unsigned number, unsigned stream) {
  SmallVector<Value> all;
  for (ArrayRef<Value> events : waits(uses, number, stream))
    append(all, events);
  touch(uses, number, stream);
  return all;
}

void RankProgram::place(unsigned number, unsigned stream, Value done) {
  doneEvent[number] = done;
  lastOnStream[stream] = number;
  usedStream[stream] = true;
  hazards.place(number, stream);
}

void RankProgram::append(SmallVector<Value> &to, ArrayRef<Value> events) {
  for (Value event : events)
    if (!llvm::is_contained(to, event))
      to.push_back(event);
}

//===----------------------------------------------------------------------===//
// Commands
//===----------------------------------------------------------------------===//

void RankProgram::fill(Range range) {
  if (range.bytes() == 0)
    return;
  unsigned number = newCommand();
  SmallVector<Value> after = waitsOfAll({{range, true}}, number, Compute);
  place(number, Compute,
        prog::FillOp::create(at, loc, event, slot(range), 0, after, prog::StreamKind::Compute)
            .getDone());
}

void RankProgram::copy(Range from, Range to) {
  unsigned number = newCommand();
  SmallVector<Value> after = waitsOfAll({{from, false}, {to, true}}, number, Compute);
  place(number, Compute,
        prog::CopyOp::create(at, loc, event, slot(from), slot(to), after, prog::StreamKind::Compute)
            .getDone());
}

void RankProgram::launch(StringRef kernel, ArrayRef<std::pair<Range, bool>> uses,
                         ArrayRef<int64_t> replicas, bool comparesMirrors) {
  useKernel(kernel);
  unsigned number = newCommand();
  SmallVector<Value> operands;
  SmallVector<Use> touches;
  for (auto [range, write] : uses) {
    operands.push_back(slot(range));
    touches.push_back({range, write});
  }
  SmallVector<Value> after = waitsOfAll(touches, number, Compute);
  place(number, Compute,
        prog::LaunchOp::create(at, loc, event, kernel, operands,
                               replicas.empty() ? DenseI64ArrayAttr()
                                                : builder.getDenseI64ArrayAttr(replicas),
                               comparesMirrors, after, prog::StreamKind::Compute)
            .getDone());
}

void RankProgram::collective(prog::CollectiveKind kind, Range range, StringRef group,
                             ArrayRef<int64_t> parts) {
  unsigned number = newCommand();
  SmallVector<Value> after = waitsOfAll({{range, true}}, number, Reduce);
  Value memory = slot(range);
  auto op = prog::CollectiveOp::create(at, loc, event, kind, group, memory, memory,
                                       parts.empty() ? DenseI64ArrayAttr()
                                                     : builder.getDenseI64ArrayAttr(parts),
                                       after, prog::StreamKind::Reduce);
  place(number, Reduce, op.getDone());
}

void RankProgram::join() {
  std::vector<Hazards::Awaited> ends;
  for (unsigned stream = 1; stream < StreamCount; ++stream)
    if (lastOnStream[stream])
      ends.push_back({{*lastOnStream[stream], -1, stream}});
  SmallVector<Value> events;
  for (const Hazards::Awaited &each : hazards.reduce(Compute, ends))
    events.push_back(eventOf(each.earlier));
  prog::JoinOp::create(at, loc, event, events, prog::StreamKind::Compute);
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

void RankProgram::useKernel(StringRef name) {
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
    add(function.getArgument(i).getType(), inplace ? prog::Access::ReadWrite : prog::Access::Read);
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (!tied.contains(i))
      add(function.getResultTypes()[i], prog::Access::Write);
  OpBuilder::InsertionGuard guard(declarations);
  prog::KernelOp::create(declarations, function.getLoc(), name, builder.getTypeArrayAttr(buffers),
                         builder.getArrayAttr(access));
}

// Written at the end, when it is known which operands its runs wait for: of the others
// nothing in it needs to wait.
void RankProgram::useBlock(const BlockPlan &block, StringRef name, unsigned number,
                           ArrayRef<int64_t> awaited) {
  auto [it, isNew] = blockNumber.try_emplace(name, usedBlocks.size());
  if (isNew)
    usedBlocks.push_back({&block, name.str(), llvm::SmallBitVector(block.operands.size()),
                          llvm::SmallBitVector(block.commands.size())});
  for (int64_t operand : awaited)
    usedBlocks[it->second].awaited.set(operand);
  if (usesCollectives)
    touchWorkspace(usedBlocks[it->second], number);
}

// All blocks have the same workspace, and all but collectives the same stream, which a block
// that has ended has joined again. A collective that waits for no command of its block must
// not touch the workspace before the block has it.
void RankProgram::touchWorkspace(UsedBlock &used, unsigned number) {
  for (bool isTouched : {false, true})
    for (auto [position, command] : llvm::enumerate(used.plan->commands))
      for (auto [use, s] : llvm::zip(command.command.uses, command.storage)) {
        const BlockStorage &storage = used.plan->storage[s];
        if (storage.place != BlockStorage::Workspace)
          continue;
        int64_t bytes = storage.type.getBytes();
        bool write = use.second != prog::Access::Read;
        unsigned stream = command.collective ? Collective : Compute, place = position + 1;
        Touch mine{number, 0, stream, place, place};
        if (isTouched)
          hazards.touch(Workspace, storage.offset, bytes, write, mine);
        else if (command.collective && command.after.empty())
          for (const Touch &earlier :
               hazards.conflicts(Workspace, storage.offset, bytes, write, mine))
            if (!hazards.isOrderedAt(place, stream, earlier))
              used.atBegin.set(position);
      }
}

// Inside a stage: all coordinates of ep at this rank's own coordinate of pp. A
// group apart from that of gradients, which has the same ranks: neither waits for
// the other's turn.
StringRef RankProgram::experts() {
  return addGroup("experts" + std::to_string(mine.rank), {mine.rank}, prog::Axes::Ep);
}
StringRef RankProgram::groupOf(const std::vector<unsigned> &members, prog::Axes over) {
  // Every member must call the group the same: the name is its members.
  std::string name = "ranks";
  for (unsigned member : members)
    name += (member == members.front() ? "" : "_") + std::to_string(member);
  for (prog::Axes axis : {prog::Axes::Dp, prog::Axes::Ep})
    if (bitEnumContainsAny(over, axis))
      name += "_all_" + prog::stringifyAxes(axis);
  return addGroup(name, members, over);
}
StringRef RankProgram::addGroup(const std::string &name, const std::vector<unsigned> &members,
                                prog::Axes over) {
  return groups.try_emplace(name, members, over).first->first;
}

prog::ProgramOp RankProgram::finish() {
  for (const UsedBlock &used : usedBlocks)
    emitBlock(declarations, StageOp(model.stages[used.plan->stage].op).getLoc(), used.name,
              *used.plan, used.awaited, used.atBegin, *this);
  OpBuilder top = OpBuilder::atBlockBegin(&program.getBody().front());
  declareArenas(top);
  declareConstants(top);
  declareParameters(top);
  declareTensors(top);
  declareStreams();
  declareGroups();
  return program;
}

void RankProgram::declareArenas(OpBuilder &top) {
  for (unsigned arena = 0; arena < ArenaCount; ++arena)
    if (memory.bytes[arena] > 0)
      prog::ArenaOp::create(top, loc, kArenaNames[arena], kArenaRoles[arena], memory.bytes[arena]);
}

void RankProgram::declareConstants(OpBuilder &top) {
  for (ElementsAttr value : memory.constants)
    prog::ConstantOp::create(top, loc, value,
                             fixedSlot(top, {Constants, memory.constantOffset.lookup(value),
                                             prog::SlotType::get(value.getShapedType())}));
}

void RankProgram::declareParameters(OpBuilder &top) {
  for (unsigned p : mine.parameters) {
    const StepParameter &parameter = model.parameters[p];
    nn::ParameterOp op = parameter.op;
    Value weight = fixedSlot(top, this->weight(p)), master, gradient;
    if (memory.masterOffset.count(p))
      master = fixedSlot(top, this->master(p));
    const bool isSharded = memory.gatheredSquares.count(p);
    SmallVector<Value> moments;
    SmallVector<StringRef> names;
    if (parameter.trained) {
      gradient = fixedSlot(top, this->gradient(p));
      for (auto [k, name] : llvm::enumerate(kernels.momentNames)) {
        if (!isSharded)
          moments.push_back(fixedSlot(top, moment(p, k)));
        names.push_back(name);
      }
    }
    auto entry = entryOf.find(p);
    prog::ParameterOp::create(top, op.getLoc(), op.getSymName(), op.getType(), weight, master,
                              gradient, moments, builder.getStrArrayAttr(names),
                              entry == entryOf.end() ? IntegerAttr()
                                                     : builder.getI64IntegerAttr(entry->second),
                              parameter.isCountedOn(mine.rank));
    bool keepsSome = !isSharded;
    for (const KeptShard &kept : memory.shards)
      if (kept.parameter == p) {
        declarePart(top, kept);
        keepsSome = true;
      }
    if (!keepsSome)
      prog::PartOp::create(top, op.getLoc(), op.getSymName(), 0, 0, DenseI64ArrayAttr(), Value(),
                           ValueRange());
  }
}

void RankProgram::declarePart(OpBuilder &top, const KeptShard &kept) {
  const StepParameter &parameter = model.parameters[kept.parameter];
  Value master;
  if (parameter.hasMaster())
    master = fixedSlot(top, this->master(kept));
  SmallVector<Value> moments;
  for (unsigned k = 0; k < kept.moments.size(); ++k)
    moments.push_back(fixedSlot(top, moment(kept, k)));
  nn::ParameterOp op = parameter.op;
  prog::PartOp::create(top, op.getLoc(), op.getSymName(), kept.shard.begin, kept.shard.elements,
                       kept.replicas.empty() ? DenseI64ArrayAttr()
                                             : builder.getDenseI64ArrayAttr(kept.replicas),
                       master, moments);
}

void RankProgram::declareTensors(OpBuilder &top) {
  llvm::StringMap<Type> inputs;
  for (const RankItem &item : mine.items)
    if (item.kind == RankItem::Feed)
      inputs[item.name] = feedType(item.instance);
  SmallVector<StringRef> names(inputs.keys());
  llvm::sort(names);
  for (StringRef name : names)
    prog::TensorOp::create(top, loc, name, inputs[name], false);
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  for (StringRef name : {dpcrt::kLossOutput, dpcrt::kDenOutput})
    prog::TensorOp::create(top, loc, name, scalar, true);
  if (model.hasFault)
    prog::TensorOp::create(top, loc, dpcrt::kFaultOutput,
                           RankedTensorType::get({}, builder.getI64Type()), true);
  llvm::StringSet<> declared;
  for (const RankItem &item : mine.items)
    if (item.kind == RankItem::Fetch && item.fetched == RoleKind::GraphOutput &&
        declared.insert(item.name).second)
      prog::TensorOp::create(top, loc, item.name, outputType(item.instance), true);
}
Type RankProgram::outputType(const Instance &instance) const {
  func::FuncOp forward = model.bodies[model.stages[instance.a].body].forward;
  return forward.getResultTypes()[findResult(forward, RoleKind::GraphOutput, instance.b)];
}
Type RankProgram::feedType(const Instance &instance) const {
  func::FuncOp forward = model.bodies[model.stages[instance.a].body].forward;
  return forward.getArgument(findArg(forward, RoleKind::Feed, instance.b)).getType();
}

void RankProgram::declareStreams() {
  SmallVector<Attribute> kinds;
  for (unsigned stream = 0; stream < StreamCount; ++stream)
    if (stream == Compute || usedStream[stream])
      kinds.push_back(prog::StreamKindAttr::get(builder.getContext(), prog::StreamKind(stream)));
  program.setStreamsAttr(builder.getArrayAttr(kinds));
}

void RankProgram::declareGroups() {
  OpBuilder top = OpBuilder::atBlockBegin(&program.getBody().front());
  for (auto &[name, group] : groups)
    prog::GroupOp::create(
        top, loc, name, SmallVector<int64_t>(group.first.begin(), group.first.end()),
        group.second == prog::Axes{} ? prog::AxesAttr()
                                     : prog::AxesAttr::get(builder.getContext(), group.second));
}

} // namespace dpc::lowering
