// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks, order, events.

#include "program/format/Validator.h"

using namespace dpcrt;

void dpcrt::validateProgram(const fb::Program &program, uint64_t fileBytes,
                            Diagnostics &diagnostics) {
  Validator validator(program, fileBytes, diagnostics);
  validator.validateTables();
  validator.validateBlocks();
  validator.validateOrder();
}

std::string Validator::where(const Scope &scope, uint32_t index) {
  std::string out;
  if (scope.block)
    out = "block " + blockName(program, *scope.block) + ": ";
  return out + commandName(program, scope.block, index);
}

void Validator::validateBlocks() {
  uint32_t number = 0;
  for (const fb::Block *block : walk(program.blocks())) {
    std::string name =
        "block " + std::to_string(number++) + " " + quoted(text(program, block->name()));
    uint32_t operands = count(block->operands());
    uint32_t commands = count(block->commands());
    if (text(program, block->name()).empty())
      error(name, " has no name");
    if (!inRange(block->kind(), fb::TaskKind::MAX))
      error(name, " is of unknown kind ", unsigned(block->kind()));
    if (block->stage() < -1 || block->pair_stage() < -1)
      error(name, " has a negative stage");
    if (block->pair_stage() >= 0 && block->kind() != fb::TaskKind::Pair)
      error(name, " has the stage of a second task, but is no pair");
    if (block->streams() > kMaxStreams)
      error(name, " runs on ", block->streams(), " streams; at most ", kMaxStreams,
            " are possible");
    if (block->streams() == 0)
      error(name, " runs on no stream");
    // Only commands of a block fire events, each at most one.
    if (block->events() < operands || block->events() > uint64_t(operands) + commands) {
      error(name, " has ", block->events(), " events; with ", operands, " operands and ", commands,
            " commands it can have ", operands, "..", uint64_t(operands) + commands);
      continue;
    }
    uint32_t position = 0;
    for (const fb::Operand *operand : walk(block->operands())) {
      if (operand->name() >= count(program.strings()))
        error(name, ": operand ", position, " is named by string ", operand->name(), " of ",
              count(program.strings()));
      if (!inRange(operand->access(), fb::Access::MAX))
        error(name, ": operand ", position, " has unknown access ", unsigned(operand->access()));
      if (std::string problem = elementProblem(operand->dtype()); !problem.empty())
        error(name, ": operand ", position, " is of ", problem);
      else if (operand->bytes() % sizeOf(elementOf(*operand)))
        error(name, ": operand ", position, " has ", operand->bytes(),
              " bytes, which are not whole values of type ", nameOf(elementOf(*operand)));
      if (operand->bytes() == 0)
        error(name, ": operand ", position, " has no bytes");
      ++position;
    }

    Scope scope;
    scope.block = block;
    scope.commands = block->commands();
    scope.events = block->events();
    scope.firstOwnEvent = operands;
    scope.streams = block->streams();
    validateCommands(scope);

    if (count(block->results()) != count(block->result_operands()))
      error(name, " has ", count(block->results()), " results, but names ",
            count(block->result_operands()), " operands for them");
    uint32_t result = 0;
    for (uint32_t event : walk(block->results())) {
      if (event < operands || event >= block->events() || scope.firedBy[event] < 0)
        error(name, ": result ", result, " is event ", event,
              ", which no command of the block fires");
      ++result;
    }
    result = 0;
    for (uint32_t operand : walk(block->result_operands())) {
      if (operand >= operands)
        error(name, ": result ", result, " makes operand ", operand, " of ", operands, " ready");
      ++result;
    }
  }
}

void Validator::validateOrder() {
  uint64_t fires = 0;
  for (const fb::Command *command : walk(program.order())) {
    ++fires;
    if (const fb::Exchange *exchange = command->action_as_Exchange())
      fires += count(exchange->transfers());
    else if (const fb::Run *run = command->action_as_Run())
      fires += count(run->result_events());
  }
  if (program.events() > fires) {
    error("the program has ", program.events(), " events, but its commands can fire only ", fires);
    return;
  }
  Scope scope;
  scope.commands = program.order();
  scope.events = program.events();
  scope.streams = count(program.streams());
  validateCommands(scope);
}

void Validator::fire(Scope &scope, int64_t event, uint32_t index, const char *what) {
  if (event == -1)
    return;
  if (event < int64_t(scope.firstOwnEvent) || event >= int64_t(scope.events)) {
    if (event >= 0 && event < int64_t(scope.firstOwnEvent))
      error(where(scope, index), what, " fires event ", event,
            ", which is the readiness of an operand");
    else
      error(where(scope, index), what, " fires event ", event, " of ", scope.events);
    return;
  }
  int64_t &firedBy = scope.firedBy[event];
  if (firedBy >= 0)
    error(where(scope, index), what, " fires event ", event, ", which already ",
          where(scope, uint32_t(firedBy)), " fires; an event fires once");
  else
    firedBy = index;
}

void Validator::collectSignals(Scope &scope) {
  scope.firedBy.assign(scope.events, -1);
  uint32_t index = 0;
  for (const fb::Command *command : walk(scope.commands)) {
    fire(scope, command->signal(), index, "");
    if (const fb::Exchange *exchange = command->action_as_Exchange()) {
      for (const fb::Transfer *transfer : walk(exchange->transfers()))
        fire(scope, transfer->signal(), index, ", a transfer of it,");
    } else if (const fb::Run *run = command->action_as_Run()) {
      for (int32_t event : walk(run->result_events()))
        fire(scope, event, index, ", a result of it,");
    }
    ++index;
  }
}

void Validator::checkWait(const Scope &scope, uint64_t event, const std::string &where) {
  if (event >= scope.events)
    error(where, " waits for event ", event, " of ", scope.events);
  else if (event >= scope.firstOwnEvent && scope.firedBy[event] < 0)
    error(where, " waits for event ", event, ", which nothing fires");
}

void Validator::validateCommands(Scope &scope) {
  collectSignals(scope);
  uint32_t index = 0;
  for (const fb::Command *command : walk(scope.commands)) {
    uint32_t number = index++;
    if (command->stream() >= scope.streams)
      error(where(scope, number), " is on stream ", command->stream(), " of ", scope.streams);
    if (command->label() >= count(program.strings()))
      error(where(scope, number), " is labelled by string ", command->label(), " of ",
            count(program.strings()));
    for (uint32_t event : walk(command->waits()))
      checkWait(scope, event, where(scope, number));
    // What all replicas do together is no matter of some of them.
    if (count(command->replicas()) > 0) {
      readReplicas(command->replicas(), where(scope, number));
      if (scope.block || !command->action_as_Launch())
        error(where(scope, number), " is of some replicas; only launches of the order can be");
    }
    if (command->compares_mirrors()) {
      if (!(program.features() & kFeatureMirrors))
        error(where(scope, number), " compares mirrors, but the program does not name the feature");
      if (scope.block || !command->action_as_Launch())
        error(where(scope, number), " compares mirrors; only launches of the order can");
    }
    validateAction(scope, number);
  }
}
