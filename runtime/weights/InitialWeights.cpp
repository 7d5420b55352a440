// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Initial values by their sources.
#include "weights/InitialWeights.h"
#include "program/format/Half.h"
#include <algorithm>

namespace dpcrt {

// Values are drawn in f32, whatever the parameter's type.
static void draw(const Manifest::Parameter &p, const Manifest::InitSource &init, uint64_t first,
                 uint64_t count, char *to) {
  auto fill = [&](float *floats) {
    fillInit(floats, first, count, init.seed, p.name, init.kind, init.stddev);
  };
  if (p.type == Element::F32)
    return fill(reinterpret_cast<float *>(to));
  std::vector<float> drawn(count); // of f64, as a manifest has no others
  fill(drawn.data());
  std::copy(drawn.begin(), drawn.end(), reinterpret_cast<double *>(to));
}

Status InitialWeights::read(const Manifest::Parameter &p, uint64_t first, uint64_t count,
                            char *to) {
  uint64_t unit = sizeOf(p.type), from = first / unit, elements = count / unit;
  if (auto *init = std::get_if<Manifest::InitSource>(&p.source)) {
    draw(p, *init, from, elements, to);
    return {};
  }
  if (!p.storage)
    return readStored(p, first, count, to);
  uint64_t storedUnit = sizeOf(*p.storage);
  std::vector<char> stored(elements * storedUnit);
  if (Status s = readStored(p, from * storedUnit, stored.size(), stored.data()); !s.ok())
    return s;
  widenHalf(*p.storage, stored.data(), reinterpret_cast<float *>(to), elements);
  return {};
}

Status InitialWeights::readStored(const Manifest::Parameter &p, uint64_t first, uint64_t count,
                                  char *to) {
  if (auto *source = std::get_if<Manifest::WeightsSource>(&p.source))
    return fromTensors(manifest.weights, source->key, p.storageType(), p.shape, first, count, to);
  return fromFile(p.name, std::get<Manifest::FileSource>(p.source), first, count, to);
}

Status InitialWeights::read(const Manifest::StateEntry &entry, std::vector<char> &bytes) {
  bytes.resize(*byteSize(entry.shape, sizeOf(entry.type)));
  if (auto *source = std::get_if<Manifest::WeightsSource>(&entry.source))
    return fromTensors(manifest.stateFile, source->key, entry.type, entry.shape, 0, bytes.size(),
                       bytes.data());
  return fromFile(entry.key, std::get<Manifest::FileSource>(entry.source), 0, bytes.size(),
                  bytes.data());
}

Status InitialWeights::fromTensors(const std::string &file, const std::string &key, Element type,
                                   const std::vector<uint64_t> &shape, uint64_t first,
                                   uint64_t count, char *to) {
  auto [it, added] = tensors.try_emplace(file);
  if (added)
    if (Status s = SafetensorsReader::open(directory + "/" + file, Code::Artifact, it->second);
        !s.ok())
      return s;
  const StoredTensor *tensor = it->second.find(key);
  if (!tensor || tensor->type != type || tensor->shape != shape)
    return error(Code::Artifact, "'", file, "' has no tensor '", key, "' of ", nameOf(type),
                 shapeText(shape));
  return it->second.file().read(tensor->offset + first, to, count);
}

Status InitialWeights::fromFile(const std::string &name, const Manifest::FileSource &source,
                                uint64_t first, uint64_t count, char *to) {
  auto [it, added] = files.try_emplace(source.path);
  InputFile &file = it->second;
  if (added)
    if (Status s = InputFile::open(source.path, Code::Artifact, file); !s.ok())
      return s.within("the weights of '" + name + "'");
  if (file.size() != source.size || file.modificationTime() != source.mtime)
    return error(Code::Artifact, "'", source.path, "', which holds the weights of '", name,
                 "', has changed since the model was compiled: it has ", file.size(),
                 " bytes of time ", file.modificationTime(), " ns, expected ", source.size,
                 " bytes of time ", source.mtime, " ns; compile it again");
  return file.read(source.offset + first, to, count);
}

} // namespace dpcrt
