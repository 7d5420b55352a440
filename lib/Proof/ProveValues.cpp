// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs against the definition of a step; see ProveValues.h.
#include "dpc/Proof/ProveValues.h"

#include "Execute.h"
#include "Explain.h"
#include "StepEnd.h"
#include "dpc/Dialect/NN/Element.h"
#include "program/format/Naming.h"

using namespace mlir;
namespace fb = dpcrt::fb;

namespace dpc::proof {
namespace {

constexpr unsigned kErrorLimit = 10;

class Comparison {
public:
  Comparison(ModuleOp module, StringRef entry, const Definition &definition, Words &words,
             const Sites &sites)
      : module(module), entry(entry), definition(definition), words(words), terms(words.terms),
        sites(sites) {}

  void compareOutputs(const Outcome &outcome) {
    for (auto &[key, term] : definition.fetched) {
      auto &[name, microBatch, e] = key;
      std::string what =
          outputName(name) + " of micro-batch " + std::to_string(microBatch) + onExpertRank(e);
      auto it = outcome.fetched.find(key);
      if (it == outcome.fetched.end()) {
        error(what + " is fetched by no rank");
        continue;
      }
      for (Term found : it->second)
        compare(what, term, found);
    }
    for (auto &[key, found] : outcome.fetched)
      if (!definition.fetched.count(key))
        error(outputName(std::get<0>(key)) + " of micro-batch " + std::to_string(std::get<1>(key)) +
              " is fetched, and no stage makes it");
  }

  // What all else is made of comes first: what is made of a wrong gradient is wrong, too,
  // and need not be said.
  void compareGradients(const Outcome &outcome) {
    for (uint32_t rank = 0; rank < outcome.ranks.size(); ++rank) {
      const dpcrt::RankPlace place = words.grid.placeOf(rank);
      const FinalRank &ended = outcome.ranks[rank];
      const std::string where = onRank(place);
      for (auto &[name, parameter] : definition.parameters) {
        auto it = ended.parameters.find(name);
        if (llvm::is_contained(parameter.holders, place.pp) != (it != ended.parameters.end()))
          error("parameter '" + name + "' is " + (it != ended.parameters.end() ? "" : "not ") +
                "held" + where);
        else if (it != ended.parameters.end() && parameter.isTrained)
          compareGradient("parameter '" + name + "'" + where, it->second,
                          definition.gradient(name, place.ep));
      }
      for (auto &[name, held] : ended.parameters)
        if (!definition.parameters.count(name))
          error("parameter '" + name + "'" + where + " is no stage's");
    }
  }

  void compareParameters(const Outcome &outcome, StepEnd &end) {
    for (uint32_t rank = 0; rank < outcome.ranks.size(); ++rank) {
      const dpcrt::RankPlace place = words.grid.placeOf(rank);
      const FinalRank &ended = outcome.ranks[rank];
      const std::string where = onRank(place);
      if (!definition.isEvaluation() && ended.header)
        compare("the step record" + where, end.header(), *ended.header);
      for (auto &[name, found] : ended.parameters)
        compareParameter(name, found, place.ep, "parameter '" + name + "'" + where, end);
    }
  }

  uint64_t compared() const { return count; }
  bool hasErrors() const { return errors > 0; }

private:
  // What a rank keeps of a value that all elements have.
  Term keptOf(Term whole, const FinalParameter &found) {
    const uint64_t unit = dpcrt::sizeOf(dpcrt::keptElement(*found.declared));
    Pieces part;
    terms.cut(whole, found.kept.begin * unit, found.kept.count * unit, part);
    return terms.join(part);
  }

  void compareGradient(const std::string &own, const FinalParameter &found, Term wanted) {
    if (!found.declared->gradient())
      error(own + " has no gradient");
    else if (found.gradient)
      compare("the gradient of " + own, keptOf(wanted, found), *found.gradient);
  }

  void compareParameter(const std::string &name, const FinalParameter &found, unsigned e,
                        const std::string &own, StepEnd &end) {
    StepEnd::Updated updated;
    if (definition.parameters.at(name).isTrained) {
      updated = end.update(name, e);
    } else {
      const fb::Parameter &declared = *found.declared;
      Term weight = words.parameter(name, "weight", e, declared.weight()->bytes());
      updated.kept = weight;
      if (declared.master()) {
        updated.kept = words.parameter(name, "master", e, declared.master()->bytes());
        updated.computed = weight;
      }
    }
    if (const bool has = dpcrt::hasMaster(*found.declared); has != updated.computed.has_value()) {
      error(own + (has ? " has a master" : " has no master"));
    } else if (has) {
      if (found.master)
        compare("the master of " + own, keptOf(updated.kept, found), *found.master);
      compare(own, *updated.computed, found.weight);
    } else {
      compare(own, updated.kept, found.weight);
    }
    compareMoments(own, updated, found);
  }

