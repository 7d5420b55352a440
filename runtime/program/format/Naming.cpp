// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How programs are spoken of.

#include "program/format/Naming.h"

#include <cstdio>

using namespace dpcrt;

std::string dpcrt::quoted(std::string_view text) {
  // A name longer than this says nothing more to a reader and may be hostile.
  constexpr size_t limit = 200;
  std::string out = "'";
  for (char c : text.substr(0, limit)) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  out += text.size() > limit ? "…'" : "'";
  return out;
}

std::string dpcrt::plainText(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == '\'' || c == 0x7f)
      return quoted(text);
  return text.empty() || text.size() > 200 ? quoted(text) : std::string(text);
}

const char *dpcrt::roleName(fb::ArenaRole role) {
  switch (role) {
  case fb::ArenaRole::Weights:
    return "weights";
  case fb::ArenaRole::Gradients:
    return "gradients";
  case fb::ArenaRole::Moments:
    return "moments";
  case fb::ArenaRole::Stash:
    return "stash";
  case fb::ArenaRole::Workspace:
    return "workspace";
  case fb::ArenaRole::Constants:
    return "constants";
  case fb::ArenaRole::StepRecord:
    return "step record";
  case fb::ArenaRole::Messages:
    return "messages";
  case fb::ArenaRole::Masters:
    return "masters";
  }
  return "unknown";
}

const char *dpcrt::streamKindName(fb::StreamKind kind) {
  switch (kind) {
  case fb::StreamKind::Compute:
    return "compute";
  case fb::StreamKind::Communication:
    return "communication";
  case fb::StreamKind::Collective:
    return "collective";
  case fb::StreamKind::Reduce:
    return "reduce";
  case fb::StreamKind::Host:
    return "host";
  }
  return "unknown";
}

const char *dpcrt::collectiveName(fb::CollectiveKind kind) {
  switch (kind) {
  case fb::CollectiveKind::AllReduce:
    return "all-reduce";
  case fb::CollectiveKind::AllGather:
    return "all-gather";
  case fb::CollectiveKind::ReduceScatter:
    return "reduce-scatter";
  case fb::CollectiveKind::AllToAll:
    return "all-to-all";
  }
  return "collective";
}

const char *dpcrt::accessName(fb::Access access) {
  switch (access) {
  case fb::Access::Read:
    return "read";
  case fb::Access::Write:
    return "write";
  case fb::Access::ReadWrite:
    return "read-write";
  }
  return "unknown";
}

std::string dpcrt::ordinal(uint64_t number) {
  const char *suffix = "th";
  if (number % 100 < 11 || number % 100 > 13)
    suffix = number % 10 == 1 ? "st" : number % 10 == 2 ? "nd" : number % 10 == 3 ? "rd" : "th";
  return std::to_string(number) + suffix;
}

const char *dpcrt::actionNoun(const fb::Command &command) {
  switch (command.action_type()) {
  case fb::Action::Launch:
    return "launch";
  case fb::Action::Call:
    return "call";
  case fb::Action::Copy:
    return "copy";
  case fb::Action::Fill:
    return "fill";
  case fb::Action::Feed:
    return "feed";
  case fb::Action::Fetch:
    return "fetch";
  case fb::Action::Exchange:
    return "exchange";
  case fb::Action::Collective:
    if (const fb::Collective *collective = command.action_as_Collective())
      return collectiveName(collective->kind());
    return "collective";
  case fb::Action::Run:
    return "run";
  case fb::Action::Join:
    return "join";
  case fb::Action::NONE:
    break;
  }
  return "command";
}

std::string dpcrt::transferName(const fb::Transfer &transfer) {
  bool send = transfer.direction() == fb::Direction::Send;
  return std::string(send ? "send" : "receive") + " message " + std::to_string(transfer.message()) +
         (send ? " to" : " from") + " rank " + std::to_string(transfer.peer());
}

