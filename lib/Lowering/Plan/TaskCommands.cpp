// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From operations of a half to commands on storage; see TaskCommands.h.
#include "TaskCommands.h"

#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Dialect/NN/Element.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

class Reader {
public:
  Reader(func::FuncOp half, const Machine &machine) : half(half), machine(machine) {}

  LogicalResult read() {
    for (unsigned i = 0; i < half.getNumArguments(); ++i)
      of[half.getArgument(i)] = roleStorage(getArgRole(half, i), half.getArgument(i).getType());
    chooseResults();
    for (Operation &op : half.front().without_terminator())
      if (failed(visit(op)))
        return failure();
    copyResults();
    return success();
  }

  TaskCommands task;

private:
  static prog::SlotType slotOf(Type type) { return prog::SlotType::get(cast<ShapedType>(type)); }
  unsigned add(Storage storage) {
    task.storage.push_back(std::move(storage));
    return task.storage.size() - 1;
  }

  unsigned roleStorage(RoleAttr role, Type type) {
    RoleKind kind = role.getKind() == RoleKind::ParamGrad ? RoleKind::Accumulator : role.getKind();
    int known = task.find(kind, role.getIndex());
    if (known >= 0)
      return known;
    return add({Storage::Role, kind, role.getIndex(), slotOf(type), {}});
  }

  static Value root(Value value) {
    while (auto reshape = value.getDefiningOp<nn::ReshapeOp>())
      value = reshape.getOperand();
    return value;
  }

  // A value the half returns is written straight into its slot, unless it
  // already lies elsewhere (an argument, a constant, a second slot).
  void chooseResults() {
    Operation *terminator = half.front().getTerminator();
    for (unsigned i = 0; i < half.getNumResults(); ++i) {
      Value value = root(terminator->getOperand(i));
      if (value.getDefiningOp() && !value.getDefiningOp<nn::ConstantOp>() &&
          !preferred.count(value))
        preferred[value] = getResultRole(half, i);
    }
  }

  unsigned define(Value value) {
    auto it = preferred.find(value);
    if (it != preferred.end())
      return of[value] = roleStorage(it->second, value.getType());
    return of[value] = add({Storage::Temporary, RoleKind::Kept, 0, slotOf(value.getType()), {}});
  }

  void add(TaskCommand::Kind kind, Operation &op,
           std::vector<std::pair<unsigned, prog::Access>> uses, double seconds) {
    task.commands.push_back({kind, &op, std::move(uses), seconds, op.getLoc()});
  }

  LogicalResult visit(Operation &op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
        .Case([&](nn::ReshapeOp reshape) {
          of[reshape.getResult()] = of.at(reshape.getOperand());
          return success();
        })
        .Case([&](nn::ConstantOp constant) {
          of[constant.getResult()] = add({Storage::Constant, RoleKind::Kept, 0,
                                          slotOf(constant.getType()), constant.getValue()});
          return success();
        })
        .Case([&](LaunchOp launch) { return visitLaunch(launch); })
        .Default([&](Operation *other) -> LogicalResult {
          if (nn::isLibraryCall(other))
            return visitLibraryCall(cast<nn::LibraryOpInterface>(other));
          if (nn::isCollective(other))
            return visitCollective(*other);
          return other->emitOpError() << "is in no kernel and is no library call; the kernels "
                                         "phase must come before lowering";
        });
  }

  LogicalResult visitCollective(Operation &op) {
    if (failed(nn::verifyPlacement(&op)))
      return failure();
    if (!nn::isContiguous(&op))
      return op.emitOpError() << "exchanges parts that are not contiguous; the kernels phase must "
                                 "come before lowering";
    unsigned source = of.at(op.getOperand(0)), target = define(op.getResult(0));
    add(TaskCommand::Collective, op, {{source, prog::Access::Read}, {target, prog::Access::Write}},
        machine.getTrafficSeconds(nn::getTraffic(&op)));
    return success();
  }