  // A holder may keep the moments of a part, or none.
  void compareMoments(const std::string &own, const StepEnd::Updated &updated,
                      const FinalParameter &found) {
    for (auto [m, term] : llvm::enumerate(found.moments))
      compare(found.declared->moment_names()->Get(m)->str() + " of " + own,
              keptOf(updated.moments[m], found), term);
  }

  bool compare(const std::string &what, Term wanted, Term found) {
    ++count;
    if (wanted == found)
      return true;
    error(what + " is not what the model defines: " + explain(terms, sites, wanted, found));
    return false;
  }

  void error(const std::string &what) {
    if (++errors <= kErrorLimit)
      module.emitError() << entry << ": " << what;
  }

  std::string outputName(const std::string &name) const { return "output '" + name + "'"; }
  std::string onRank(const dpcrt::RankPlace &place) const {
    return " on rank " + std::to_string(place.pp) +
           (words.grid.dp > 1 ? ", replica " + std::to_string(place.dp) : "") +
           onExpertRank(place.ep);
  }
  std::string onExpertRank(unsigned e) const {
    return words.grid.ep > 1 ? ", expert rank " + std::to_string(e) : "";
  }

  ModuleOp module;
  StringRef entry;
  const Definition &definition;
  Words &words;
  Terms &terms;
  const Sites &sites;
  unsigned errors = 0;
  uint64_t count = 0;
};

} // namespace

class ValueProof::Implementation {
public:
  explicit Implementation(ModuleOp module)
      : module(module), words(module, terms), functions(module, words),
        definition(module, words, functions, sites) {}

  LogicalResult define(StringRef name) {
    entry = name.str();
    if (failed(definition.read(entry)) || failed(definition.compute()))
      return failure();
    definedTerms = terms.size();
    definedSites = sites.count();
    return success();
  }

  LogicalResult check(ArrayRef<const fb::Program *> programs, StringRef constants,
                      ValueReport *report) {
    if (definition.ranks() != programs.size())
      return module.emitError() << entry << " has programs of " << programs.size()
                                << " ranks, and its schedule is for " << definition.ranks();
    if (const fb::Mesh &mesh = *programs.front()->mesh();
        mesh.dp() != words.grid.dp || mesh.ep() != words.grid.ep)
      return module.emitError() << entry << " has programs of a mesh with dp " << mesh.dp()
                                << " and ep " << mesh.ep() << ", and the module's is dp "
                                << words.grid.dp << " and ep " << words.grid.ep;
    // Of earlier checks nothing is left but the definition.
    terms.forget(definedTerms);
    sites.forget(definedSites);
    words.constants = constants;
    Execution execution(programs, terms, sites, words);
    Outcome outcome;
    if (std::string problem = execution.run(outcome); !problem.empty())
      return module.emitError() << entry << ": " << problem;

    Comparison comparison(module, entry, definition, words, sites);
    comparison.compareOutputs(outcome);
    comparison.compareGradients(outcome);
    if (comparison.hasErrors())
      return failure();
    StepEnd end(definition, words, functions);
    if (!definition.isEvaluation()) {
      std::string problem = end.readParts(outcome);
      if (problem.empty())
        problem = end.readNorm(outcome);
      if (!problem.empty())
        return module.emitError() << entry << ": " << problem;
    }
    comparison.compareParameters(outcome, end);
    if (report) {
      report->commands += outcome.commands;
      report->terms += terms.size();
      report->values += comparison.compared();
    }
    return failure(comparison.hasErrors());
  }

private:
  ModuleOp module;
  std::string entry;
  Terms terms;
  Sites sites;
  Words words;
  StepFunctions functions;
  Definition definition;
  uint64_t definedTerms = 0;
  size_t definedSites = 0;
};

ValueProof::ValueProof(ModuleOp module)
    : implementation(std::make_unique<Implementation>(module)) {}
ValueProof::~ValueProof() = default;

LogicalResult ValueProof::define(StringRef entry) { return implementation->define(entry); }

LogicalResult ValueProof::check(ArrayRef<const fb::Program *> programs, StringRef constants,
                                ValueReport *report) {
  return implementation->check(programs, constants, report);
}

LogicalResult proveValues(ModuleOp module, ArrayRef<const fb::Program *> programs,
                          StringRef constants, ValueReport *report) {
  ValueProof proof(module);
  std::string entry(dpcrt::text(programs.front()->entry()));
  if (failed(proof.define(entry)))
    return failure();
  return proof.check(programs, constants, report);
}

} // namespace dpc::proof
