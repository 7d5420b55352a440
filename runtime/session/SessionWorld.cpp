// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the sessions of one artifact in several processes tell each other.
#include "data/Hash.h"
#include "executor/ThreadExecutor.h"
#include "plugins/Plugin.h"
#include "session/Dealing.h"
#include "session/EntryPointRun.h"
#include "session/Pieces.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace dpcrt {
using json = nlohmann::ordered_json;

// What is of one process by its nature.
Status Session::mayBeSpread() const {
  const uint32_t processes = options.world->processes(),
                 count = artifact->manifest.mesh.grid().ranks();
  if (!device->host())
    return error(Code::Usage, "device '", device->name(),
                 "' runs all ranks in one process, not in ", processes);
  if (options.sequential)
    return error(Code::Usage, "a replay is of one process, not of ", processes);
  if (options.link.emulated())
    return error(Code::Usage, "--link emulates links among the ranks of one process; there are ",
                 processes, " processes");
  if (processes > count)
    return error(Code::Usage, "there are ", processes, " processes for ", count,
                 count == 1 ? " rank" : " ranks", "; each needs one at least");
  return {};
}

// Everybody's artifact must be the same one, and this library of one version; what they run
// is what all of them can.
Status Session::agreeOnTargets(std::vector<std::string> &runHere) const {
  json own = {{"plugin", uint64_t(pluginVersion())},
              {"artifact", artifact->identity},
              {"path", artifact->directory},
              {"targets", runHere}};
  std::vector<std::string> all;
  if (Status s = options.world->exchange("the artifacts", own.dump(), all); !s.ok())
    return s;
  for (uint32_t process = 0; process < all.size(); ++process) {
    json other = json::parse(all[process], nullptr, false);
    if (!other.is_object() || other.value("plugin", uint64_t(0)) != own["plugin"])
      return error(Code::Usage, "process ", process, " runs another version of dpc than process ",
                   options.world->self(), "; all processes must run the same build");
    if (other.value("artifact", "") != own["artifact"])
      return error(Code::Artifact, "process ", process, " has another artifact at ",
                   other.value("path", "?"), " than process ", options.world->self(), " at ",
                   artifact->directory, "; all processes must run the same one");
    std::vector<std::string> there = other["targets"];
    runHere.erase(std::remove_if(runHere.begin(), runHere.end(),
                                 [&](const std::string &name) {
                                   return std::find(there.begin(), there.end(), name) ==
                                          there.end();
                                 }),
                  runHere.end());
  }
  if (runHere.empty())
    return Status(Code::Device, "none of the artifact's targets runs on the machines of all "
                                "processes; compile it with a --target that all of them have");
  return {};
}

Status Session::agreeOn(const std::string &what, const std::string &text) const {
  if (!options.world)
    return {};
  std::vector<std::string> all;
  if (Status s = options.world->exchange(what, hashHex(text.data(), text.size()), all); !s.ok())
    return s;
  for (uint32_t process = 1; process < all.size(); ++process)
    if (all[process] != all[0])
      return error(Code::Checkpoint, what, " is another one in process ", process,
                   " than in process 0; all processes must see one folder");
  return {};
}

Status Session::shareRankBytes() {
  const RankRange own = train->memory.ranks;
  rankBytes.assign(ranks(), 0);
  for (uint32_t rank = own.first; rank < own.end; ++rank)
    rankBytes[rank] =
        train->memory.ownBytes(rank) + (evaluation ? evaluation->memory.ownBytes(rank) : 0);
  if (!options.world)
    return {};
  std::vector<std::string> all;
  std::string mine(reinterpret_cast<const char *>(&rankBytes[own.first]),
                   own.count() * sizeof(uint64_t));
  if (Status s = options.world->exchange("their memory", mine, all); !s.ok())
    return s;
  for (uint32_t process = 0, rank = 0; process < all.size(); ++process)
    for (size_t at = 0; at + sizeof(uint64_t) <= all[process].size() && rank < ranks();
         at += sizeof(uint64_t))
      std::memcpy(&rankBytes[rank++], all[process].data() + at, sizeof(uint64_t));
  return {};
}

void Session::listenToWorld() {
  options.world->onAsked([this] { return describe(); });
  options.world->onFailure([this](const Status &cause) {
    for (auto *entry : {train.get(), evaluation.get()})
      if (entry && entry->threads)
        entry->threads->fail(cause);
  });
}

// Of the entry point whose step is under way.
std::string Session::describe() const {
  std::string text;
  for (auto *entry : {train.get(), evaluation.get()})
    if (entry && entry->threads && entry->threads->isRunning())
      text += entry->threads->describe();
  return text;
}

