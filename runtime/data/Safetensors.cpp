// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing safetensors.
#include "data/Safetensors.h"
#include "data/Hash.h"
#include "data/ParseJson.h"
#include <cstring>

namespace dpcrt {
using nlohmann::json;

namespace {
constexpr uint64_t maximumHeader = 100 << 20; // as the reference implementation

std::optional<uint64_t> asCount(const json &value) {
  if (!value.is_number_unsigned())
    return std::nullopt;
  uint64_t n = value.get<uint64_t>();
  return n >> 63 ? std::nullopt : std::optional(n);
}

// One entry of the header; the empty string, or what is wrong with it.
std::string parseTensor(const json &entry, uint64_t dataBegin, uint64_t fileSize,
                        StoredTensor &out) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    return "needs dtype, shape and data_offsets";
  const json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string())
    return "dtype is not a string";
  auto type = elementOfSafetensors(dtype.get<std::string>());
  if (!type || sizeOf(*type) == 0)
    return "has dtype " + dtype.get<std::string>() + ", which is not known";
  out.type = *type;
  if (!shape.is_array() || shape.size() > 32)
    return "shape is not a list of at most 32 numbers";
  for (const json &d : shape) {
    auto n = asCount(d);
    if (!n)
      return "shape has an element that is not a count";
    out.shape.push_back(*n);
  }
  auto bytes = byteSize(out.shape, sizeOf(*type));
  if (!bytes)
    return "has a shape too large for any file";
  if (!offsets.is_array() || offsets.size() != 2 || !asCount(offsets[0]) || !asCount(offsets[1]))
    return "data_offsets are not two counts";
  uint64_t begin = *asCount(offsets[0]), end = *asCount(offsets[1]);
  if (begin > end || end > fileSize - dataBegin)
    return "occupies bytes " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
           std::to_string(fileSize - dataBegin);
  if (end - begin != *bytes)
    return "has " + std::to_string(end - begin) + " bytes, but " + nameOf(*type) +
           shapeText(out.shape) + " needs " + std::to_string(*bytes);
  out.offset = dataBegin + begin;
  out.bytes = *bytes;
  return "";
}
} // namespace

Status SafetensorsReader::open(const std::string &path, Code code, SafetensorsReader &out) {
  SafetensorsReader reader;
  if (Status s = InputFile::open(path, code, reader.input); !s.ok())
    return s;
  auto damaged = [&](const std::string &what) {
    return Status(code, "'" + path + "' is not a valid safetensors file: " + what);
  };
  uint64_t size = reader.input.size();
  uint8_t prefix[8];
  if (size < sizeof(prefix))
    return damaged("it has " + std::to_string(size) + " bytes");
  if (Status s = reader.input.read(0, prefix, sizeof(prefix)); !s.ok())
    return s;
  uint64_t length = 0;
  for (int i = 0; i < 8; ++i)
    length |= uint64_t(prefix[i]) << (8 * i);
  if (length > size - 8 || length > maximumHeader)
    return damaged("its header claims " + std::to_string(length) + " bytes of " +
                   std::to_string(size - 8));
  std::string text(length, '\0');
  if (Status s = reader.input.read(8, text.data(), length); !s.ok())
    return s;
  json header = parseJson(text);
  if (!header.is_object())
    return damaged("its header is not a JSON object");
  for (auto &[name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (entry.is_object())
        for (auto &[key, value] : entry.items())
          if (value.is_string())
            reader.words.emplace(key, value.get<std::string>());
      continue;
    }
    StoredTensor tensor;
    std::string wrong = parseTensor(entry, 8 + length, size, tensor);
    if (!wrong.empty())
      return damaged("tensor '" + name + "' " + wrong);
    reader.table.emplace(name, std::move(tensor));
  }
  out = std::move(reader);
  return {};
}

const StoredTensor *SafetensorsReader::find(const std::string &name) const {
  auto it = table.find(name);
  return it == table.end() ? nullptr : &it->second;
}

Status writeSafetensors(const std::string &path, const std::vector<TensorToWrite> &tensors,
                        const std::map<std::string, std::string> &metadata, WrittenFile *durable,
                        const TensorBytes &bytesOf) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorToWrite &t : tensors) {
    uint64_t bytes = *byteSize(t.shape, sizeOf(t.type));
    header[t.name] = {{"dtype", safetensorsNameOf(t.type)},
                      {"shape", t.shape},
                      {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' '); // tensors are aligned
  uint8_t prefix[8];
  for (int i = 0; i < 8; ++i)
    prefix[i] = uint8_t(uint64_t(text.size()) >> (8 * i));
  OutputFile file;
  if (Status s = file.create(path); !s.ok())
    return s;
  Hash hash;
  uint64_t written = 0;
  auto write = [&](const void *data, uint64_t bytes) {
    if (durable)
      hash.update(data, bytes);
    written += bytes;
    return file.write(data, bytes);
  };
  if (Status s = write(prefix, 8); !s.ok())
    return s;
  if (Status s = write(text.data(), text.size()); !s.ok())
    return s;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorToWrite &t = tensors[i];
    const void *data = t.data;
    if (bytesOf)
      if (Status s = bytesOf(i, data); !s.ok())
        return s;
    if (Status s = write(data, *byteSize(t.shape, sizeOf(t.type))); !s.ok())
      return s;
  }
  if (durable)
    *durable = {written, hash.hex()};
  return file.commit(durable != nullptr);
}

} // namespace dpcrt
