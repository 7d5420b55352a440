// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What commands do, and on which bytes.

#include "program/format/Axes.h"
#include "program/format/Validator.h"

#include <algorithm>
#include <tuple>

using namespace dpcrt;

bool Validator::checkRef(const Scope &scope, const std::string &where, const fb::Ref *ref,
                         const std::string &what, bool write, uint64_t alignment) {
  if (!ref) {
    error(where, ": ", what, " is missing");
    return false;
  }
  if (std::string problem = elementProblem(ref->dtype()); !problem.empty()) {
    error(where, ": ", what, " is of ", problem);
    return false;
  }
  uint64_t element = sizeOf(elementOf(*ref));
  alignment = std::max(alignment, element);
  if (ref->space() == fb::Space::Operand && !scope.block) {
    error(where, ": ", what, " lies in an operand; only commands of a block have operands");
    return false;
  }
  std::string home;
  uint64_t size = 0, homeAlignment = kAlignment;
  bool writable = true;
  if (ref->space() == fb::Space::Operand) {
    if (ref->index() >= count(scope.block->operands())) {
      error(where, ": ", what, " lies in operand ", ref->index(), " of ",
            count(scope.block->operands()));
      return false;
    }
    const fb::Operand *operand = scope.block->operands()->Get(ref->index());
    size = operand->bytes();
    homeAlignment = alignmentOf(std::max<uint64_t>(size, 1));
    writable = writes(operand->access());
    home = "operand " + quoted(text(program, operand->name()));
    if (ref->dtype() != operand->dtype()) {
      error(where, ": ", what, " is of type ", nameOf(elementOf(*ref)), "; ", home, " is of type ",
            elementNumbered(operand->dtype()) ? nameOf(elementOf(*operand)) : "?");
      return false;
    }
  } else if (ref->space() == fb::Space::Arena) {
    if (ref->index() >= count(program.arenas())) {
      error(where, ": ", what, " lies in arena ", ref->index(), " of ", count(program.arenas()));
      return false;
    }
    const fb::Arena *arena = program.arenas()->Get(ref->index());
    size = arena->bytes();
    writable = arena->role() != fb::ArenaRole::Constants;
    home = "arena " + quoted(text(arena->name()));
  } else {
    error(where, ": ", what, " lies in unknown space ", unsigned(ref->space()));
    return false;
  }
  if (ref->bytes() == 0) {
    error(where, ": ", what, " has no bytes");
    return false;
  }
  if (!inside(ref->offset(), ref->bytes(), size)) {
    error(where, ": ", what, ", ", ref->bytes(), " bytes at ", ref->offset(),
          ", reaches beyond the ", size, " bytes of ", home);
    return false;
  }
  if (ref->bytes() % element != 0) {
    error(where, ": ", what, " has ", ref->bytes(), " bytes, which are not whole values of type ",
          nameOf(elementOf(*ref)));
    return false;
  }
  if (ref->offset() % alignment != 0 || alignment > homeAlignment) {
    error(where, ": ", what, ", ", ref->bytes(), " bytes at ", ref->offset(), " of ", home,
          ", must begin at a multiple of ", alignment);
    return false;
  }
  if (write && !writable) {
    error(where, ": ", what, " writes ", home, ", which may only be read");
    return false;
  }
  return true;
}

void Validator::checkAliases(const Scope &scope, const std::string &where, std::vector<Use> uses) {
  std::sort(uses.begin(), uses.end(), [](const Use &a, const Use &b) {
    return std::tuple(a.ref->space(), a.ref->index(), a.ref->offset(), a.number) <
           std::tuple(b.ref->space(), b.ref->index(), b.ref->offset(), b.number);
  });
  // Of the uses so far in this space, those that reach furthest.
  const Use *furthest = nullptr, *furthestWrite = nullptr;
  auto conflicts = [](const Use *a, const Use &b) {
    return a && a->ref->space() == b.ref->space() && a->ref->index() == b.ref->index() &&
           a->ref->offset() + a->ref->bytes() > b.ref->offset();
  };
  auto further = [](const Use *a, const Use &b) {
    return !a || a->ref->space() != b.ref->space() || a->ref->index() != b.ref->index() ||
           a->ref->offset() + a->ref->bytes() < b.ref->offset() + b.ref->bytes();
  };
  for (const Use &use : uses) {
    const Use *other = use.write ? furthest : furthestWrite;
    if (conflicts(other, use))
      error(where, ": ", other->what, " ", other->number, " and ", use.what, " ", use.number,
            " overlap, ", rangeName(program, scope.block, *other->ref), " and ",
            rangeName(program, scope.block, *use.ref), ", and ",
            other->write && use.write ? "both are"
            : other->write            ? "the first is"
                                      : "the second is",
            " written");
    if (further(furthest, use))
      furthest = &use;
    if (use.write && further(furthestWrite, use))
      furthestWrite = &use;
  }
}

