// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Definition.h.
#include "Definition.h"

#include "dpc/Dialect/NN/Element.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "dpc/Schedule/core/Text.h"
#include "program/format/Outputs.h"
#include "program/format/StepRecord.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::proof {

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

LogicalResult Definition::read(StringRef entry) {
  for (TrainingOp op : module.getOps<TrainingOp>())
    training = op;
  if (!training)
    return module.emitError() << "has no dualpipe.training, which says what a step is";
  if (failed(readSchedule(entry)))
    return failure();
  readParameters();
  findReaders();
  return success();
}

// Training has its schedule's name; evaluation follows the first one's placement.
LogicalResult Definition::readSchedule(StringRef entry) {
  SmallVector<ScheduleOp> schedules(module.getOps<ScheduleOp>());
  ScheduleOp chosen;
  for (ScheduleOp schedule : schedules)
    if (schedule.getSymName() == entry)
      chosen = schedule;
  if (!chosen) {
    evaluation = true;
    chosen = schedules.empty() ? ScheduleOp() : schedules.front();
  }
  if (!chosen)
    return module.emitError() << "has no schedule that says what entry point '" << entry
                              << "' is to compute";
  auto parsed = schedule::parseText(chosen.getText().str());
  if (!parsed.ok())
    return chosen.emitOpError() << "has a text that is not a schedule: " << parsed.error();
  table = std::move(*parsed);
  words.grid.pp = table.ranks;
  words.grid.dp = nn::getMeshSize(module, "dp").value_or(1);
  words.grid.ep = nn::getMeshSize(module, "ep").value_or(1);
  return readStages(chosen.getStages());
}

LogicalResult Definition::readStages(ArrayAttr symbols) {
  llvm::StringMap<unsigned> numbers;
  for (Attribute symbol : symbols) {
    auto op = module.lookupSymbol<StageOp>(cast<FlatSymbolRefAttr>(symbol).getAttr());
    FailureOr<Body *> body = readHalves(module.lookupSymbol<BodyOp>(op.getBodyAttr().getAttr()));
    if (failed(body))
      return failure();
    Stage stage;
    stage.op = op;
    stage.body = *body;
    for (Attribute attr : op.getInputs()) {
      auto source = cast<SourceAttr>(attr);
      auto it = numbers.find(source.getStage().getValue());
      if (it == numbers.end())
        return op.emitOpError() << "reads from " << source.getStage()
                                << ", which is no earlier stage of the schedule";
      stage.inputs.push_back({it->second, source.getIndex()});
    }
    for (Attribute feed : op.getFeeds())
      stage.feeds.push_back(cast<StringAttr>(feed).str());
    for (Attribute parameter : op.getParams())
      stage.parameters.push_back(cast<FlatSymbolRefAttr>(parameter).getValue().str());
    if (ArrayAttr outputs = op.getGraphOutputsAttr())
      for (Attribute output : outputs)
        stage.graphOutputs.push_back(cast<StringAttr>(output).str());
    for (const BodyCode::Role &result : (*body)->halves[Forward]->results) {
      if (result.kind == RoleKind::Loss)
        lossStage = stages.size();
      hasFault |= result.kind == RoleKind::Fault;
    }
    numbers[op.getSymName()] = stages.size();
    stages.push_back(std::move(stage));
  }
  return success();
}

FailureOr<Definition::Body *> Definition::readHalves(BodyOp op) {
  auto [it, isNew] = bodies.try_emplace(op.getSymName().str());
  Body &body = it->second;
  if (!isNew)
    return &body;
  func::FuncOp functions[3] = {op.getForward(), op.getInputHalf(), op.getWeightHalf()};
  if (evaluation) {
    functions[Forward] = op.getEvaluation();
    functions[Input] = functions[Weight] = {};
  }
  for (Half half : {Forward, Input, Weight}) {
    if (!functions[half])
      continue;
    FailureOr<BodyCode> code = readBody(functions[half], words);
    if (failed(code))
      return failure();
    body.halves[half] = std::move(*code);
  }
  if (!body.halves[Forward])
    return op.emitOpError() << "has no " << (evaluation ? kEvaluation : kForward) << " function";
  return &body;
}

void Definition::readParameters() {
  for (auto [number, stage] : llvm::enumerate(stages)) {
    for (const std::string &name : stage.parameters) {
      Parameter &parameter = parameters[name];
      parameter.op = module.lookupSymbol<nn::ParameterOp>(name);
      parameter.isSharded = nn::isSharded(parameter.op);
      for (const schedule::Replica &replica : table.replicas)
        parameter.holders.push_back(replica.rankOfStage[number]);
    }
    if (const auto &weight = stage.body->halves[Weight])
      for (const BodyCode::Role &result : weight->results)
        if (result.kind == RoleKind::ParamGrad) {
          Parameter &parameter = parameters[stage.parameters[result.index]];
          parameter.isTrained = true;
          parameter.keptBytes = result.bytes;
        }
  }
  for (auto &[name, parameter] : parameters) {
    llvm::sort(parameter.holders);
    parameter.holders.erase(std::unique(parameter.holders.begin(), parameter.holders.end()),
                            parameter.holders.end());
  }
}

