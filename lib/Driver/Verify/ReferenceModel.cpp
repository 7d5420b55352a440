// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One stage, three functions, evaluated one after the other; see ReferenceModel.h.
#include "dpc/Driver/Verify/ReferenceModel.h"

#include "dpc/Autodiff/Passes.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "dpc/Partition/Passes.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <set>

using namespace mlir;
using namespace dpc::dualpipe;
using dpc::reference::Tensor;

namespace dpc::verify {
namespace {

using Values = SmallVector<Tensor>; // per member
using Role = std::pair<RoleKind, unsigned>;

FailureOr<Values> splitOverMembers(RankedTensorType type, const std::string &bytes, int64_t members,
                                   func::FuncOp at, StringRef name) {
  if (bytes.size() % members != 0) {
    at.emitError() << "input '" << name << "' has " << bytes.size() << " bytes for " << members
                   << " ranks";
    return failure();
  }
  size_t each = bytes.size() / members;
  Values values;
  for (int64_t m = 0; m < members; ++m)
    values.push_back(Tensor::fromBytes(type, ArrayRef(bytes.data() + m * each, each)));
  return values;
}

// The members' values one after the other: the stored tensor.
Tensor joinMembers(const Values &values) {
  Tensor whole = values.front();
  whole.shape.insert(whole.shape.begin(), values.size());
  for (const Tensor &other : llvm::drop_begin(values))
    whole.floats.insert(whole.floats.end(), other.floats.begin(), other.floats.end());
  return whole;
}

} // namespace

// Rows of tables that are looked up with a padding row, before the tables' names are
// lost to the arguments of a body.
static HeldElements findPaddingRows(ModuleOp module) {
  HeldElements held;
  module.walk([&](nn::GatherOp gather) {
    std::optional<uint64_t> row = gather.getPaddingRow();
    Value table = gather.getTable();
    bool isTransposed = false;
    while (isa_and_nonnull<nn::CastOp, nn::TransposeOp>(table.getDefiningOp())) {
      isTransposed ^= isa<nn::TransposeOp>(table.getDefiningOp());
      table = table.getDefiningOp()->getOperand(0);
    }
    auto get = table.getDefiningOp<nn::GetOp>();
    if (!row || !get)
      return;
    auto type = cast<RankedTensorType>(get.getType());
    int64_t rows = cast<RankedTensorType>(gather.getTable().getType()).getDimSize(0),
            width = type.getNumElements() / rows;
    for (int64_t i = 0; i < width; ++i)
      held[get.getParameter().str()].push_back(isTransposed ? i * rows + int64_t(*row)
                                                            : int64_t(*row) * width + i);
  });
  return held;
}

FailureOr<ReferenceModel> ReferenceModel::load(StringRef bytecode, int64_t experts,
                                               MLIRContext *context) {
  ReferenceModel model;
  model.module = parseSourceString<ModuleOp>(bytecode, context);
  if (!model.module)
    return failure();
  model.held = findPaddingRows(*model.module);
  PassManager passes(context);
  partition::PartitionOptions partition;
  partition::buildPartitionPipeline(passes, partition);
  // Without a choice of residuals nothing is computed twice: the plainest form.
  passes.addPass(autodiff::createDualPipeDifferentiate());
  if (failed(passes.run(*model.module)))
    return failure();
  auto stages = llvm::to_vector(model.module->getOps<StageOp>());
  if (stages.size() != 1) {
    model.module->emitError() << "has " << stages.size() << " stages where one was asked for";
    return failure();
  }
  model.stage = stages.front();
  model.body = SymbolTable::lookupNearestSymbolFrom<BodyOp>(model.stage, model.stage.getBodyAttr());
  model.options.mesh.push_back({"ep", experts});
  // From the last function to the first, which what is decided depends on.
  std::set<Role> wanted;
  for (StringRef name : {kWeightHalf, kInputHalf, kForward}) {
    auto function = model.body.lookupSymbol<func::FuncOp>(name);
    if (!function)
      continue;
    SmallVector<bool> &results = model.decisive[name.str()];
    for (unsigned r = 0; r < function.getNumResults(); ++r) {
      RoleAttr role = getResultRole(function, r);
      results.push_back(wanted.count({role.getKind(), role.getIndex()}));
    }
    llvm::DenseSet<Value> values = reference::findDecisive(function.front(), results);
    for (BlockArgument argument : function.getArguments())
      if (values.contains(argument)) {
        RoleAttr role = getArgRole(function, argument.getArgNumber());
        wanted.insert({role.getKind(), role.getIndex()});
      }
  }
  return model;
}

Type ReferenceModel::getType(StringRef parameter) const {
  nn::ParameterOp op = lookup(parameter);
  return op ? Type(nn::getKeptType(op)) : Type();
}

nn::ParameterOp ReferenceModel::lookup(StringRef parameter) const {
  return const_cast<ReferenceModel *>(this)->module->lookupSymbol<nn::ParameterOp>(parameter);
}

FailureOr<MicroBatchResult>
ReferenceModel::run(const std::map<std::string, std::string> &inputs,
                    const NamedTensors &parameters, bool gradients, reference::Precision precision,
                    std::shared_ptr<reference::Decisions> decisions) const {
  reference::Options chosen = options;
  chosen.precision = precision;
  chosen.decidesByTypes = !decisions;
  int64_t members = options.mesh.front().size;
  std::map<Role, Values> known;
  StageOp stage = this->stage;
  auto parameterName = [&](unsigned index) {
    return cast<FlatSymbolRefAttr>(stage.getParams()[index]).getValue().str();
  };

  auto argument = [&](func::FuncOp function, unsigned index) -> FailureOr<Values> {
    RoleAttr role = getArgRole(function, index);
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
    if (auto found = known.find({role.getKind(), role.getIndex()}); found != known.end())
      return found->second;
    switch (role.getKind()) {
    case RoleKind::Feed: {
      std::string name = cast<StringAttr>(stage.getFeeds()[role.getIndex()]).str();
      auto found = inputs.find(name);
      if (found == inputs.end()) {
        function.emitError() << "there is no input '" << name << "'";
        return failure();
      }
      return splitOverMembers(type, found->second, members, function, name);
    }
    case RoleKind::Param: {
      auto found = parameters.find(parameterName(role.getIndex()));
      if (found == parameters.end()) {
        function.emitError() << "there is no parameter '" << parameterName(role.getIndex()) << "'";
        return failure();
      }
      if (!nn::isSharded(lookup(found->first)))
        return Values(members, found->second);
      Values parts;
      for (int64_t m = 0; m < members; ++m)
        parts.push_back(found->second.part(m));
      return parts;
    }
    case RoleKind::LossScale:
      return Values(members, Tensor::fromFloats({}, {1}));
    default:
      function.emitError() << "argument " << index << " (" << role
                           << ") is given by no function before";
      return failure();
    }
  };

  auto evaluate = [&](StringRef name) -> LogicalResult {
    auto function = const_cast<BodyOp &>(body).lookupSymbol<func::FuncOp>(name);
    if (!function)
      return success();
    SmallVector<SmallVector<Tensor>> arguments(members);
    for (unsigned a = 0; a < function.getNumArguments(); ++a) {
      FailureOr<Values> values = argument(function, a);
      if (failed(values))
        return failure();
      for (int64_t m = 0; m < members; ++m)
        arguments[m].push_back((*values)[m]);
    }
    chosen.decisiveResults = decisive.at(name.str());
    chosen.decisions = name == kForward ? decisions : nullptr;
    auto results = reference::evaluateMembers(function, arguments, {}, chosen);
    if (failed(results))
      return failure();
    for (unsigned r = 0; r < function.getNumResults(); ++r) {
      RoleAttr role = getResultRole(function, r);
      Values &values = known[{role.getKind(), role.getIndex()}];
      values.clear();
      for (auto &member : *results)
        values.push_back(std::move(member[r]));
    }
    return success();
  };

  if (failed(evaluate(kForward)))
    return failure();
  MicroBatchResult result;
  auto scalars = [&](RoleKind kind, double otherwise) {
    std::vector<double> values(members, otherwise);
    if (auto found = known.find({kind, 0}); found != known.end())
      for (int64_t m = 0; m < members; ++m)
        values[m] = found->second[m].at(0);
    return values;
  };
  result.losses = scalars(RoleKind::Loss, 0);
  result.dens = scalars(RoleKind::Den, 1);
  if (!gradients)
    return result;
  if (failed(evaluate(kInputHalf)) || failed(evaluate(kWeightHalf)))
    return failure();
  for (auto &[role, values] : known) {
    if (role.first != RoleKind::ParamGrad)
      continue;
    std::string name = parameterName(role.second);
    if (nn::isSharded(lookup(name))) {
      result.gradients[name] = joinMembers(values);
      continue;
    }
    Tensor sum = std::move(values.front());
    for (const Tensor &other : llvm::drop_begin(values))
      for (auto [to, from] : llvm::zip_equal(sum.floats, other.floats))
        to += from;
    result.gradients[name] = std::move(sum);
  }
  return result;
}

} // namespace dpc::verify