void Validator::validateArguments(const Scope &scope, const std::string &where,
                                  const std::string &callee,
                                  const flatbuffers::Vector<const fb::Argument *> *arguments,
                                  const flatbuffers::Vector<const fb::Buffer *> *takes) {
  std::vector<fb::Buffer> buffers;
  for (const fb::Buffer *buffer : walk(takes))
    buffers.push_back(*buffer);
  if (count(arguments) != buffers.size()) {
    error(where, ": ", callee, " takes ", buffers.size(), " arguments, but is given ",
          count(arguments));
    return;
  }
  std::vector<Use> uses;
  uint32_t index = 0;
  for (const fb::Argument *argument : walk(arguments)) {
    uint32_t number = index++;
    const fb::Ref &ref = argument->ref();
    const fb::Buffer &buffer = buffers[number];
    // What is wrong with the buffer itself has been reported.
    if (!inRange(buffer.access(), fb::Access::MAX) || !elementNumbered(buffer.dtype()))
      continue;
    if (!inRange(argument->access(), fb::Access::MAX)) {
      error(where, ": argument ", number, " has unknown access ", unsigned(argument->access()));
      continue;
    }
    if (!checkRef(scope, where, &ref, "argument " + std::to_string(number),
                  writes(argument->access()), alignmentOf(std::max<uint64_t>(buffer.bytes(), 1))))
      continue;
    if (ref.bytes() != buffer.bytes())
      error(where, ": argument ", number, " has ", ref.bytes(), " bytes; ", callee, " takes ",
            buffer.bytes());
    if (ref.dtype() != buffer.dtype())
      error(where, ": argument ", number, " is of type ", nameOf(elementOf(ref)), "; ", callee,
            " takes ", nameOf(elementOf(buffer)));
    if (argument->access() != buffer.access())
      error(where, ": argument ", number, " is declared ", accessName(argument->access()), "; ",
            callee, " has it ", accessName(buffer.access()));
    uses.push_back(
        {&ref, reads(argument->access()), writes(argument->access()), "argument", number});
  }
  checkAliases(scope, where, std::move(uses));
}

void Validator::validateLaunch(const Scope &scope, uint32_t index, const fb::Launch &launch) {
  if (launch.kernel() >= count(program.kernels())) {
    error(where(scope, index), " names kernel ", launch.kernel(), " of ", count(program.kernels()));
    return;
  }
  const fb::Kernel *kernel = program.kernels()->Get(launch.kernel());
  validateArguments(scope, where(scope, index), "kernel " + quoted(text(kernel->symbol())),
                    launch.args(), kernel->buffers());
}

void Validator::validateCall(const Scope &scope, uint32_t index, const fb::Call &call) {
  if (call.call() >= count(program.library())) {
    error(where(scope, index), " names library call ", call.call(), " of ",
          count(program.library()));
    return;
  }
  validateArguments(scope, where(scope, index), "library call " + std::to_string(call.call()),
                    call.args(), program.library()->Get(call.call())->operands());
}

