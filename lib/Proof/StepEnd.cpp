// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepEnd.h.
#include "StepEnd.h"

#include "dpc/Dialect/NN/Element.h"
#include "dpc/Optimizer/Update.h"
#include "program/format/Outputs.h"
#include "program/format/Program.h"
#include "program/format/StepRecord.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::proof {

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

std::string StepEnd::readParts(const Outcome &outcome) {
  for (uint32_t rank = 0; rank < outcome.ranks.size(); ++rank)
    for (auto &[name, found] : outcome.ranks[rank].parameters) {
      if (found.kept.count < dpcrt::elementsOf(*found.declared))
        inParts.insert(name);
      if (definition.parameters.at(name).isTrained && found.kept.count > 0)
        parts[{name, words.grid.placeOf(rank).ep}].push_back(found.kept);
    }
  findMirrors();
  for (auto &[name, parameter] : definition.parameters) {
    if (!parameter.isTrained)
      continue;
    const uint64_t elements = nn::ParameterOp(parameter.op).getMasterType().getNumElements();
    for (unsigned e = 0; e < words.grid.ep; ++e) {
      std::vector<dpcrt::Extent> &own = parts[{name, e}];
      // What expert ranks have alike they may have cut among them.
      for (unsigned other = 0; other < words.grid.ep && !parameter.isSharded; ++other)
        if (other != e)
          own.insert(own.end(), parts[{name, other}].begin(), parts[{name, other}].end());
      auto key = [](const dpcrt::Extent &x) { return std::pair(x.begin, x.count); };
      std::sort(own.begin(), own.end(), [&](auto &a, auto &b) { return key(a) < key(b); });
      own.erase(
          std::unique(own.begin(), own.end(), [&](auto &a, auto &b) { return key(a) == key(b); }),
          own.end());
      uint64_t end = 0;
      for (const dpcrt::Extent &part : own) {
        if (part.begin != end)
          break;
        end = part.end();
      }
      if (end != elements)
        return "the parts of parameter '" + name + "' that ranks update do not have each of its " +
               std::to_string(elements) + " elements once";
    }
  }
  return "";
}

//===----------------------------------------------------------------------===//
// The norm
//===----------------------------------------------------------------------===//

// A rank's sum of squares is the last of the running sums over all its blocks. Which
// block comes first is the program's choice; that each block of each gradient is there
// once, on one rank, is not.
std::string StepEnd::readNorm(const Outcome &outcome) {
  squares.assign(outcome.ranks.size(), {{terms.fill(0), 0, 4}});
  for (unsigned replica = 0; replica < words.grid.dp; ++replica)
    for (unsigned e = 0; e < words.grid.ep; ++e)
      if (std::string problem = readNorm(outcome, replica, e); !problem.empty())
        return problem;
  return "";
}

// The ranks that run the same program on other data each count a part of what is the same
// on all of them.
std::string StepEnd::readNorm(const Outcome &outcome, unsigned replica, unsigned e) {
  Function finalize =
      functions.finalize(TrainingOp(definition.training).getWeighting(), mirrorWords());
  Function sum = words.sum(dpcrt::Element::F32);
  // What the blocks of all gradients must be, and how often each was found.
  std::map<Term, std::pair<std::string, unsigned>> wanted;
  for (auto &[name, parameter] : definition.parameters) {
    if (!parameter.isTrained)
      continue;
    RankedTensorType type = nn::ParameterOp(parameter.op).getMasterType();
    const int64_t elements = type.getNumElements(), size = parameter.keptBytes / elements;
    const Term gradient = definition.gradient(name, e);
    const int64_t counters = words.grid.dp * (parameter.isSharded ? 1 : words.grid.ep);
    auto add = [&, &name = name](int64_t blocks, int64_t length, int64_t first) {
      if (blocks * length == 0)
        return;
      Pieces part;
      terms.cut(gradient, first * size, blocks * length * size, part);
      Function function = functions.blockSquares(blocks, length, type.getElementType(), counters);
      wanted[terms.apply(function, 1, {terms.join(part)}, 4 * blocks, 0)] = {name, 0};
    };
    for (const dpcrt::Extent &extent : partsOf(name, e)) {
      const int64_t whole = extent.count / optimizer::kSquareBlock * optimizer::kSquareBlock;
      add(whole / optimizer::kSquareBlock, optimizer::kSquareBlock, extent.begin);
      add(1, extent.count - whole, extent.begin + whole);
    }
  }
  for (unsigned coordinate = 0; coordinate < definition.ranks(); ++coordinate) {
    const uint32_t rank = words.grid.rankOf({coordinate, replica, e});
    const FinalRank &ended = outcome.ranks[rank];
    std::string where = "rank " + std::to_string(coordinate);
    if (!ended.header || terms.functionOf(*ended.header) != finalize)
      return "the step record of " + where + " is not what the step's statistics make it";
    // Statistics are {den, squares, flag, 0, mirrors}; over several ranks each is a sum.
    Pieces statistics;
    terms.cut(terms.argumentsOf(*ended.header).front(), 4, 4, statistics);
    Piece squaresHere = statistics.front();
    Pieces own;
    if (terms.functionOf(squaresHere.term) == sum) {
      std::vector<Term> members = terms.argumentsOf(squaresHere.term);
      if (members.size() != outcome.ranks.size())
        return "the norm on " + where + " is summed over " + std::to_string(members.size()) +
               " ranks, not over all " + std::to_string(outcome.ranks.size());
      terms.cut(members[rank], squaresHere.offset, 4, own);
    } else {
      own = statistics;
    }
    squares[rank] = own;
    if (terms.isFill(own.front().term))
      continue;
    const Term running = own.front().term;
    const uint64_t bytes = terms.bytesOf(running);
    if (own.front().offset + 4 != bytes ||
        terms.functionOf(running) != functions.runningSum(bytes / 4))
      return "the sum of squared gradients of " + where + " is not the sum over all its blocks";
    for (const Piece &piece : terms.whole(terms.argumentsOf(running).front())) {
      if (terms.isFill(piece.term) && terms.patternOf(piece.term) == 0)
        continue;
      auto it = wanted.find(piece.term);
      if (it == wanted.end() || piece.offset != 0 || piece.bytes != terms.bytesOf(piece.term))
        return "the norm on " + where + " counts what is no gradient's squares";
      if (++it->second.second > 1)
        return "the norm counts the gradient of parameter '" + it->second.first + "' twice";
    }
  }
  for (auto &[term, parameter] : wanted)
    if (parameter.second == 0)
      return "the norm does not count the gradient of parameter '" + parameter.first + "'";
  return "";
}

