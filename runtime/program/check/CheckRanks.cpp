// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Do these programs belong together?

#include "program/check/CheckParts.h"

#include "program/format/Naming.h"

#include <algorithm>
#include <map>

using namespace dpcrt;

namespace {

struct GroupMeaning {
  uint32_t rank;
  std::vector<uint32_t> members;
  fb::Axes over;
};

struct Holder {
  uint32_t rank;
  const fb::Parameter *parameter;
};

/// A parameter over all ranks.
struct Held {
  std::vector<Holder> holders; ///< ascending ranks, at least one
  std::vector<uint32_t> counted;
};

} // namespace

static void checkGroups(const std::vector<const fb::Program *> &programs,
                        Diagnostics &diagnostics) {
  std::map<std::string, GroupMeaning> known;
  for (uint32_t rank = 0; rank < programs.size(); ++rank) {
    for (const fb::Group *group : items(programs[rank]->groups())) {
      GroupMeaning own{rank, {}, group->over()};
      for (uint32_t member : items(group->pp()))
        own.members.push_back(member);
      auto [at, fresh] = known.insert({std::string(text(group->name())), own});
      if (!fresh && (at->second.members != own.members || at->second.over != own.over))
        diagnostics.error("group ", quoted(at->first), " has other members on rank ", rank,
                          " than on rank ", at->second.rank);
    }
  }
  for (const auto &[name, meaning] : known) {
    for (uint32_t member : meaning.members) {
      bool found = false;
      for (const fb::Group *group : items(programs[member]->groups()))
        found |= text(group->name()) == name;
      if (!found)
        diagnostics.error("rank ", meaning.rank, " has rank ", member, " in group ", quoted(name),
                          ", but the program of rank ", member, " does not know the group");
    }
  }
}

static std::string momentNames(const fb::Parameter &parameter) {
  std::string names;
  for (const flatbuffers::String *name : items(parameter.moment_names()))
    names += (names.empty() ? "" : ", ") + quoted(text(name));
  return names;
}

/// What is saved of a parameter is gathered from those that keep a part of it or its moments,
/// so that between them they must keep each element. Two may keep the same ones.
static void checkKept(const std::string &name, const Held &held, Diagnostics &diagnostics) {
  std::vector<Extent> parts;
  const Holder *first = nullptr;
  for (const Holder &holder : held.holders) {
    const fb::Parameter &own = *holder.parameter;
    if (count(own.moment_names()) == 0 && count(own.parts()) == 0)
      continue;
    first = first ? first : &holder;
    std::string expected = momentNames(*first->parameter), found = momentNames(own);
    if (found != expected)
      diagnostics.error("parameter ", quoted(name), " has the moments ", found, " on rank ",
                        holder.rank, ", but ", expected, " on rank ", first->rank);
    for (const fb::Part *part : items(own.parts()))
      parts.push_back({part->begin(), part->elements()});
    if (count(own.parts()) == 0)
      parts.push_back({0, elementsOf(own)});
  }
  if (!first)
    return;
  const uint64_t elements = elementsOf(*first->parameter);
  for (const Extent &gap : gapsBetween(std::move(parts), elements))
    diagnostics.error(count(first->parameter->moment_names()) ? "the moments of elements ["
                                                              : "the values of elements [",
                      gap.begin, "..", gap.end(), ") of parameter ", quoted(name), ", which has ",
                      elements, ", are kept by none of its holders");
}