void Validator::validateExchange(const Scope &scope, uint32_t index, const fb::Exchange &exchange) {
  std::string here = where(scope, index);
  if (count(exchange.transfers()) == 0)
    error(here, " has no transfers");
  std::vector<Use> uses;
  uint32_t number = 0;
  for (const fb::Transfer *transfer : walk(exchange.transfers())) {
    if (!inRange(transfer->direction(), fb::Direction::MAX)) {
      error(here, ": transfer ", number, " has unknown direction ",
            unsigned(transfer->direction()));
      continue;
    }
    if (program.mesh() && transfer->peer() >= program.mesh()->pp())
      error(here, ": message ", transfer->message(), " has rank ", transfer->peer(),
            " of a pp axis of ", program.mesh()->pp(), " as peer");
    else if (transfer->peer() == program.coordinate())
      error(here, ": message ", transfer->message(), " goes from a rank to itself");
    for (uint32_t event : walk(transfer->after()))
      checkWait(scope, event, here);
    bool receive = transfer->direction() == fb::Direction::Receive;
    if (checkRef(scope, here, transfer->ref(),
                 "the buffer of message " + std::to_string(transfer->message()), receive))
      uses.push_back({transfer->ref(), !receive, receive, "transfer", number});
    ++number;
  }
  checkAliases(scope, here, std::move(uses));
}

bool Validator::checkSameType(const std::string &where, const fb::Ref &from, const fb::Ref &to) {
  if (from.dtype() == to.dtype())
    return true;
  error(where, ": the source is of type ", nameOf(elementOf(from)),
        ", but the destination of type ", nameOf(elementOf(to)));
  return false;
}

void Validator::validateCollective(const Scope &scope, uint32_t index,
                                   const fb::Collective &collective) {
  std::string here = where(scope, index);
  if (!inRange(collective.kind(), fb::CollectiveKind::MAX)) {
    error(here, " is of unknown kind ", unsigned(collective.kind()));
    return;
  }
  if (collective.group() >= count(program.groups())) {
    error(here, " names group ", collective.group(), " of ", count(program.groups()));
    return;
  }
  const fb::Group *group = program.groups()->Get(collective.group());
  bool member = false;
  for (uint32_t rank : walk(group->pp()))
    member |= rank == program.coordinate();
  if (!member)
    error(here, " is of group ", quoted(text(group->name())),
          ", to which this rank does not belong");
  bool src = checkRef(scope, here, collective.src(), "the source", false);
  bool dst = checkRef(scope, here, collective.dst(), "the destination", true);
  if (!src || !dst)
    return;
  const fb::Ref &from = *collective.src(), &to = *collective.dst();
  if (!checkSameType(here, from, to))
    return;
  uint64_t element = sizeOf(elementOf(from));
  bool sums = collective.kind() == fb::CollectiveKind::AllReduce ||
              collective.kind() == fb::CollectiveKind::ReduceScatter;
  if (sums && !isSummed(elementOf(from))) {
    error(here, " adds values of type ", nameOf(elementOf(from)),
          "; sums are of f32, f64, f16, bf16, i32 and i64");
    return;
  }
  uint64_t members = count(group->pp());
  if (const fb::Mesh *mesh = program.mesh()) {
    members *= contains(group->over(), fb::Axes::Dp) ? mesh->dp() : 1;
    members *= contains(group->over(), fb::Axes::Ep) ? mesh->ep() : 1;
  }
  bool inPlace = from.space() == to.space() && from.index() == to.index() &&
                 from.offset() == to.offset() && from.bytes() == to.bytes();
  if (count(collective.parts()) > 0) {
    validateParts(here, collective, members, inPlace);
    return;
  }
  uint64_t expected = from.bytes();
  bool whole = true;
  switch (collective.kind()) {
  case fb::CollectiveKind::AllReduce:
    break;
  case fb::CollectiveKind::AllGather:
    whole = multiply(expected, members);
    break;
  case fb::CollectiveKind::ReduceScatter:
    whole = members && from.bytes() % (members * element) == 0;
    expected = members ? from.bytes() / members : 0;
    break;
  case fb::CollectiveKind::AllToAll:
    whole = members && from.bytes() % (members * element) == 0;
    break;
  }
  if (!whole || expected != to.bytes())
    error(here, ": a source of ", from.bytes(), " bytes and a destination of ", to.bytes(),
          " do not fit together among ", members, " ranks");
  if (!(inPlace && collective.kind() == fb::CollectiveKind::AllReduce))
    checkAliases(scope, here, {{&from, true, false, "buffer", 0}, {&to, false, true, "buffer", 1}});
}