static std::string half(const char *kind, int32_t stage, int32_t microBatch) {
  std::string out = kind;
  if (stage >= 0)
    out += " s" + std::to_string(stage);
  if (microBatch >= 0)
    out += " m" + std::to_string(microBatch);
  return out;
}

std::string dpcrt::taskName(const fb::Program &program, const fb::Block &block, int32_t microBatch,
                            int32_t pairMicroBatch) {
  switch (block.kind()) {
  case fb::TaskKind::Forward:
    return half("F", block.stage(), microBatch);
  case fb::TaskKind::InputHalf:
    return half("I", block.stage(), microBatch);
  case fb::TaskKind::WeightHalf:
    return half("W", block.stage(), microBatch);
  case fb::TaskKind::Backward:
    return half("B", block.stage(), microBatch);
  case fb::TaskKind::Pair:
    return "(" + half("F", block.stage(), microBatch) + " & " +
           half("B", block.pair_stage(), pairMicroBatch) + ")";
  case fb::TaskKind::Update:
    return half("update", block.stage(), -1);
  case fb::TaskKind::Other:
    break;
  }
  return half(blockName(program, block).c_str(), -1, microBatch);
}

std::string dpcrt::taskName(const fb::Program &program, const fb::Run &run) {
  if (run.block() >= count(program.blocks()))
    return "block " + std::to_string(run.block());
  return taskName(program, *program.blocks()->Get(run.block()), run.micro_batch(),
                  run.pair_micro_batch());
}

std::string dpcrt::commandName(const fb::Program &program, const fb::Block *block, uint32_t index) {
  const fb::Command &command = *(block ? block->commands() : program.order())->Get(index);
  std::string out = actionNoun(command);
  out += " #" + std::to_string(index);
  std::string_view label = text(program, command.label());
  if (const fb::Run *run = command.action_as_Run()) {
    std::string task = taskName(program, *run);
    if (task.front() != '(')
      task = "(" + task + ")";
    // The writer may have given the task's name as the label as well.
    if (!label.empty() && label != task &&
        label != std::string_view(task).substr(1, task.size() - 2))
      out += " " + quoted(label);
    return out + " " + task;
  }
  if (!label.empty())
    out += " " + quoted(label);
  if (const fb::Exchange *exchange = command.action_as_Exchange()) {
    uint32_t transfers = count(exchange->transfers());
    if (transfers != 0) {
      out += " (" + transferName(*exchange->transfers()->Get(0));
      if (transfers > 1)
        out += " and " + std::to_string(transfers - 1) + " more";
      out += ")";
    }
  }
  return out;
}

static std::string interval(uint64_t begin, uint64_t end) {
  return "[" + std::to_string(begin) + ".." + std::to_string(end) + ")";
}

std::string dpcrt::rangeName(const fb::Program &program, uint32_t arena, uint64_t begin,
                             uint64_t end) {
  std::string name = arena < count(program.arenas())
                         ? plainText(text(program.arenas()->Get(arena)->name()))
                         : "arena " + std::to_string(arena);
  return name + interval(begin, end);
}

std::string dpcrt::rangeName(const fb::Program &program, const fb::Block *block,
                             const fb::Ref &ref) {
  uint64_t end = ref.offset() + ref.bytes();
  if (ref.space() == fb::Space::Arena)
    return rangeName(program, ref.index(), ref.offset(), end);
  std::string name = std::to_string(ref.index());
  if (block && ref.index() < count(block->operands())) {
    std::string_view own = text(program, block->operands()->Get(ref.index())->name());
    if (!own.empty())
      name = plainText(own);
  }
  return "%" + name + interval(ref.offset(), end);
}

std::string dpcrt::streamName(const fb::Program &program, uint32_t stream) {
  if (stream < count(program.streams())) {
    std::string_view name = text(program.streams()->Get(stream)->name());
    if (!name.empty())
      return plainText(name);
  }
  return std::to_string(stream);
}

std::string dpcrt::blockName(const fb::Program &program, const fb::Block &block) {
  return plainText(text(program, block.name()));
}
