// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Allocation and first content.
#include "session/Memory.h"
#include "weights/InitialWeights.h"
#include <cstring>

namespace dpcrt {
namespace {
bool sameRef(const fb::Ref *a, const fb::Ref *b) {
  return (!a && !b) || (a && b && a->index() == b->index() && a->offset() == b->offset() &&
                        a->bytes() == b->bytes());
}

// Whether arena `index` of both programs holds the same parameters at the same
// places, so that one memory can serve both.
bool sameLayout(const fb::Program &a, const fb::Program &b, uint32_t index) {
  if (index >= count(b.arenas()) ||
      a.arenas()->Get(index)->bytes() != b.arenas()->Get(index)->bytes() ||
      b.arenas()->Get(index)->role() != fb::ArenaRole::Weights ||
      count(a.parameters()) != count(b.parameters()))
    return false;
  for (uint32_t i = 0; i < count(a.parameters()); ++i) {
    auto *p = a.parameters()->Get(i), *q = b.parameters()->Get(i);
    if (text(p->tensor()->name()) != text(q->tensor()->name()) ||
        !sameRef(p->weight(), q->weight()))
      return false;
  }
  return true;
}
} // namespace

Status RankMemory::allocate(const Artifact &artifact, const std::string &entry, Device &device,
                            const RankMemory *shared) {
  experts = artifact.manifest.mesh.ep;
  sharesWeights = shared != nullptr;
  for (const ProgramFile &file : *artifact.entry(entry))
    for (uint32_t e = 0; e < experts; ++e) {
      const fb::Program &program = file.program();
      size_t rank = programs.size();
      programs.push_back(&program);
      arenas.emplace_back();
      for (uint32_t a = 0; a < count(program.arenas()); ++a) {
        auto *arena = program.arenas()->Get(a);
        bool weights = arena->role() == fb::ArenaRole::Weights;
        if (shared && weights && sameLayout(program, *shared->programs[rank], a)) {
          arenas[rank].push_back(shared->arenas[rank][a]);
          continue;
        }
        if (shared && weights)
          sharesWeights = false;
        void *data = nullptr;
        if (Status s = device.allocate(arena->bytes(), arena->host(), data); !s.ok())
          return s.within("rank " + std::to_string(rank) + ", arena '" +
                          std::string(text(arena->name())) + "'");
        arenas[rank].push_back({static_cast<char *>(data), arena->bytes()});
      }
    }
  return bindParameters(artifact.manifest, experts);
}

Status RankMemory::bindParameters(const Manifest &manifest, uint32_t experts) {
  std::map<std::string, size_t> index;
  for (const auto &p : manifest.parameters) {
    index[p.name] = parameters.size();
    parameters.push_back({&p, *byteSize(p.shape, sizeOf(p.type)), {}});
  }
  for (size_t rank = 0; rank < programs.size(); ++rank)
    for (auto *p : items(programs[rank]->parameters())) {
      HeldParameter &held = parameters[index[std::string(text(p->tensor()->name()))]];
      Holding h;
      h.rank = uint32_t(rank);
      h.parameter = p;
      h.bytes = p->weight()->bytes();
      h.slice = h.bytes == held.bytes ? 0 : rank % experts;
      h.weight = address(rank, *p->weight());
      if (h.bytes * (h.slice + 1) > held.bytes)
        return error(Code::Artifact, "parameter '", held.manifest->name, "' has ", held.bytes,
                     " bytes in the manifest and ", h.bytes, " on rank ", rank);
      if (p->trained() && p->gradient())
        h.gradient = address(rank, *p->gradient());
      if (p->record())
        h.record = address(rank, *p->record());
      for (auto *moment : items(p->moments()))
        h.moments.push_back(address(rank, *moment));
      held.holdings.push_back(std::move(h));
    }
  return {};
}

const HeldParameter *RankMemory::find(const std::string &name) const {
  for (const HeldParameter &p : parameters)
    if (p.manifest->name == name)
      return &p;
  return nullptr;
}

uint64_t RankMemory::arenaBytes(size_t rank) const {
  uint64_t bytes = 0;
  for (const ArenaMemory &arena : arenas[rank])
    bytes += arena.bytes;
  return bytes;
}

Status RankMemory::loadConstants(const Artifact &artifact) {
  InputFile file;
  for (size_t rank = 0; rank < programs.size(); ++rank)
    for (auto *constant : items(programs[rank]->constants())) {
      if (file.path().empty())
        if (Status s =
                InputFile::open(artifact.path(artifact.manifest.constants), Code::Artifact, file);
            !s.ok())
          return s;
      if (Status s = file.read(constant->file_offset(), address(rank, *constant->dst()),
                               constant->dst()->bytes());
          !s.ok())
        return s;
    }
  return {};
}

Status RankMemory::loadWeights(const Artifact &artifact) {
  InitialWeights reader(artifact.directory, artifact.manifest);
  for (HeldParameter &p : parameters)
    for (size_t i = 0; i < p.holdings.size(); ++i) {
      Holding &h = p.holdings[i];
      const Holding *same = nullptr; // bytes that an earlier holder has already
      for (size_t j = 0; j < i && !same; ++j)
        if (p.holdings[j].slice == h.slice)
          same = &p.holdings[j];
      if (same)
        std::memcpy(h.weight, same->weight, h.bytes);
      else if (Status s = reader.read(*p.manifest, h.slice * h.bytes, h.bytes, h.weight); !s.ok())
        return s;
    }
  return {};
}

} // namespace dpcrt
