// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See ArenaSharing.h.
#include "program/format/ArenaSharing.h"

#include <algorithm>
#include <map>
#include <optional>

using namespace dpcrt;

bool dpcrt::isIdle(fb::ArenaRole role) {
  return role == fb::ArenaRole::Stash || role == fb::ArenaRole::Messages ||
         role == fb::ArenaRole::Workspace;
}

static uint64_t alignedBytes(const fb::Arena &arena) {
  return (arena.bytes() + kAlignment - 1) / kAlignment * kAlignment;
}

static bool isSame(const fb::Ref *a, const fb::Ref *b) {
  return (!a && !b) || (a && b && a->index() == b->index() && a->offset() == b->offset() &&
                        a->bytes() == b->bytes() && a->dtype() == b->dtype());
}

/// Whether both programs hold the same parameters, each at the same place.
static bool haveSameWeights(const fb::Program &a, const fb::Program &b) {
  if (count(a.parameters()) != count(b.parameters()))
    return false;
  for (uint32_t i = 0; i < count(a.parameters()); ++i) {
    auto *p = a.parameters()->Get(i), *q = b.parameters()->Get(i);
    if (text(p->tensor()->name()) != text(q->tensor()->name()) || !isSame(p->weight(), q->weight()))
      return false;
  }
  return true;
}

/// Whether every constant of arena `index` is one of the training step's there.
static bool haveSameConstants(const fb::Program &program, const fb::Program &training,
                              uint32_t index, uint32_t other) {
  for (auto *constant : items(program.constants())) {
    const fb::Ref *dst = constant->dst();
    if (dst->index() != index)
      continue;
    bool found = false;
    for (auto *known : items(training.constants()))
      found |= known->dst()->index() == other && known->dst()->offset() == dst->offset() &&
               known->dst()->bytes() == dst->bytes() &&
               known->file_offset() == constant->file_offset();
    if (!found)
      return false;
  }
  return true;
}

/// The training step's arena that can serve as arena `index` of the program.
static std::optional<uint32_t> findShared(const fb::Program &program, const fb::Program &training,
                                          uint32_t index) {
  const fb::Arena &arena = *program.arenas()->Get(index);
  for (uint32_t other = 0; other < count(training.arenas()); ++other) {
    const fb::Arena &known = *training.arenas()->Get(other);
    if (known.role() != arena.role() || known.host() != arena.host() ||
        known.bytes() < arena.bytes())
      continue;
    bool fits = false;
    if (arena.role() == fb::ArenaRole::Weights) // places are compared with their arena's number
      fits = index == other && known.bytes() == arena.bytes() && haveSameWeights(program, training);
    else if (arena.role() == fb::ArenaRole::Constants)
      fits = haveSameConstants(program, training, index, other);
    else if (arena.role() == fb::ArenaRole::StepRecord)
      fits =
          program.step_record() && training.step_record() &&
          program.step_record()->header()->offset() == training.step_record()->header()->offset();
    if (fits)
      return other;
  }
  return std::nullopt;
}

/// Which common block an arena lies in, if it lies in one.
static std::optional<ArenaHome::Kind> blockOf(const fb::Arena &arena) {
  if (!isIdle(arena.role()) || arena.host())
    return std::nullopt;
  return arena.role() == fb::ArenaRole::Messages ? ArenaHome::Messages : ArenaHome::Idle;
}

std::vector<ArenaHome> dpcrt::homesOf(const fb::Program &program, const fb::Program *training) {
  std::vector<ArenaHome> homes;
  std::map<ArenaHome::Kind, uint64_t> used;
  for (uint32_t index = 0; index < count(program.arenas()); ++index) {
    const fb::Arena &arena = *program.arenas()->Get(index);
    if (std::optional<ArenaHome::Kind> block = blockOf(arena)) {
      homes.push_back({*block, 0, used[*block]});
      used[*block] += alignedBytes(arena);
      continue;
    }
    std::optional<uint32_t> shared;
    if (training)
      shared = findShared(program, *training, index);
    homes.push_back(shared ? ArenaHome{ArenaHome::Shared, *shared, 0} : ArenaHome{});
  }
  return homes;
}

uint64_t dpcrt::blockBytes(const fb::Program &program, ArenaHome::Kind block) {
  uint64_t bytes = 0;
  for (auto *arena : items(program.arenas()))
    if (blockOf(*arena) == block)
      bytes += alignedBytes(*arena);
  return bytes;
}

uint64_t dpcrt::bytesOfRank(const std::vector<const fb::Program *> &entryPoints) {
  uint64_t bytes = 0;
  for (ArenaHome::Kind block : kCommonBlocks) {
    uint64_t most = 0;
    for (const fb::Program *program : entryPoints)
      most = std::max(most, blockBytes(*program, block));
    bytes += most;
  }
  for (const fb::Program *program : entryPoints) {
    std::vector<ArenaHome> homes =
        homesOf(*program, program == entryPoints.front() ? nullptr : entryPoints.front());
    for (uint32_t index = 0; index < homes.size(); ++index)
      if (homes[index].kind == ArenaHome::Own)
        bytes += program->arenas()->Get(index)->bytes();
  }
  return bytes;
}