static void checkParameters(const std::vector<const fb::Program *> &programs,
                            Diagnostics &diagnostics) {
  std::map<std::string, Held> known;
  for (uint32_t rank = 0; rank < programs.size(); ++rank) {
    for (const fb::Parameter *parameter : items(programs[rank]->parameters())) {
      const fb::Tensor &tensor = *parameter->tensor();
      Held &held = known[std::string(text(tensor.name()))];
      held.holders.push_back({rank, parameter});
      if (parameter->counted())
        held.counted.push_back(rank);
      const Holder &first = held.holders.front();
      const fb::Tensor &other = *first.parameter->tensor();
      bool same = tensor.dtype() == other.dtype() &&
                  count(tensor.shape()) == count(other.shape()) &&
                  parameter->trained() == first.parameter->trained() &&
                  hasMaster(*parameter) == hasMaster(*first.parameter);
      for (uint32_t d = 0; same && d < count(tensor.shape()); ++d)
        same = tensor.shape()->Get(d) == other.shape()->Get(d);
      if (!same)
        diagnostics.error("parameter ", quoted(text(tensor.name())), " on rank ", rank,
                          " differs in type, shape or training from the one "
                          "on rank ",
                          first.rank);
    }
  }
  for (const auto &[name, held] : known) {
    checkKept(name, held, diagnostics);
    if (!held.holders.front().parameter->trained() || held.counted.size() == 1)
      continue;
    if (held.counted.empty())
      diagnostics.error("parameter ", quoted(name), " is counted in norms by none of its holders");
    else
      diagnostics.error("parameter ", quoted(name), " is counted in norms by ", held.counted.size(),
                        " ranks, ", held.counted[0], " and ", held.counted[1],
                        " among them; exactly one holder counts it");
  }
}

/// The host has one place for each output of each micro-batch.
static void checkFetches(const std::vector<const fb::Program *> &programs,
                         Diagnostics &diagnostics) {
  std::map<std::pair<std::string, uint32_t>, uint32_t> known;
  for (uint32_t rank = 0; rank < programs.size(); ++rank)
    for (const fb::Command *command : items(programs[rank]->order())) {
      const fb::Fetch *fetch = command->action_as_Fetch();
      if (!fetch)
        continue;
      std::string_view output = text(programs[rank]->outputs()->Get(fetch->output())->name());
      auto [at, fresh] = known.insert({{std::string(output), fetch->micro_batch()}, rank});
      if (!fresh)
        diagnostics.error("output ", quoted(output), " of micro-batch ", fetch->micro_batch(),
                          " is fetched by rank ", at->second, " and by rank ", rank);
    }
}

void dpcrt::checkRanks(const std::vector<const fb::Program *> &programs, Diagnostics &diagnostics) {
  if (programs.empty()) {
    diagnostics.error("there are no programs to check");
    return;
  }
  const fb::Program &first = *programs.front();
  if (first.mesh()->pp() != programs.size()) {
    diagnostics.error("the programs are for a pp axis of ", first.mesh()->pp(), ", but there are ",
                      programs.size(), " of them");
    return;
  }
  for (uint32_t rank = 0; rank < programs.size(); ++rank) {
    const fb::Program &own = *programs[rank];
    if (own.coordinate() != rank)
      diagnostics.error("the program in place ", rank, " is that of rank ", own.coordinate());
    auto same = [&](const char *what, const auto &mine, const auto &theirs) {
      if (mine != theirs)
        diagnostics.error("rank ", rank, " has ", what, " ", mine, ", but rank 0 has ", theirs);
    };
    same("entry point", text(own.entry()), text(first.entry()));
    same("micro-batches", own.micro_batches(), first.micro_batches());
    same("optimizer", text(own.optimizer()), text(first.optimizer()));
    same("loss weighting", unsigned(own.weighting()), unsigned(first.weighting()));
    same("mesh axis pp", own.mesh()->pp(), first.mesh()->pp());
    same("mesh axis mirror", own.mesh()->mirror(), first.mesh()->mirror());
    same("mesh axis dp", own.mesh()->dp(), first.mesh()->dp());
    same("mesh axis ep", own.mesh()->ep(), first.mesh()->ep());
    same("mesh axis tp", own.mesh()->tp(), first.mesh()->tp());
  }
  if (!diagnostics.empty())
    return;
  checkGroups(programs, diagnostics);
  checkParameters(programs, diagnostics);
  checkFetches(programs, diagnostics);
}