// Contributions to a value are added in descending order of its consumers.
void Definition::findReaders() {
  for (unsigned consumer = stages.size(); consumer-- > 0;) {
    const auto &half = stages[consumer].body->halves[Input];
    if (!half)
      continue;
    for (auto [input, source] : llvm::enumerate(stages[consumer].inputs)) {
      bool sends = llvm::any_of(half->results, [&, input = input](const BodyCode::Role &result) {
        return result.kind == RoleKind::InputGrad && result.index == input;
      });
      if (!sends)
        continue;
      auto &readers = stages[source.first].readers;
      if (readers.size() <= source.second)
        readers.resize(source.second + 1);
      readers[source.second].push_back({consumer, unsigned(input)});
    }
  }
}

//===----------------------------------------------------------------------===//
// Computing
//===----------------------------------------------------------------------===//

LogicalResult Definition::compute() {
  values.resize(uint64_t(stages.size()) * microBatches() * words.grid.ep);
  for (unsigned m = 0; m < microBatches(); ++m) {
    for (unsigned s = 0; s < stages.size(); ++s)
      if (failed(computeHalf(Forward, s, m)))
        return failure();
    for (unsigned s = stages.size(); s-- > 0;)
      if (stages[s].body->halves[Input] || stages[s].body->halves[Weight])
        if (failed(gatherOutputGrads(s, m)) || failed(computeHalf(Input, s, m)))
          return failure();
  }
  if (evaluation)
    return success();
  sums.resize(words.grid.ranks());
  for (unsigned replica = 0; replica < words.grid.dp; ++replica)
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      if (failed(computeWeightHalves(replica, rank)))
        return failure();
  sumOverHolders();
  return success();
}

LogicalResult Definition::computeWeightHalves(unsigned replica, unsigned rank) {
  const unsigned first = replica * table.microBatches;
  for (const schedule::Action &action : table.actions[rank])
    for (const schedule::Task *task : {&action.first, action.second ? &*action.second : nullptr})
      if (task && (task->kind == schedule::Kind::Backward || task->kind == schedule::Kind::Weight))
        if (failed(computeHalf(Weight, task->stage, first + task->microBatch, rank)))
          return failure();
  return success();
}

FailureOr<Term> Definition::argument(const BodyCode::Role &role, unsigned stage,
                                     unsigned microBatch, unsigned e, unsigned rank) {
  const Stage &at = stages[stage];
  auto known = [&](unsigned s, RoleKind kind, unsigned index) -> FailureOr<Term> {
    const Values &of = valuesOf(s, microBatch, e);
    auto it = of.find({kind, index});
    if (it != of.end())
      return it->second;
    return StageOp(at.op).emitOpError()
           << "reads " << stringifyRoleKind(kind) << " " << index << " of "
           << StageOp(stages[s].op).getSymName() << ", which nothing has made";
  };
  switch (role.kind) {
  case RoleKind::Input:
    return known(at.inputs[role.index].first, RoleKind::Output, at.inputs[role.index].second);
  case RoleKind::Feed:
    return words.input(at.feeds[role.index], microBatch, e, role.bytes);
  case RoleKind::Param:
    return words.parameter(at.parameters[role.index], "weight", e, role.bytes);
  case RoleKind::Accumulator:
    return sumOf({rank, microBatch / table.microBatches, e}, at.parameters[role.index]);
  case RoleKind::LossScale:
    return terms.join({{words.recordHeader(sizeof(dpcrt::StepHeader)),
                        offsetof(dpcrt::StepHeader, lossScale), role.bytes}});
  default:
    return known(stage, role.kind, role.index);
  }
}

LogicalResult Definition::computeHalf(Half half, unsigned stage, unsigned microBatch,
                                      unsigned rank) {
  const auto &code = stages[stage].body->halves[half];
  if (!code)
    return success();
  std::vector<std::vector<Term>> arguments(words.grid.ep), results;
  for (unsigned e = 0; e < words.grid.ep; ++e)
    for (const BodyCode::Role &role : code->arguments) {
      FailureOr<Term> term = argument(role, stage, microBatch, e, rank);
      if (failed(term))
        return failure();
      arguments[e].push_back(*term);
    }
  Site site = sites.open(*this, uint64_t(half) << 62 | uint64_t(stage) << 32 | microBatch,
                         code->operations.size() + 1);
  proof::compute(*code, terms, site, arguments, results);
  for (unsigned e = 0; e < words.grid.ep; ++e)
    for (auto [role, term] : llvm::zip(code->results, results[e]))
      if (role.kind == RoleKind::ParamGrad)
        sumOf({rank, microBatch / table.microBatches, e}, stages[stage].parameters[role.index]) =
            term;
      else
        valuesOf(stage, microBatch, e)[{role.kind, role.index}] = term;
  if (half == Forward)
    noteOutputs(stage, microBatch);
  return success();
}