//===----------------------------------------------------------------------===//
// Mirrors
//===----------------------------------------------------------------------===//

void StepEnd::findMirrors() {
  uint64_t most = 1;
  for (auto &[name, parameter] : definition.parameters) {
    const uint64_t replicas = words.grid.dp * (parameter.isSharded ? 1 : words.grid.ep);
    if (parameter.holders.size() * replicas < 2)
      continue;
    mirrors[{parameter.holders, parameter.isSharded}].push_back(name);
    most = std::max<uint64_t>(most, parameter.holders.size() * words.grid.dp * words.grid.ep);
  }
  digitBits = optimizer::mirrorDigitBits(most);
}

// Of what is there before the update. What lies where a hash goes is zero, for a run that does
// not compare mirrors leaves that there.
Term StepEnd::mirrorHash(const std::vector<std::string> &set, unsigned e) {
  Pieces rows;
  for (const std::string &name : set) {
    const Definition::Parameter &parameter = definition.parameters.at(name);
    auto op = nn::ParameterOp(parameter.op);
    auto computed = cast<RankedTensorType>(op.getType()), kept = op.getMasterType();
    auto add = [&](StringRef what, RankedTensorType type) {
      appendRows(words.parameter(name, what, e, nn::getByteSize(type)), type, rows);
    };
    add("weight", computed);
    if (kept != computed && !inParts.count(name))
      add("master", kept);
  }
  const uint64_t bytes = byteCount(rows);
  return terms.apply(functions.hashTotal(bytes / 4), 1, {terms.join(rows), zeros(4)}, 4, 0);
}

void StepEnd::appendRows(Term value, RankedTensorType type, Pieces &to) {
  const optimizer::HashedWords hashed =
      optimizer::hashedWords(type.getElementType(), type.getNumElements());
  const uint64_t size = nn::getByteSize(type) / hashed.count;
  auto add = [&](int64_t count, int64_t length, int64_t first) {
    if (count * length == 0)
      return;
    Pieces part;
    terms.cut(value, first * size, count * length * size, part);
    const uint64_t bytes = 4 * count;
    append(terms, to,
           {terms.apply(functions.rowHashes(count, length, hashed.type), 1,
                        {terms.join(part), zeros(bytes)}, bytes, 0),
            0, bytes});
  };
  const int64_t whole = hashed.count / optimizer::kHashRow;
  add(whole, optimizer::kHashRow, 0);
  add(1, hashed.count % optimizer::kHashRow, whole * optimizer::kHashRow);
  if (const uint64_t over = byteCount(to) % dpcrt::kAlignment)
    append(terms, to, {terms.fill(0), 0, dpcrt::kAlignment - over});
}