  LogicalResult visitLaunch(LaunchOp launch) {
    auto kernel =
        launch->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(launch.getKernel());
    std::vector<std::pair<unsigned, prog::Access>> uses;
    SmallVector<int> tied(launch.getNumResults(), -1);
    for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
      unsigned storage = of.at(launch.getOperands()[i]);
      auto inplace = kernel.getArgAttrOfType<IntegerAttr>(i, kInplaceAttr);
      if (inplace)
        tied[inplace.getInt()] = storage;
      uses.push_back({storage, inplace ? prog::Access::ReadWrite : prog::Access::Read});
    }
    for (auto [i, result] : llvm::enumerate(launch.getResults())) {
      if (tied[i] >= 0) {
        of[result] = tied[i];
        continue;
      }
      uses.push_back({define(result), prog::Access::Write});
    }
    add(TaskCommand::Launch, *launch, std::move(uses), getKernelSeconds(kernel, machine));
    return success();
  }

  // Sources, destination, workspace. Workspace is written before anything reads it and
  // dies with the command, so it shares bytes with whatever the command does not touch.
  LogicalResult visitLibraryCall(nn::LibraryOpInterface call) {
    std::vector<std::pair<unsigned, prog::Access>> uses;
    for (Value source : call.getLibrarySources())
      uses.push_back({of.at(source), prog::Access::Read});
    Value result = call->getResult(0);
    if (Value accumulator = call.getAccumulator()) {
      of[result] = of.at(accumulator);
      uses.push_back({of[result], prog::Access::ReadWrite});
    } else {
      uses.push_back({define(result), prog::Access::Write});
    }
    int64_t bytes = 0;
    for (auto [storage, access] : uses)
      bytes += task.storage[storage].bytes();
    if (int64_t workspace = call.getWorkspaceBytes()) {
      auto type = prog::SlotType::getOfBytes(call->getContext(), workspace);
      uses.push_back({add({Storage::Temporary, RoleKind::Kept, 0, type, {}}), prog::Access::Write});
      bytes += 2 * workspace; // written and read once
    }
    add(TaskCommand::Call, *call, std::move(uses),
        machine.launchOverhead + machine.getCallSeconds(cast<nn::CostOpInterface>(*call).getFlops(),
                                                        bytes, nn::getOperandBits(*call)));
    return success();
  }

  void copyResults() {
    Operation *terminator = half.front().getTerminator();
    for (unsigned i = 0; i < half.getNumResults(); ++i) {
      Value value = terminator->getOperand(i);
      unsigned from = of.at(value), to = roleStorage(getResultRole(half, i), value.getType());
      if (from == to)
        continue;
      TaskCommand copy{TaskCommand::Copy,
                       nullptr,
                       {{from, prog::Access::Read}, {to, prog::Access::Write}},
                       machine.launchOverhead +
                           machine.getKernelSeconds(0, 2 * task.storage[to].bytes()),
                       terminator->getLoc()};
      task.commands.push_back(std::move(copy));
    }
  }

  func::FuncOp half;
  const Machine &machine;
  llvm::DenseMap<Value, unsigned> of;
  llvm::DenseMap<Value, RoleAttr> preferred;
};

} // namespace

int TaskCommands::find(RoleKind role, unsigned index) const {
  for (unsigned i = 0; i < storage.size(); ++i)
    if (storage[i].kind == Storage::Role && storage[i].role == role && storage[i].index == index)
      return i;
  return -1;
}

double TaskCommands::seconds() const {
  double sum = 0;
  for (const TaskCommand &command : commands)
    sum += command.seconds;
  return sum;
}

FailureOr<TaskCommands> readTask(func::FuncOp half, const Machine &machine) {
  Reader reader(half, machine);
  if (failed(reader.read()))
    return failure();
  return std::move(reader.task);
}

double getKernelSeconds(func::FuncOp kernel, const Machine &machine) {
  int64_t bytes = 0, flops = 0;
  for (Type type : kernel.getArgumentTypes())
    bytes += nn::getByteSize(type);
  for (Type type : kernel.getResultTypes()) // a result in place of an argument is written there
    bytes += nn::getByteSize(type);
  kernel.walk([&](nn::CostOpInterface cost) { flops += cost.getFlops(); });
  return machine.launchOverhead + machine.getKernelSeconds(flops, bytes);
}

} // namespace dpc::lowering
