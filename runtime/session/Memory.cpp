// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Allocation and first content.
#include "session/Memory.h"
#include "program/format/Half.h"
#include "session/Pieces.h"
#include "weights/InitialWeights.h"
#include <algorithm>
#include <cstring>
#include <set>

namespace dpcrt {
Status RankMemory::allocate(const Artifact &artifact, const std::string &entry,
                            const RankRange &own, Device &device, const RankMemory *training) {
  ranks = own;
  sharesWeights = training != nullptr;
  const std::vector<ProgramFile> &files = *artifact.entry(entry);
  const RankGrid grid = artifact.manifest.mesh.grid();
  for (uint32_t rank = ranks.first; rank < ranks.end; ++rank) {
    const uint32_t coordinate = grid.placeOf(rank).pp;
    programs.push_back(&files[coordinate].program());
    if (Status s = allocateRank(artifact, coordinate, device, training); !s.ok())
      return s;
  }
  return bindParameters(artifact.manifest);
}

Status RankMemory::allocateRank(const Artifact &artifact, uint32_t coordinate, Device &device,
                                const RankMemory *training) {
  const fb::Program &program = *programs.back();
  const size_t here = programs.size() - 1;
  owned.push_back(0);
  auto allocated = [&](uint64_t bytes, MemoryKind kind, const char *what,
                       ArenaMemory &out) -> Status {
    if (Status s = device.allocate(bytes, kind, out.data); !s.ok())
      return s.within("rank " + std::to_string(ranks.first + here) + ", " + what);
    out.bytes = bytes;
    owned.back() += bytes;
    return {};
  };
  if (training) {
    blocks.push_back(training->blocks[here]);
  } else {
    blocks.emplace_back();
    for (ArenaHome::Kind block : kCommonBlocks) {
      uint64_t bytes = 0;
      for (auto &[name, files] : artifact.programs)
        bytes = std::max(bytes, blockBytes(files[coordinate].program(), block));
      if (bytes == 0)
        continue;
      bool isSent = block == ArenaHome::Messages;
      if (Status s = allocated(bytes, isSent ? MemoryKind::Messages : MemoryKind::Device,
                               isSent ? "messages" : "stash and workspace", blocks.back()[block]);
          !s.ok())
        return s;
    }
  }
  std::vector<ArenaHome> homes = homesOf(program, training ? training->programs[here] : nullptr);
  arenas.emplace_back();
  for (uint32_t a = 0; a < homes.size(); ++a) {
    const fb::Arena &arena = *program.arenas()->Get(a);
    ArenaMemory memory{{}, arena.bytes()};
    if (homes[a].kind == ArenaHome::Idle || homes[a].kind == ArenaHome::Messages)
      memory.data = blocks.back()[homes[a].kind].data + homes[a].offset;
    else if (homes[a].kind == ArenaHome::Shared)
      memory.data = training->arenas[here][homes[a].arena].data;
    else if (Status s =
                 allocated(arena.bytes(), arena.host() ? MemoryKind::Host : MemoryKind::Device,
                           ("arena '" + std::string(text(arena.name())) + "'").c_str(), memory);
             !s.ok())
      return s;
    if (arena.role() == fb::ArenaRole::Weights && homes[a].kind != ArenaHome::Shared)
      sharesWeights = false;
    arenas.back().push_back(memory);
  }
  return {};
}

Status RankMemory::bindParameters(const Manifest &manifest) {
  const RankGrid grid = manifest.mesh.grid();
  std::map<std::string, size_t> index;
  for (const auto &p : manifest.parameters) {
    index[p.name] = parameters.size();
    parameters.push_back({&p, *byteSize(p.shape, sizeOf(p.type)), {}});
  }
  for (uint32_t rank = ranks.first; rank < ranks.end; ++rank)
    for (auto *p : items(programs[rank - ranks.first]->parameters())) {
      HeldParameter &held = parameters[index[std::string(text(p->tensor()->name()))]];
      Holding h;
      h.rank = rank;
      h.parameter = p;
      const RankPlace place = grid.placeOf(rank);
      const Kept kept = keptBy(*p, grid.replicaOf(place));
      const uint64_t unit = sizeOf(keptElement(*p));
      // Elements, because who only computes with them may have smaller ones.
      const uint64_t elements = elementsOf(*p), whole = held.bytes / sizeOf(held.manifest->type);
      const Holding::Range part = {kept.extent.begin * unit, kept.extent.count * unit};
      h.bytes = elements * unit;
      h.computed = address(rank, *p->weight());
      h.computedBytes = p->weight()->bytes();
      if (kept.master) {
        h.weight = address(rank, *kept.master);
        h.weights = part;
      } else if (!hasMaster(*p)) {
        h.weight = h.computed;
        h.weights = {0, h.bytes};
      }
      h.slice = elements == whole ? 0 : place.ep;
      if (elements * (h.slice + 1) > whole)
        return error(Code::Artifact, "parameter '", held.manifest->name, "' has ", whole,
                     " elements in the manifest and ", elements, " on rank ", rank);
      if (p->trained() && p->gradient()) {
        h.gradient = address(rank, *p->gradient());
        h.reduced = part;
      }
      for (auto *moment : items(kept.moments)) {
        h.moments.push_back(address(rank, *moment));
        h.moment = part;
      }
      held.holdings.push_back(std::move(h));
    }
  return {};
}

Status Holding::writeWeight(Device &device, uint64_t first, const char *values,
                            uint64_t count) const {
  const uint64_t begin = std::max(first, weights.begin),
                 end = std::min(first + count, weights.end());
  if (begin < end)
    if (Status s =
            device.upload(weight + (begin - weights.begin), values + (begin - first), end - begin);
        !s.ok())
      return s;
  if (!hasMaster(*parameter))
    return {};
  Element type = elementOf(*parameter->weight());
  std::vector<float> exact;
  std::vector<char> rounded;
  return inPieces(count, [&](uint64_t at, uint64_t bytes) {
    uint64_t elements = bytes / sizeof(float);
    exact.resize(elements);
    rounded.resize(elements * sizeOf(type));
    std::memcpy(exact.data(), values + at, bytes); // the caller's may lie anywhere
    narrowHalf(type, exact.data(), rounded.data(), elements);
    return device.upload(computed + (first + at) / sizeof(float) * sizeOf(type), rounded.data(),
                         rounded.size());
  });
}

const HeldParameter *RankMemory::find(const std::string &name) const {
  for (const HeldParameter &p : parameters)
    if (p.manifest->name == name)
      return &p;
  return nullptr;
}

Status RankMemory::loadConstants(const Artifact &artifact, Device &device) {
  InputFile file;
  std::vector<char> values;
  for (uint32_t rank = ranks.first; rank < ranks.end; ++rank)
    for (auto *constant : items(programs[rank - ranks.first]->constants())) {
      if (file.path().empty())
        if (Status s =
                InputFile::open(artifact.path(artifact.manifest.constants), Code::Artifact, file);
            !s.ok())
          return s;
      DeviceAddress to = address(rank, *constant->dst());
      Status s = inPieces(constant->dst()->bytes(), [&](uint64_t at, uint64_t bytes) {
        values.resize(bytes);
        Status read = file.read(constant->file_offset() + at, values.data(), bytes);
        return read.ok() ? device.upload(to + at, values.data(), bytes) : read;
      });
      if (!s.ok())
        return s;
    }
  return {};
}

Status RankMemory::loadWeights(const Artifact &artifact, Device &device) {
  InitialWeights reader(artifact.directory, artifact.manifest);
  std::vector<char> values;
  for (const HeldParameter &p : parameters) {
    std::set<std::pair<uint64_t, uint64_t>> loaded; // slices, and their sizes
    for (const Holding &first : p.holdings) {
      if (!loaded.insert({first.slice, first.bytes}).second)
        continue;
      // Read or drawn once, for all that hold them.
      Status s = inPieces(first.bytes, [&](uint64_t at, uint64_t bytes) {
        values.resize(bytes);
        Status status =
            reader.read(*p.manifest, first.slice * first.bytes + at, bytes, values.data());
        for (const Holding &h : p.holdings)
          if (status.ok() && h.slice == first.slice && h.bytes == first.bytes)
            status = h.writeWeight(device, at, values.data(), bytes);
        return status;
      });
      if (!s.ok())
        return s;
    }
  }
  return {};
}

} // namespace dpcrt
