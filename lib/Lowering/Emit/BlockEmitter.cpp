// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks as IR; see BlockEmitter.h.
#include "BlockEmitter.h"

#include "dpc/Lowering/Emit/PlannedTimes.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

std::string roleName(const BlockStorage &storage) {
  return (storage.task ? "b." : "") + stringifyRoleKind(storage.role).str() +
         std::to_string(storage.index);
}

class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, StringRef name, const BlockPlan &plan,
          const llvm::SmallBitVector &awaited, const llvm::SmallBitVector &atBegin,
          FixedPlaces &places)
      : builder(builder), loc(loc), plan(plan), awaited(awaited), atBegin(atBegin), places(places),
        event(prog::EventType::get(builder.getContext())) {
    SmallVector<Attribute> access;
    SmallVector<StringRef> names;
    std::vector<std::string> storageNames;
    for (unsigned operand : plan.operands)
      storageNames.push_back(roleName(plan.storage[operand]));
    for (auto [operand, text] : llvm::zip(plan.operands, storageNames)) {
      access.push_back(prog::AccessAttr::get(builder.getContext(), plan.storage[operand].access));
      names.push_back(text);
    }
    static constexpr prog::TaskKind kinds[] = {prog::TaskKind::Forward, prog::TaskKind::InputHalf,
                                               prog::TaskKind::WeightHalf, prog::TaskKind::Pair};
    block = prog::BlockOp::create(builder, loc, name, kinds[plan.kind], plan.stage,
                                  plan.kind == Task::Pair ? (int64_t)plan.pairStage : -1,
                                  builder.getArrayAttr(access), builder.getStrArrayAttr(names));
    Block &body = block.getBody().emplaceBlock();
    for (unsigned operand : plan.operands)
      body.addArgument(plan.storage[operand].type, loc);
    for (size_t i = 0; i < plan.operands.size(); ++i)
      body.addArgument(event, loc);
    inside = OpBuilder::atBlockEnd(&body);
  }

  prog::BlockOp run() {
    placeStorage();
    done.resize(plan.commands.size());
    for (unsigned i = 0; i < plan.commands.size(); ++i)
      emit(i);
    joinCollectives();
    SmallVector<Value> events;
    SmallVector<int64_t> completed;
    for (unsigned operand : resultOperands(plan)) {
      events.push_back(completion(operand));
      completed.push_back(operand);
    }
    prog::ResultsOp::create(inside, loc, events, completed);
    describePlan();
    return block;
  }