void Definition::noteOutputs(unsigned stage, unsigned microBatch) {
  for (unsigned e = 0; e < words.grid.ep; ++e)
    for (const BodyCode::Role &role : stages[stage].body->halves[Forward]->results) {
      std::string name;
      switch (role.kind) {
      case RoleKind::Loss:
        name = dpcrt::kLossOutput;
        break;
      case RoleKind::Den:
        name = dpcrt::kDenOutput;
        break;
      case RoleKind::Fault:
        name = dpcrt::kFaultOutput;
        break;
      case RoleKind::GraphOutput:
        name = std::string(dpcrt::kGraphOutputPrefix) + stages[stage].graphOutputs[role.index];
        break;
      default:
        continue;
      }
      fetched[{name, microBatch, e}] = valuesOf(stage, microBatch, e).at({role.kind, role.index});
    }
}

// What the readers of an output send back, one after the other.
LogicalResult Definition::gatherOutputGrads(unsigned stage, unsigned microBatch) {
  Site site = sites.open(*this, uint64_t(3) << 62 | uint64_t(stage) << 32 | microBatch,
                         stages[stage].readers.size() + 1);
  for (auto [output, readers] : llvm::enumerate(stages[stage].readers)) {
    if (readers.empty())
      continue;
    Function sum = 0;
    for (unsigned e = 0; e < words.grid.ep; ++e) {
      std::vector<Term> sent;
      for (auto [consumer, input] : readers)
        sent.push_back(valuesOf(consumer, microBatch, e).at({RoleKind::InputGrad, input}));
      if (sent.size() > 1 && !sum) {
        func::FuncOp half = stages[readers[0].first].body->halves[Input]->function;
        int result = findResult(half, RoleKind::InputGrad, readers[0].second);
        sum = functions.sum(sent.size(), cast<RankedTensorType>(half.getResultTypes()[result]));
      }
      Term gradient = sent.front();
      if (sent.size() > 1)
        gradient = terms.apply(sum, sent.size(), sent, terms.bytesOf(sent.front()), site + output);
      valuesOf(stage, microBatch, e)[{RoleKind::OutputGrad, unsigned(output)}] = gradient;
    }
  }
  return success();
}

// The sum so far of a parameter's gradients on a rank; zero at first.
Term &Definition::sumOf(const dpcrt::RankPlace &place, const std::string &parameter) {
  auto [it, isNew] = sums[words.grid.rankOf(place)].try_emplace(parameter, 0);
  if (isNew)
    it->second = terms.join({{terms.fill(0), 0, parameters[parameter].keptBytes}});
  return it->second;
}

// Over all data-parallel replicas; on one coordinate of ep of what has values of its own
// there, else over all.
void Definition::sumOverHolders() {
  for (auto &[name, parameter] : parameters) {
    if (!parameter.isTrained)
      continue;
    Function sum = words.sum(*nn::getElement(parameter.op.getMasterType().getElementType()));
    for (unsigned e = 0; e < words.grid.ep; ++e) {
      std::vector<Pieces> members;
      for (unsigned rank : parameter.holders)
        for (unsigned replica = 0; replica < words.grid.dp; ++replica)
          for (unsigned other = 0; other < words.grid.ep; ++other)
            if (other == e || !parameter.isSharded)
              members.push_back(terms.whole(sumOf({rank, replica, other}, name)));
      Pieces total = members.front();
      if (members.size() > 1) {
        total.clear();
        terms.combine(sum, members, 0, total);
      }
      gradients[{name, e}] = terms.join(total);
    }
  }
}

Term Definition::gradient(const std::string &parameter, unsigned e) const {
  return gradients.at({parameter, e});
}

std::optional<Term> Definition::lossScalar(const std::string &name, const dpcrt::RankPlace &place,
                                           unsigned microBatch) const {
  auto it = fetched.find({name, place.dp * table.microBatches + microBatch, place.ep});
  if (it == fetched.end() || lossStage < 0 || table.rankOf(lossStage, microBatch) != place.pp)
    return std::nullopt;
  return it->second;
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

std::string Definition::describe(uint64_t range, uint32_t index) const {
  static constexpr const char *halves[] = {"forward", "input half", "weight half"};
  const unsigned half = range >> 62, stage = (range >> 32) & 0x3FFFFFFF, microBatch = range;
  std::string where = "stage " + StageOp(stages[stage].op).getSymName().str() + ", micro-batch " +
                      std::to_string(microBatch);
  if (half == 3)
    return "the gradient of output " + std::to_string(index) + " of " + where;
  const BodyCode &code = *stages[stage].body->halves[half];
  std::string node =
      index < code.operations.size() ? nn::describe(code.operations[index].op->getLoc()) : "";
  return (node.empty() ? "operation " + std::to_string(index) : "node '" + node + "'") +
         " in the " + halves[half] + " of " + where;
}

} // namespace dpc::proof
