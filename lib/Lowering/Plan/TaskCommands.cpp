// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From operations of a half to commands on storage; see TaskCommands.h.
#include "TaskCommands.h"

#include "dpc/Dialect/NN/Collectives.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int i = (int)shape.size() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

int64_t matmulFlops(nn::MatmulOp matmul) {
  auto extents = matmul.getExtents();
  int64_t flops = 2 * extents.m * extents.n * extents.k;
  for (int64_t b : extents.batch)
    flops *= b;
  return flops;
}

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
  unsigned roleStorage(RoleAttr role, Type type) {
    RoleKind kind = role.getKind() == RoleKind::ParamGrad ? RoleKind::Accumulator : role.getKind();
    int known = task.find(kind, role.getIndex());
    if (known >= 0)
      return known;
    task.storage.push_back({Storage::Role, kind, role.getIndex(), nn::getByteSize(type), {}});
    return task.storage.size() - 1;
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
    task.storage.push_back(
        {Storage::Temporary, RoleKind::Kept, 0, nn::getByteSize(value.getType()), {}});
    return of[value] = task.storage.size() - 1;
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
          task.storage.push_back({Storage::Constant, RoleKind::Kept, 0,
                                  nn::getByteSize(constant.getType()), constant.getValue()});
          of[constant.getResult()] = task.storage.size() - 1;
          return success();
        })
        .Case([&](LaunchOp launch) { return visitLaunch(launch); })
        .Case([&](nn::MatmulOp matmul) { return visitMatmul(matmul); })
        .Default([&](Operation *other) -> LogicalResult {
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

  LogicalResult visitMatmul(nn::MatmulOp matmul) {
    std::vector<std::pair<unsigned, prog::Access>> uses = {
        {of.at(matmul.getLhs()), prog::Access::Read}, {of.at(matmul.getRhs()), prog::Access::Read}};
    if (Value accumulator = matmul->getNumOperands() > 2 ? matmul->getOperand(2) : Value()) {
      unsigned storage = of.at(accumulator);
      uses.push_back({storage, prog::Access::ReadWrite});
      of[matmul.getResult()] = storage;
    } else {
      uses.push_back({define(matmul.getResult()), prog::Access::Write});
    }
    int64_t bytes = 0;
    for (auto [storage, access] : uses)
      bytes += task.storage[storage].bytes;
    add(TaskCommand::Matmul, *matmul, std::move(uses),
        machine.launchOverhead + machine.getWorkSeconds(matmulFlops(matmul), bytes, true));
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
                           machine.getWorkSeconds(0, 2 * task.storage[to].bytes, false),
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
  return machine.launchOverhead + machine.getWorkSeconds(flops, bytes, false);
}

prog::MatmulAttr describeMatmul(nn::MatmulOp matmul, bool accumulate) {
  auto extents = matmul.getExtents();
  unsigned rank = extents.batch.size() + 2;
  // Stride of logical dimension j is the stored stride of dimension perm[j].
  auto operandStrides = [&](Value value, ArrayRef<int64_t> perm) {
    SmallVector<int64_t> stored =
                             rowMajorStrides(cast<RankedTensorType>(value.getType()).getShape()),
                         logical(rank);
    for (unsigned j = 0; j < rank; ++j)
      logical[j] = stored[perm[j]];
    return logical;
  };
  SmallVector<int64_t> stored = rowMajorStrides(matmul.getType().getShape()), dst(rank);
  for (auto [i, j] : llvm::enumerate(matmul.getResultPermutation()))
    dst[j] = stored[i];

  // Blocks: about eight million operations each, at most four, along the longer
  // side. Batches are blocks already.
  int64_t batches = 1;
  for (int64_t b : extents.batch)
    batches *= b;
  int64_t rows = extents.m, columns = extents.n;
  int64_t pieces = std::clamp<int64_t>(matmulFlops(matmul) / 8000000, 1, 4);
  if (batches == 1 && pieces > 1) {
    int64_t &side = extents.m >= extents.n ? rows : columns;
    side = std::min(side, ((side + pieces - 1) / pieces + 63) / 64 * 64);
  }
  return prog::MatmulAttr::get(matmul.getContext(), extents.batch, extents.m, extents.n, extents.k,
                               operandStrides(matmul.getLhs(), matmul.getLhsPermutation()),
                               operandStrides(matmul.getRhs(), matmul.getRhsPermutation()), dst,
                               accumulate, rows, columns);
}

} // namespace dpc::lowering