void Validator::validateParts(const std::string &here, const fb::Collective &collective,
                              uint64_t members, bool inPlace) {
  if (!(program.features() & kFeatureParts))
    error(here, " has parts, but the program does not name the feature");
  if (collective.kind() != fb::CollectiveKind::ReduceScatter &&
      collective.kind() != fb::CollectiveKind::AllGather)
    error(here, " has parts; only a reduce-scatter or an all-gather can have them");
  if (!inPlace)
    error(here, " has parts; its source and its destination must be one range");
  const uint64_t bytes = collective.src()->bytes(), element = sizeOf(elementOf(collective));
  uint64_t sum = 0;
  bool isWhole = count(collective.parts()) == members;
  for (uint64_t part : walk(collective.parts())) {
    isWhole &= part % element == 0 && part <= bytes - sum;
    if (!isWhole)
      break;
    sum += part;
  }
  if (!isWhole || sum != bytes)
    error(here, " has parts that are not those of ", members, " ranks, whole values of ", bytes,
          " bytes together");
}

void Validator::validateRun(const Scope &scope, uint32_t index, const fb::Run &run) {
  std::string here = where(scope, index);
  if (run.block() >= count(program.blocks())) {
    error(here, " names block ", run.block(), " of ", count(program.blocks()));
    return;
  }
  const fb::Block &block = *program.blocks()->Get(run.block());
  uint32_t operands = count(block.operands());
  std::string name = "block " + blockName(program, block);
  if (count(run.operands()) != operands || count(run.operand_events()) != operands) {
    error(here, " gives ", count(run.operands()), " operands and ", count(run.operand_events()),
          " events for them to ", name, ", which has ", operands);
    return;
  }
  if (count(run.result_events()) != count(block.results()))
    error(here, " names ", count(run.result_events()), " events for the ", count(block.results()),
          " results of ", name);
  if (count(run.streams()) != block.streams())
    error(here, " names ", count(run.streams()), " streams for ", name, ", which runs on ",
          block.streams());
  std::vector<bool> taken(scope.streams, false);
  for (uint16_t stream : walk(run.streams())) {
    if (stream >= scope.streams)
      error(here, " is on stream ", stream, " of ", scope.streams);
    else if (taken[stream])
      error(here, " names stream ", streamName(program, stream), " twice");
    else
      taken[stream] = true;
  }
  uint16_t own = scope.commands->Get(index)->stream();
  if (own < scope.streams && !taken[own])
    error(here, " stands on stream ", streamName(program, own),
          ", which is none of its block's streams");
  for (int32_t event : walk(run.operand_events())) {
    if (event < -1)
      error(here, " waits for event ", event);
    else if (event >= 0)
      checkWait(scope, event, here);
  }
  std::vector<Use> uses;
  uint32_t number = 0;
  for (const fb::Ref *ref : walk(run.operands())) {
    const fb::Operand &operand = *block.operands()->Get(number);
    if (checkRef(scope, here, ref, "operand " + std::to_string(number), writes(operand.access()),
                 alignmentOf(std::max<uint64_t>(operand.bytes(), 1)))) {
      if (ref->dtype() != operand.dtype())
        error(here, ": operand ", number, " ", quoted(text(program, operand.name())),
              " is of type ", nameOf(elementOf(*ref)), "; ", name, " takes ",
              elementNumbered(operand.dtype()) ? nameOf(elementOf(operand)) : "an unknown type");
      if (ref->bytes() < operand.bytes())
        error(here, ": operand ", number, " ", quoted(text(program, operand.name())), " has ",
              ref->bytes(), " bytes; ", name, " takes ", operand.bytes());
      uses.push_back({ref, reads(operand.access()), writes(operand.access()), "operand", number});
    }
    ++number;
  }
  checkAliases(scope, here, std::move(uses));
  for (int32_t microBatch : {run.micro_batch(), run.pair_micro_batch()})
    if (microBatch < -1 || microBatch >= int64_t(program.micro_batches()))
      error(here, " is of micro-batch ", microBatch, " of ", program.micro_batches());
  if (run.pair_micro_batch() >= 0 && block.kind() != fb::TaskKind::Pair)
    error(here, " has the micro-batch of a second task, but ", name, " is no pair");
}

