// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One file of weights, or shards with their index.
#include "weights/WeightFiles.h"
#include "data/ParseJson.h"
#include <algorithm>
#include <set>

namespace dpcrt {
namespace {
bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// A pickle can run any code when it is loaded; it is turned into a safetensors file
// by the framework that wrote it.
bool isPickle(const std::string &path) {
  for (const char *end : {".pt", ".pth", ".bin", ".ckpt", ".bin.index.json"})
    if (endsWith(path, end))
      return true;
  InputFile file;
  char start[4] = {};
  return InputFile::open(path, Code::Data, file).ok() && file.size() >= sizeof(start) &&
         file.read(0, start, sizeof(start)).ok() &&
         (std::equal(start, start + 4, "PK\x03\x04") || std::equal(start, start + 2, "\x80\x02"));
}
} // namespace

Status WeightFiles::open(const std::string &path, WeightFiles &out) {
  if (isPickle(path))
    return error(Code::Data, "'", path,
                 "' is a PyTorch file, which dpc does not load; python -m dpc.weights ", path,
                 " OUT.safetensors turns it into one that it does");
  if (endsWith(path, ".onnx"))
    return error(Code::Data, "'", path,
                 "' is a model; a run of what dpc compile makes of it begins with its weights");
  WeightFiles result;
  Status s = endsWith(path, ".json") ? result.openIndex(path) : result.add(path);
  if (s.ok())
    out = std::move(result);
  return s;
}

Status WeightFiles::add(const std::string &path) {
  auto file = std::make_unique<SafetensorsReader>();
  Layout layout;
  if (Status s = SafetensorsReader::open(path, Code::Data, *file); !s.ok())
    return s;
  if (Status s = layoutOf(*file, layout); !s.ok())
    return s;
  if (!files.empty() && layout != recorded)
    return error(Code::Data, "'", path, "' has the ", nameOf(layout), "'s layout, '",
                 files.front()->file().path(), "' the ", nameOf(recorded), "'s");
  recorded = layout;
  for (auto &[name, tensor] : file->tensors()) {
    auto [it, fresh] = places.try_emplace(name, Place{file.get(), &tensor});
    if (!fresh)
      return error(Code::Data, "tensor '", name, "' is in '", it->second.file->file().path(),
                   "' and in '", path, "'");
  }
  files.push_back(std::move(file));
  return {};
}

Status WeightFiles::openIndex(const std::string &path) {
  std::string text;
  if (Status s = readWholeFile(path, Code::Data, text); !s.ok())
    return s;
  nlohmann::json index = parseJson(text);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    return error(Code::Data, "'", path, "' is no index of weights: it has no weight_map");
  std::set<std::string> shards;
  for (auto &[name, shard] : index["weight_map"].items()) {
    if (!shard.is_string())
      return error(Code::Data, "'", path, "': the file of tensor '", name, "' is not a name");
    std::string file = shard.get<std::string>();
    if (!isContainedPath(file))
      return error(Code::Data, "'", path, "': tensor '", name, "' is said to be in '", file,
                   "', which is not a file below the index's folder");
    shards.insert(file);
  }
  std::string folder = path.substr(0, path.rfind('/') + 1); // "" without a '/'
  std::string missing;
  for (const std::string &shard : shards) {
    InputFile probe;
    if (Status s = InputFile::open(folder + shard, Code::Data, probe); !s.ok())
      missing += "\n  " + s.message();
  }
  if (!missing.empty())
    return error(Code::Data, "'", path, "' lists files that cannot be read:", missing);
  for (const std::string &shard : shards)
    if (Status s = add(folder + shard); !s.ok())
      return s;
  std::string absent;
  for (auto &[name, shard] : index["weight_map"].items()) {
    const Place *place = find(name);
    if (!place || place->file->file().path() != folder + shard.get<std::string>())
      absent += "\n  '" + name + "' is not in '" + shard.get<std::string>() + "'";
  }
  if (!absent.empty())
    return error(Code::Data, "'", path, "' and its files differ:", absent);
  return {};
}

const WeightFiles::Place *WeightFiles::find(const std::string &name) const {
  auto it = places.find(name);
  return it == places.end() ? nullptr : &it->second;
}

Status WeightFiles::read(const Place &place, std::vector<char> &bytes) {
  bytes.resize(place.tensor->bytes);
  return place.file->file().read(place.tensor->offset, bytes.data(), bytes.size());
}

} // namespace dpcrt
