// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Allocation and first content.
#include "session/Memory.h"
#include "program/format/Half.h"
#include "weights/InitialWeights.h"
#include <cstring>

namespace dpcrt {
Status RankMemory::allocate(const Artifact &artifact, const std::string &entry, Device &device,
                            const RankMemory *training) {
  experts = artifact.manifest.mesh.ep;
  sharesWeights = training != nullptr;
  const std::vector<ProgramFile> &files = *artifact.entry(entry);
  for (uint32_t coordinate = 0; coordinate < files.size(); ++coordinate)
    for (uint32_t e = 0; e < experts; ++e) {
      programs.push_back(&files[coordinate].program());
      if (Status s = allocateRank(artifact, coordinate, device, training); !s.ok())
        return s;
    }
  return bindParameters(artifact.manifest, experts);
}

Status RankMemory::allocateRank(const Artifact &artifact, uint32_t coordinate, Device &device,
                                const RankMemory *training) {
  const fb::Program &program = *programs.back();
  size_t rank = programs.size() - 1;
  owned.push_back(0);
  auto allocated = [&](uint64_t bytes, bool host, const char *what, ArenaMemory &out) -> Status {
    void *data = nullptr;
    if (Status s = device.allocate(bytes, host, data); !s.ok())
      return s.within("rank " + std::to_string(rank) + ", " + what);
    out = {static_cast<char *>(data), bytes};
    owned.back() += bytes;
    return {};
  };
  if (training) {
    blocks.push_back(training->blocks[rank]);
  } else {
    uint64_t bytes = 0;
    for (auto &[name, files] : artifact.programs)
      bytes = std::max(bytes, idleBytes(files[coordinate].program()));
    blocks.emplace_back();
    if (bytes)
      if (Status s = allocated(bytes, false, "stash, messages and workspace", blocks.back());
          !s.ok())
        return s;
  }
  std::vector<ArenaHome> homes = homesOf(program, training ? training->programs[rank] : nullptr);
  arenas.emplace_back();
  for (uint32_t a = 0; a < homes.size(); ++a) {
    const fb::Arena &arena = *program.arenas()->Get(a);
    ArenaMemory memory{nullptr, arena.bytes()};
    if (homes[a].kind == ArenaHome::Idle)
      memory.data = blocks.back().data + homes[a].offset;
    else if (homes[a].kind == ArenaHome::Shared)
      memory.data = training->arenas[rank][homes[a].arena].data;
    else if (Status s =
                 allocated(arena.bytes(), arena.host(),
                           ("arena '" + std::string(text(arena.name())) + "'").c_str(), memory);
             !s.ok())
      return s;
    if (arena.role() == fb::ArenaRole::Weights && homes[a].kind != ArenaHome::Shared)
      sharesWeights = false;
    arenas.back().push_back(memory);
  }
  return {};
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
      const fb::Ref &kept = p->master() ? *p->master() : *p->weight();
      h.bytes = kept.bytes();
      h.weight = address(rank, kept);
      h.computed = address(rank, *p->weight());
      h.computedBytes = p->weight()->bytes();
      // Elements, because who only computes with them may have smaller ones.
      uint64_t elements = h.bytes / sizeOf(elementOf(kept)),
               whole = held.bytes / sizeOf(held.manifest->type);
      h.slice = elements == whole ? 0 : rank % experts;
      if (elements * (h.slice + 1) > whole)
        return error(Code::Artifact, "parameter '", held.manifest->name, "' has ", whole,
                     " elements in the manifest and ", elements, " on rank ", rank);
      if (p->trained() && p->gradient())
        h.gradient = address(rank, *p->gradient());
      if (p->record())
        h.record = address(rank, *p->record());
      for (auto *moment : items(p->moments()))
        h.moments.push_back(address(rank, *moment));
      const Extent extent = momentExtent(*p);
      h.momentBegin = extent.begin * sizeOf(elementOf(kept));
      h.momentBytes = extent.count * sizeOf(elementOf(kept));
      held.holdings.push_back(std::move(h));
    }
  return {};
}

void Holding::roundWeight() const {
  if (parameter->master())
    narrowHalf(elementOf(*parameter->weight()), reinterpret_cast<const float *>(weight), computed,
               bytes / sizeof(float));
}

const HeldParameter *RankMemory::find(const std::string &name) const {
  for (const HeldParameter &p : parameters)
    if (p.manifest->name == name)
      return &p;
  return nullptr;
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
      h.roundWeight();
    }
  return {};
}

} // namespace dpcrt
