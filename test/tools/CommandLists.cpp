// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLists.h"

#include <algorithm>

using namespace mutants;
namespace fb = dpcrt::fb;

const Commands &mutants::listOf(const fb::ProgramT &program, int block) {
  return block < 0 ? program.order : program.blocks[block]->commands;
}
Commands &mutants::listOf(fb::ProgramT &program, int block) {
  return block < 0 ? program.order : program.blocks[block]->commands;
}

void mutants::forEachCommand(unsigned rank, const fb::ProgramT &program, const Visit &visit) {
  for (int block = -1; block < int(program.blocks.size()); ++block) {
    const Commands &commands = listOf(program, block);
    for (size_t c = 0; c < commands.size(); ++c)
      visit(block, c, *commands[c], placeOf(rank, program, block, c));
  }
}

std::string mutants::placeOf(unsigned rank, const fb::ProgramT &program, int block, size_t at) {
  std::string place = "rank " + std::to_string(rank);
  if (block >= 0)
    place += ", " + program.strings[program.blocks[block]->name];
  return place + ", command " + std::to_string(at) + " '" +
         program.strings[listOf(program, block)[at]->label] + "'";
}

uint32_t mutants::streamOf(const fb::CommandT &command) {
  const auto *run = command.action.AsRun();
  return run ? run->streams.front() : command.stream;
}

static bool isOn(const fb::CommandT &command, uint32_t stream) {
  const auto *run = command.action.AsRun();
  return run ? std::count(run->streams.begin(), run->streams.end(), stream) > 0
             : command.stream == stream;
}

template <typename Wanted>
static std::optional<size_t> find(const Commands &commands, size_t at, bool isBehind,
                                  Wanted isWanted) {
  while (isBehind ? at + 1 < commands.size() : at > 0) {
    at += isBehind ? 1 : -1;
    if (isWanted(*commands[at]))
      return at;
  }
  return std::nullopt;
}

std::optional<size_t> mutants::neighbour(const Commands &commands, uint32_t stream, size_t at,
                                         bool isBehind) {
  return find(commands, at, isBehind,
              [&](const fb::CommandT &command) { return isOn(command, stream); });
}

std::optional<size_t> mutants::neighbourExchange(const Commands &commands, size_t at,
                                                 bool isBehind) {
  return find(commands, at, isBehind, [&](const fb::CommandT &command) {
    return command.action.AsExchange() && command.stream == commands[at]->stream;
  });
}

void mutants::eraseAt(Events &events, size_t at) { events.erase(events.begin() + long(at)); }

void mutants::addOnce(Events &events, uint32_t event) {
  if (!std::count(events.begin(), events.end(), event))
    events.push_back(event);
}

void mutants::replaceWaits(fb::ProgramT &program, int block, uint32_t event,
                           std::optional<uint32_t> other) {
  auto replace = [&](Events &events) {
    auto found = std::find(events.begin(), events.end(), event);
    if (found == events.end())
      return;
    events.erase(found);
    if (other)
      addOnce(events, *other);
  };
  for (auto &command : listOf(program, block)) {
    replace(command->waits);
    if (auto *exchange = command->action.AsExchange())
      for (auto &transfer : exchange->transfers)
        replace(transfer->after);
    if (auto *run = command->action.AsRun())
      for (int32_t &operand : run->operand_events)
        if (operand == int32_t(event))
          operand = other ? int32_t(*other) : -1;
  }
  if (block >= 0 && other)
    std::replace(program.blocks[block]->results.begin(), program.blocks[block]->results.end(),
                 event, *other);
}

void mutants::fireWith(fb::ProgramT &program, int block, size_t at, uint32_t event) {
  int32_t &signal = listOf(program, block)[at]->signal;
  if (signal < 0)
    signal = int32_t(event);
  else
    replaceWaits(program, block, event, uint32_t(signal));
}

void mutants::joinIfEmpty(fb::CommandT &command) {
  if (command.action.AsExchange()->transfers.empty())
    command.action.Set(fb::JoinT());
}