std::string Session::describeOthers() const {
  std::string text;
  std::vector<std::string> all = options.world->askOthers();
  for (uint32_t process = 0; process < all.size(); ++process)
    if (process != options.world->self())
      text += all[process].empty()
                  ? "\n  process " + std::to_string(process) + " does not say what it does"
                  : all[process];
  return text;
}

// What one process has of a step's result.
struct ResultPart {
  double bubble = 0, seconds = 0;
  uint32_t ranks = 0, stopAsked = 0;
};

Status Session::shareResult(const Pending &step, StepResult &out) {
  EntryPointRun &entry = *step.entry;
  ResultPart own;
  own.ranks = entry.memory.ranks.count();
  own.bubble = out.bubble * own.ranks;
  own.seconds = out.seconds;
  own.stopAsked = out.stopAsked;
  std::vector<std::string> all;
  std::string mine(reinterpret_cast<const char *>(&own), sizeof(own));
  if (Status s = options.world->exchange("a step's result", mine + entry.fetchedHere(), all);
      !s.ok())
    return s;
  out.bubble = out.seconds = 0;
  for (uint32_t process = 0; process < all.size(); ++process) {
    ResultPart part;
    if (all[process].size() < sizeof(part))
      return error(Code::Internal, "process ", process, " has given no result");
    std::memcpy(&part, all[process].data(), sizeof(part));
    out.bubble += part.bubble / double(ranks());
    out.seconds = std::max(out.seconds, part.seconds);
    out.stopAsked |= part.stopAsked != 0;
    if (process != options.world->self())
      if (Status s =
              entry.takeFetched(process, std::string_view(all[process]).substr(sizeof(part)));
          !s.ok())
        return s;
  }
  return {};
}

// Of each byte the lowest process that has it gives it to the others, in pieces.
Status Session::gatherParts(const std::string &name, const Place &place, char *data) const {
  World &world = *options.world;
  ByteRanges held;
  for (const Part &part : place.parts)
    held.push_back({part.begin, part.begin + part.bytes});
  std::vector<std::string> all;
  if (Status s = world.exchange("the parts of " + name, packRanges({held}), all); !s.ok())
    return s;
  std::vector<ByteRanges> has;
  for (const std::string &packed : all) {
    std::vector<ByteRanges> lists;
    if (!unpackRanges(packed, 1, lists))
      return error(Code::Internal, "process ", has.size(), " does not say what it has of ", name);
    has.push_back(std::move(lists[0]));
  }
  const std::vector<ByteRanges> given = deal(has); // as without processes, the lowest rank's
  // In rounds, in which each gives the next piece of its ranges.
  std::vector<size_t> index(all.size(), 0);
  std::vector<uint64_t> offset(all.size(), 0);
  auto next = [&](uint32_t process) -> ByteRange {
    if (index[process] == given[process].size())
      return {0, 0};
    ByteRange range = given[process][index[process]];
    range.begin += offset[process];
    range.end = std::min(range.end, range.begin + kPieceBytes);
    return range;
  };
  for (;;) {
    ByteRanges pieces;
    bool isOver = true;
    for (uint32_t process = 0; process < all.size(); ++process) {
      pieces.push_back(next(process));
      isOver &= pieces.back().bytes() == 0;
    }
    if (isOver)
      return {};
    ByteRange own = pieces[world.self()];
    if (Status s = world.exchange("the values of " + name,
                                  std::string(data + own.begin, own.bytes()), all);
        !s.ok())
      return s;
    for (uint32_t process = 0; process < all.size(); ++process) {
      auto [begin, end] = pieces[process];
      if (all[process].size() != end - begin)
        return error(Code::Internal, "process ", process, " has given ", all[process].size(),
                     " bytes of ", name, ", not ", end - begin);
      std::memcpy(data + begin, all[process].data(), end - begin);
      if (begin == end)
        continue;
      offset[process] += end - begin;
      if (end == given[process][index[process]].end) {
        ++index[process];
        offset[process] = 0;
      }
    }
  }
}

// Of this process, made that of all.
Status Session::gatherTrace(std::vector<json> &measured) const {
  std::vector<std::string> all;
  if (Status s = options.world->exchange(
          "the trace", measured.front().dump(-1, ' ', false, json::error_handler_t::replace), all);
      !s.ok())
    return s;
  measured.clear();
  for (const std::string &text : all)
    measured.push_back(json::parse(text, nullptr, false));
  for (uint32_t process = 0; process < measured.size(); ++process)
    if (!measured[process].is_object())
      return error(Code::Internal, "process ", process, " has given no trace");
  return {};
}

} // namespace dpcrt