void StepEnd::appendMirrors(const dpcrt::RankPlace &place, Pieces &to) {
  for (auto &[key, set] : mirrors) {
    auto &[holders, isSharded] = key;
    const unsigned experts = isSharded ? 1 : words.grid.ep;
    const uint64_t bytes = 4 * optimizer::mirrorDigits(digitBits);
    Term digits = terms.fill(0);
    if (llvm::is_contained(holders, place.pp)) {
      const bool isFirst =
          place.pp == holders.front() && place.dp == 0 && (isSharded || place.ep == 0);
      const int64_t copies = int64_t(holders.size()) * words.grid.dp * experts;
      digits = terms.apply(functions.mirrorDigits(digitBits, isFirst ? copies - 1 : -1), 1,
                           {mirrorHash(set, place.ep), zeros(bytes)}, bytes, 0);
    }
    append(terms, to, {digits, 0, bytes});
  }
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

Pieces StepEnd::statisticsOf(const dpcrt::RankPlace &place) {
  const int64_t count = definition.schedule().microBatches;
  auto gather = [&](const char *name, uint64_t bytes) {
    Pieces all;
    for (unsigned m = 0; m < count; ++m) {
      std::optional<Term> own = definition.lossScalar(name, place, m);
      append(terms, all, {own.value_or(terms.fill(0)), 0, bytes});
    }
    return terms.join(all);
  };
  Pieces result;
  append(terms, result,
         {terms.apply(functions.total(count), 1, {gather(dpcrt::kDenOutput, 4)}, 4, 0), 0, 4});
  append(terms, result, squares[words.grid.rankOf(place)].front());
  std::vector<Term> watched = {gather(dpcrt::kLossOutput, 4)};
  if (definition.hasFault)
    watched.push_back(gather(dpcrt::kFaultOutput, 8));
  Term flag =
      terms.apply(functions.flag(count, definition.hasFault), watched.size(), watched, 4, 0);
  append(terms, result, {flag, 0, 4});
  append(terms, result, {terms.fill(0), 0, 4});
  appendMirrors(place, result);
  return result;
}

Term StepEnd::statistics() {
  std::vector<Pieces> members;
  for (uint32_t rank = 0; rank < words.grid.ranks(); ++rank)
    members.push_back(statisticsOf(words.grid.placeOf(rank)));
  if (members.size() == 1)
    return terms.join(members.front());
  Pieces total;
  terms.combine(words.sum(dpcrt::Element::F32), members, 0, total);
  return terms.join(total);
}

Term StepEnd::header() {
  if (!madeHeader) {
    Function finalize =
        functions.finalize(TrainingOp(definition.training).getWeighting(), mirrorWords());
    const uint64_t bytes = sizeof(dpcrt::StepHeader);
    // As the host wrote it, and with how the step before ended.
    Term given = words.recordHeader(bytes);
    const uint64_t behind = dpcrt::kOutcomeBefore + dpcrt::kOutcomeBytes;
    Term old = terms.join({{given, 0, dpcrt::kOutcomeBefore},
                           {given, dpcrt::kOutcome, dpcrt::kOutcomeBytes},
                           {given, behind, bytes - behind}});
    madeHeader = terms.apply(finalize, 1, {statistics(), old}, bytes, 0);
  }
  return *madeHeader;
}

StepEnd::Updated StepEnd::update(const std::string &name, unsigned e) {
  const Definition::Parameter &parameter = definition.parameters.at(name);
  auto op = nn::ParameterOp(parameter.op);
  const dpcrt::Optimizer &optimizer =
      *dpcrt::findOptimizer(TrainingOp(definition.training).getOptimizer()); // verified
  RankedTensorType type = op.getMasterType();
  auto computed = cast<RankedTensorType>(op.getType());
  const bool hasMaster = type != computed;
  const uint64_t elements = type.getNumElements(), unit = parameter.keptBytes / elements,
                 computedUnit = nn::getByteSize(computed) / elements;
  Pieces kept, copied;
  std::vector<Pieces> moments(optimizer.moments.size());
  for (const dpcrt::Extent &extent : partsOf(name, e)) {
    // A part is updated as a vector.
    RankedTensorType own = extent.count == elements ? type
                                                    : RankedTensorType::get({int64_t(extent.count)},
                                                                            type.getElementType());
    Function function = functions.update(optimizer, own, computed.getElementType());
    auto partOf = [&](Term whole) {
      Pieces part;
      terms.cut(whole, extent.begin * unit, extent.count * unit, part);
      return terms.join(part);
    };
    auto value = [&](StringRef what) {
      return partOf(words.parameter(name, what, e, parameter.keptBytes));
    };
    std::vector<Term> arguments = {value(hasMaster ? "master" : "weight"),
                                   partOf(definition.gradient(name, e))};
    for (const auto &moment : optimizer.moments)
      arguments.push_back(value(moment));
    arguments.push_back(header());
    arguments.push_back(words.recordEntry(name, sizeof(dpcrt::StepEntry)));
    auto add = [&](unsigned output, uint64_t size, Pieces &to) {
      const uint64_t bytes = extent.count * size;
      append(terms, to, {terms.apply(function, output, arguments, bytes, 0), 0, bytes});
    };
    add(0, unit, kept);
    for (unsigned m = 0; m < optimizer.moments.size(); ++m)
      add(2 + m, unit, moments[m]);
    if (hasMaster)
      add(arguments.size(), computedUnit, copied);
  }
  Updated result;
  result.kept = terms.join(kept);
  for (const Pieces &moment : moments)
    result.moments.push_back(terms.join(moment));
  if (hasMaster)
    result.computed = terms.join(copied);
  return result;
}

} // namespace dpc::proof
