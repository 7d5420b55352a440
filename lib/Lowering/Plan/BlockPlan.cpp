// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Merges the storage of a block's tasks, orders their commands and lays out the
// workspace; see BlockPlan.h.
#include "BlockPlan.h"

#include "Arena.h"
#include "Hazards.h"

#include <array>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

class Planner {
public:
  Planner(BlockPlan &plan, bool tight) : plan(plan), tight(tight) {}

  void addPart(const TaskCommands &part, unsigned task) {
    std::vector<unsigned> merged(part.storage.size());
    for (auto [i, storage] : llvm::enumerate(part.storage))
      merged[i] = merge(storage, task);
    for (const TaskCommand &command : part.commands) {
      BlockCommand mine{command, {}, command.kind == TaskCommand::Collective, {}};
      for (auto [storage, access] : command.uses)
        mine.storage.push_back(merged[storage]);
      commands.push_back(std::move(mine));
    }
  }

  void finish() {
    std::vector<PairCommand> problem = dependences();
    for (const PairCommand &command : problem)
      (command.communication ? plan.communication : plan.compute) += command.seconds;
    std::vector<unsigned> plain(problem.size());
    for (unsigned i = 0; i < plain.size(); ++i)
      plain[i] = i;
    PairSchedule schedule = placeInOrder(problem, plain);
    if (plan.kind == Task::Pair) {
      plan.concatenated = schedule.makespan;
      plan.lowerBound = pairLowerBound(problem);
      schedule = schedulePair(problem);
    }
    for (unsigned i : schedule.order)
      plan.commands.push_back(std::move(commands[i]));
    readDuration(schedule);
    classifyOperands();
    layOutWorkspace();
    for (const BlockCommand &command : plan.commands)
      plan.usesCollectives |= command.collective;
    if (plan.usesCollectives)
      addWaits();
    findLastTouches();
  }

private:
  unsigned merge(const Storage &storage, unsigned task) {
    if (storage.kind == Storage::Role)
      for (unsigned i = 0; i < plan.storage.size(); ++i)
        if (plan.storage[i].place != BlockStorage::Workspace &&
            plan.storage[i].place != BlockStorage::Constant && plan.storage[i].task == task &&
            plan.storage[i].role == storage.role && plan.storage[i].index == storage.index)
          return i;
    BlockStorage mine;
    mine.task = task;
    mine.role = storage.role;
    mine.index = storage.index;
    mine.type = storage.type;
    mine.value = storage.value;
    if (storage.kind == Storage::Role)
      mine.place = storage.role == RoleKind::Param         ? BlockStorage::Parameter
                   : storage.role == RoleKind::Accumulator ? BlockStorage::Accumulator
                   : storage.role == RoleKind::LossScale   ? BlockStorage::LossScale
                                                           : BlockStorage::Operand;
    else
      mine.place =
          storage.kind == Storage::Constant ? BlockStorage::Constant : BlockStorage::Workspace;
    plan.storage.push_back(mine);
    return plan.storage.size() - 1;
  }

  // Of commands on the same storage: a read after the last write, a write after
  // the last write and all reads since. Tasks of a pair share accumulators when
  // both stages hold a tied weight: the order of the list is then kept.
  std::vector<PairCommand> dependences() {
    std::vector<PairCommand> problem(commands.size());
    std::vector<int> writer(plan.storage.size(), -1);
    std::vector<std::vector<unsigned>> readers(plan.storage.size());
    for (unsigned i = 0; i < commands.size(); ++i) {
      problem[i].seconds = commands[i].command.seconds;
      problem[i].communication = commands[i].collective;
      std::vector<unsigned> &after = problem[i].after;
      for (auto [use, storage] : llvm::zip(commands[i].command.uses, commands[i].storage)) {
        if (writer[storage] >= 0)
          after.push_back(writer[storage]);
        if (use.second != prog::Access::Read)
          after.insert(after.end(), readers[storage].begin(), readers[storage].end());
      }
      for (auto [use, storage] : llvm::zip(commands[i].command.uses, commands[i].storage)) {
        if (use.second == prog::Access::Read) {
          readers[storage].push_back(i);
        } else {
          writer[storage] = i;
          readers[storage].clear();
        }
      }
      llvm::sort(after);
      after.erase(std::unique(after.begin(), after.end()), after.end());
      llvm::erase(after, i);
    }
    // Collectives keep their order within a task, and the forward's and the
    // backward's are interleaved equally on all members, which run this block.
    return problem;
  }

  // A backward may read the output of its own forward, which was sent long ago: in a
  // pair only the forward's outputs are waited for.
  void readDuration(const PairSchedule &schedule) {
    plan.duration = {schedule.makespan, 0, 0};
    for (auto [position, i] : llvm::enumerate(schedule.order))
      for (unsigned storage : plan.commands[position].storage) {
        RoleKind role = plan.storage[storage].role;
        if (plan.storage[storage].place != BlockStorage::Operand)
          continue;
        if (role == RoleKind::Output && plan.storage[storage].task == 0)
          plan.duration.outputs = std::max(plan.duration.outputs, schedule.end[i]);
        if (role == RoleKind::InputGrad)
          plan.duration.inputGrads = std::max(plan.duration.inputGrads, schedule.end[i]);
      }
  }