private:
  // What the plan expects, for people and tools that read the block.
  void describePlan() {
    SmallVector<NamedAttribute> seconds;
    auto add = [&](StringRef name, double value) {
      seconds.push_back(builder.getNamedAttr(name, builder.getF64FloatAttr(value)));
    };
    add("seconds", plan.duration.total);
    if (plan.usesCollectives) {
      add("compute", plan.compute);
      add("communication", plan.communication);
    }
    if (plan.kind == Task::Pair) {
      add("concatenated", plan.concatenated);
      add("lower_bound", plan.lowerBound);
    }
    block->setAttr(kPlannedAttr, builder.getDictionaryAttr(seconds));
  }

  Value fixed(FixedPlaces::Place place, prog::SlotType type) {
    return prog::SlotOp::create(inside, loc, type, place.arena, place.offset);
  }

  void placeStorage() {
    for (const BlockStorage &storage : plan.storage) {
      unsigned stage = storage.task ? plan.pairStage : plan.stage;
      switch (storage.place) {
      case BlockStorage::Operand:
        slots.push_back(block.getBody().getArgument(storage.operand));
        break;
      case BlockStorage::Parameter:
        slots.push_back(fixed(places.parameter(stage, storage.index), storage.type));
        break;
      case BlockStorage::Accumulator:
        slots.push_back(fixed(places.accumulator(stage, storage.index), storage.type));
        break;
      case BlockStorage::LossScale:
        slots.push_back(fixed(places.lossScale(), storage.type));
        break;
      case BlockStorage::Constant:
        slots.push_back(fixed(places.constant(storage.value), storage.type));
        break;
      case BlockStorage::Workspace:
        slots.push_back(fixed(places.workspace(storage.offset), storage.type));
        break;
      }
    }
  }

  void emit(unsigned i) {
    const BlockCommand &planned = plan.commands[i];
    const TaskCommand &command = planned.command;
    SmallVector<Value> operands, after;
    for (unsigned storage : planned.storage) {
      operands.push_back(slots[storage]);
      if (plan.storage[storage].place == BlockStorage::Operand &&
          awaited.test(plan.storage[storage].operand) &&
          readied.insert({plan.storage[storage].operand, planned.collective}).second)
        after.push_back(
            block.getBody().getArgument(plan.operands.size() + plan.storage[storage].operand));
    }
    for (unsigned earlier : planned.after)
      after.push_back(done[earlier]);
    auto stream = planned.collective ? prog::StreamKind::Collective : prog::StreamKind::Compute;
    // The workspace still belongs to the previous block until the compute stream
    // has come here.
    if (atBegin.test(i)) {
      if (!begin) {
        OpBuilder::InsertionGuard guard(inside);
        begin = prog::JoinOp::create(inside, loc, event, ValueRange{}, prog::StreamKind::Compute)
                    .getDone();
      }
      after.push_back(begin);
    }
    switch (command.kind) {
    case TaskCommand::Launch: {
      StringRef kernel = cast<LaunchOp>(command.op).getKernel();
      places.useKernel(kernel);
      done[i] =
          prog::LaunchOp::create(inside, command.loc, event, kernel, operands, DenseI64ArrayAttr(),
                                 /*compares_mirrors=*/false, after, stream)
              .getDone();
      break;
    }
    case TaskCommand::Call:
      done[i] = prog::CallOp::create(inside, command.loc, event,
                                     cast<nn::LibraryOpInterface>(command.op).describeCall(),
                                     operands, after, stream)
                    .getDone();
      break;
    case TaskCommand::Collective:
      emitCollective(i, operands, after, stream);
      break;
    case TaskCommand::Copy:
      done[i] =
          prog::CopyOp::create(inside, command.loc, event, operands[0], operands[1], after, stream)
              .getDone();
      break;
    }
  }

  void emitCollective(unsigned i, ArrayRef<Value> operands, ArrayRef<Value> after,
                      prog::StreamKind stream) {
    Operation *op = plan.commands[i].command.op;
    prog::CollectiveKind kind = isa<nn::AllToAllOp>(op)        ? prog::CollectiveKind::AllToAll
                                : isa<nn::AllGatherOp>(op)     ? prog::CollectiveKind::AllGather
                                : isa<nn::ReduceScatterOp>(op) ? prog::CollectiveKind::ReduceScatter
                                                               : prog::CollectiveKind::AllReduce;
    StringRef group = places.experts();
    done[i] =
        prog::CollectiveOp::create(inside, plan.commands[i].command.loc, event, kind, group,
                                   operands[0], operands[1], DenseI64ArrayAttr(), after, stream)
            .getDone();
  }

  // When the compute stream has come to the end of the block, all of the block
  // has ended: the next block may take the workspace.
  void joinCollectives() {
    SmallVector<Value> open;
    llvm::SmallDenseSet<unsigned> awaited;
    for (const BlockCommand &command : plan.commands)
      if (!command.collective)
        awaited.insert(command.after.begin(), command.after.end());
    for (unsigned i = 0; i < plan.commands.size(); ++i)
      if (plan.commands[i].collective && !awaited.count(i))
        open.push_back(done[i]);
    if (!open.empty())
      end = prog::JoinOp::create(inside, loc, event, open, prog::StreamKind::Compute).getDone();
  }

  // The event after which the block no longer touches an operand.
  Value completion(unsigned operand) {
    if (std::optional<unsigned> last = plan.lastTouch[operand])
      return done[*last];
    if (!end)
      end = prog::JoinOp::create(inside, loc, event, ValueRange{}, prog::StreamKind::Compute)
                .getDone();
    return end;
  }

  OpBuilder &builder;
  Location loc;
  const BlockPlan &plan;
  const llvm::SmallBitVector &awaited, &atBegin;
  FixedPlaces &places;
  Type event;
  prog::BlockOp block;
  OpBuilder inside{builder};
  std::vector<Value> slots, done;
  std::set<std::pair<unsigned, bool>> readied;
  Value begin, end;
};

} // namespace

SmallVector<unsigned> resultOperands(const BlockPlan &plan) {
  SmallVector<unsigned> result;
  for (auto [operand, storage] : llvm::enumerate(plan.operands))
    switch (plan.storage[storage].role) {
    case RoleKind::Input:
    case RoleKind::Output:
    case RoleKind::InputGrad:
    case RoleKind::OutputGrad:
      result.push_back(operand);
      break;
    default:
      break;
    }
  return result;
}

prog::BlockOp emitBlock(OpBuilder &builder, Location loc, StringRef name, const BlockPlan &plan,
                        const llvm::SmallBitVector &awaited, const llvm::SmallBitVector &atBegin,
                        FixedPlaces &places) {
  return Emitter(builder, loc, name, plan, awaited, atBegin, places).run();
}

} // namespace dpc::lowering