void Validator::validateAction(Scope &scope, uint32_t index) {
  const fb::Command &command = *scope.commands->Get(index);
  std::string here = where(scope, index);
  if (!command.action()) {
    error(here, " says nothing to do");
    return;
  }
  // What is bound to one micro-batch or to one message cannot be run twice.
  bool onlyOrder =
      command.action_type() == fb::Action::Feed || command.action_type() == fb::Action::Fetch ||
      command.action_type() == fb::Action::Exchange || command.action_type() == fb::Action::Run;
  if (scope.block && onlyOrder) {
    error(here, " cannot stand in a block, which runs many times");
    return;
  }
  auto checkInput = [&](const auto *tensors, uint32_t number, uint32_t microBatch,
                        const fb::Ref &ref, const char *what) {
    if (number >= count(tensors)) {
      error(here, " names ", what, " ", number, " of ", count(tensors));
      return false;
    }
    if (microBatch >= program.micro_batches())
      error(here, " is of micro-batch ", microBatch, " of ", program.micro_batches());
    const fb::Tensor &tensor = *tensors->Get(number);
    uint64_t bytes = 0;
    if (!tensorBytes(tensor, bytes))
      return false;
    if (ref.dtype() != tensor.dtype())
      error(here, " moves values of type ", nameOf(elementOf(ref)), "; ", what, " ",
            quoted(text(tensor.name())), " is of type ", nameOf(elementOf(tensor)));
    if (ref.bytes() != bytes)
      error(here, " moves ", ref.bytes(), " bytes; ", what, " ", quoted(text(tensor.name())),
            " has ", bytes);
    return true;
  };

  switch (command.action_type()) {
  case fb::Action::Launch:
    return validateLaunch(scope, index, *command.action_as_Launch());
  case fb::Action::Call:
    return validateCall(scope, index, *command.action_as_Call());
  case fb::Action::Exchange:
    return validateExchange(scope, index, *command.action_as_Exchange());
  case fb::Action::Collective:
    return validateCollective(scope, index, *command.action_as_Collective());
  case fb::Action::Run:
    return validateRun(scope, index, *command.action_as_Run());
  case fb::Action::Join:
    return;
  case fb::Action::Copy: {
    const fb::Copy &copy = *command.action_as_Copy();
    bool src = checkRef(scope, here, copy.src(), "the source", false);
    bool dst = checkRef(scope, here, copy.dst(), "the destination", true);
    if (!src || !dst)
      return;
    checkSameType(here, *copy.src(), *copy.dst());
    if (copy.src()->bytes() != copy.dst()->bytes())
      error(here, " copies ", copy.src()->bytes(), " bytes into ", copy.dst()->bytes());
    return checkAliases(
        scope, here,
        {{copy.src(), true, false, "buffer", 0}, {copy.dst(), false, true, "buffer", 1}});
  }
  case fb::Action::Fill: {
    const fb::Fill &fill = *command.action_as_Fill();
    if (checkRef(scope, here, fill.dst(), "the destination", true, 4) &&
        fill.dst()->bytes() % 4 != 0)
      error(here, " fills ", fill.dst()->bytes(), " bytes, which are no multiple of 4");
    return;
  }
  case fb::Action::Feed: {
    const fb::Feed &feed = *command.action_as_Feed();
    if (checkRef(scope, here, feed.dst(), "the destination", true))
      checkInput(program.inputs(), feed.input(), feed.micro_batch(), *feed.dst(), "input");
    return;
  }
  case fb::Action::Fetch: {
    const fb::Fetch &fetch = *command.action_as_Fetch();
    if (checkRef(scope, here, fetch.src(), "the source", false) &&
        checkInput(program.outputs(), fetch.output(), fetch.micro_batch(), *fetch.src(),
                   "output") &&
        !fetched.insert({fetch.output(), fetch.micro_batch()}).second)
      error(here, " fetches ", quoted(text(program.outputs()->Get(fetch.output())->name())),
            " of micro-batch ", fetch.micro_batch(), " a second time");
    return;
  }
  case fb::Action::NONE:
    break;
  }
  error(here, " is of a kind that this build does not know");
}