  // An operand that is written before it is read needs no value from outside.
  void classifyOperands() {
    std::vector<int> known(plan.storage.size(), -1);
    for (const BlockCommand &command : plan.commands)
      for (auto [use, storage] : llvm::zip(command.command.uses, command.storage)) {
        if (plan.storage[storage].place != BlockStorage::Operand)
          continue;
        prog::Access &access = plan.storage[storage].access;
        if (known[storage] < 0) {
          access = use.second;
          known[storage] = plan.operands.size();
          plan.storage[storage].operand = plan.operands.size();
          plan.operands.push_back(storage);
        } else if (access == prog::Access::Read && use.second != prog::Access::Read) {
          access = prog::Access::ReadWrite;
        }
      }
  }

  // A temporary that the collective stream touched may be overwritten by the
  // compute stream only after a command that waits for that collective; reusing
  // its bytes earlier would cost the overlap.
  void layOutWorkspace() {
    std::vector<LiveRange> ranges;
    std::vector<unsigned> owners;
    for (unsigned s = 0; s < plan.storage.size(); ++s) {
      if (plan.storage[s].place != BlockStorage::Workspace)
        continue;
      LiveRange range{plan.storage[s].type.getBytes(), -1, -1, -1};
      int lastCollective = -1;
      for (auto [position, command] : llvm::enumerate(plan.commands)) {
        if (!llvm::is_contained(command.storage, s))
          continue;
        if (range.first < 0)
          range.first = position;
        range.last = position;
        if (command.collective)
          lastCollective = position;
      }
      if (range.first < 0)
        continue;
      if (lastCollective >= 0)
        range.last = std::max<int64_t>(range.last, firstAfter(lastCollective));
      ranges.push_back(range);
      owners.push_back(s);
    }
    plan.workspaceBytes = tight ? packTightly(ranges) : packArena(ranges);
    for (auto [range, owner] : llvm::zip(ranges, owners))
      plan.storage[owner].offset = range.offset;
  }

  // First compute command that uses what the collective made.
  int64_t firstAfter(int collective) {
    const BlockCommand &made = plan.commands[collective];
    for (unsigned position = collective + 1; position < plan.commands.size(); ++position) {
      if (plan.commands[position].collective)
        continue;
      for (auto [use, storage] : llvm::zip(made.command.uses, made.storage))
        if (use.second != prog::Access::Read &&
            llvm::is_contained(plan.commands[position].storage, storage))
          return position;
    }
    return plan.commands.size();
  }

  // Byte-exact: temporaries share the workspace, so waits are found on ranges and
  // not on storage.
  void addWaits() {
    unsigned workspace = plan.storage.size();
    Hazards hazards(workspace + 1, 2);
    for (auto [position, command] : llvm::enumerate(plan.commands)) {
      unsigned stream = command.collective;
      for (bool isTouched : {false, true})
        for (auto [use, s] : llvm::zip(command.command.uses, command.storage)) {
          const BlockStorage &storage = plan.storage[s];
          bool inWorkspace = storage.place == BlockStorage::Workspace;
          unsigned arena = inWorkspace ? workspace : s;
          int64_t offset = inWorkspace ? storage.offset : 0, bytes = storage.type.getBytes();
          bool write = use.second != prog::Access::Read;
          Touch mine{(unsigned)position, -1, stream};
          if (isTouched) {
            hazards.touch(arena, offset, bytes, write, mine);
            continue;
          }
          for (const Touch &earlier : hazards.conflicts(arena, offset, bytes, write, mine)) {
            if (hazards.isOrdered(stream, earlier))
              continue;
            command.after.push_back(earlier.item);
            hazards.wait(stream, earlier);
          }
        }
      hazards.place(position, stream);
    }
  }

  // By operand and stream, the last command that touches it, and of all commands which of each
  // stream is known to have ended then; both as numbers from 1.
  void findLastTouches() {
    using OfStreams = std::array<unsigned, 2>;
    std::vector<OfStreams> last(plan.storage.size(), OfStreams{0, 0}), ended;
    OfStreams on = {0, 0};
    for (auto [i, command] : llvm::enumerate(plan.commands)) {
      OfStreams now = {0, 0};
      auto learn = [&](unsigned earlier) {
        for (unsigned stream : {0, 1})
          now[stream] = std::max(now[stream], ended[earlier][stream]);
      };
      if (unsigned before = on[command.collective])
        learn(before - 1);
      for (unsigned earlier : command.after)
        learn(earlier);
      now[command.collective] = on[command.collective] = i + 1;
      ended.push_back(now);
      for (unsigned storage : command.storage)
        last[storage][command.collective] = i + 1;
    }
    for (unsigned storage : plan.operands) {
      plan.lastTouch.push_back(std::nullopt);
      for (unsigned stream : {1, 0})
        if (unsigned at = last[storage][stream];
            at && ended[at - 1][!stream] >= last[storage][!stream])
          plan.lastTouch.back() = at - 1;
    }
  }

  BlockPlan &plan;
  bool tight;
  std::vector<BlockCommand> commands;
};

} // namespace

BlockPlan planBlock(Task::Kind kind, unsigned stage, unsigned pairStage,
                    ArrayRef<const TaskCommands *> parts, bool tight) {
  BlockPlan plan;
  plan.kind = kind;
  plan.stage = stage;
  plan.pairStage = pairStage;
  Planner planner(plan, tight);
  for (auto [i, part] : llvm::enumerate(parts))
    if (part)
      planner.addPart(*part, kind == Task::Pair && i > 0 ? 1 : 0);
  planner.finish();
  return plan;
}

} // namespace dpc::lowering
