// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON to CheckpointManifest and back, under a checksum of its own: a digit of the
// step or of the cursor that flipped would otherwise be a valid document.
#include "checkpoint/CheckpointManifest.h"
#include "data/Hash.h"
#include "data/JsonReader.h"
#include "data/ParseJson.h"
#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

namespace dpcrt {
using json = nlohmann::ordered_json;

namespace {
constexpr const char *kChecksumKey = ",\n \"checksum\": \"";
constexpr const char *kEnd = "\"\n}\n";
constexpr size_t kHexDigits = 32;

bool isHex(const std::string &text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

class Reader : JsonReader {
public:
  CheckpointManifest m;
  using JsonReader::error;
  Reader() : JsonReader("checkpoint") {}

  bool document(const json &doc) {
    return header(doc) && numbers(doc) && parameters(doc) && files(doc) &&
           (!m.inParts || everyTensorIsWhole());
  }

private:
  bool header(const json &doc) {
    unsigned major = 0;
    if (!formatIs(doc, "dpc-checkpoint", CheckpointManifest::formatWhole,
                  CheckpointManifest::formatInParts, major))
      return false;
    m.inParts = major == CheckpointManifest::formatInParts;
    const json *model = member(doc, "", "model"), *config = member(doc, "", "config");
    if (!model || !config || !string(doc, "", "producer", m.producer) ||
        !string(*model, "model", "name", m.modelName) ||
        !string(*model, "model", "hash", m.modelHash) || !string(doc, "", "optimizer", m.optimizer))
      return false;
    m.config = *config;
    return true;
  }

  bool real(const json &doc, const char *key, double &out) {
    const json *value = member(doc, "", key);
    if (value && (!value->is_number() || !std::isfinite(value->get<double>())))
      return fail(key, "is not a finite number");
    if (value)
      out = value->get<double>();
    return value;
  }

  bool numbers(const json &doc) {
    if (!number(doc, "", "generation", m.generation) || !number(doc, "", "step", m.step) ||
        !number(doc, "", "updates", m.updates) || !number(doc, "", "cursor", m.cursor) ||
        !number(doc, "", "rows", m.rows) || !real(doc, "loss_scale", m.lossScale) ||
        !real(doc, "learning_rate", m.learningRate) || !number(doc, "", "ranks", m.ranks) ||
        !number(doc, "", "micro_batches", m.microBatches))
      return false;
    if (m.updates > m.step)
      return fail("updates", "is more than the steps");
    // Seeds are any 64 bits.
    const json *seed = member(doc, "", "seed"), *shuffle = member(doc, "", "shuffle");
    if (!seed || !shuffle)
      return false;
    if (!seed->is_number_unsigned())
      return fail("seed", "is not a seed");
    m.seed = seed->get<uint64_t>();
    if (shuffle->is_null())
      return true;
    if (!shuffle->is_number_unsigned())
      return fail("shuffle", "is neither null nor a seed");
    m.shuffle = shuffle->get<uint64_t>();
    return true;
  }

  bool parameters(const json &doc) {
    std::set<std::string> names;
    return list(doc, "", "parameters", [&](const json &e, const std::string &at) {
      CheckpointManifest::Parameter p;
      if (!string(e, at, "name", p.name) || !typeAndShape(e, at, p.type, p.shape) ||
          !strings(e, at, "moments", p.moments))
        return false;
      if (!flag(e, at, "trained", p.trained, /*required=*/true))
        return false;
      bool fresh = names.insert(p.name).second;
      for (const std::string &moment : p.moments)
        fresh &= names.insert(p.name + "." + moment).second;
      if (!fresh)
        return fail(at, "has the name of another tensor: '" + p.name + "'");
      m.parameters.push_back(std::move(p));
      return true;
    });
  }

  bool files(const json &doc) {
    std::set<std::string> names;
    return list(doc, "", "files", [&](const json &e, const std::string &at) {
      CheckpointManifest::File f;
      if (!file(e, at, "name", f.name) || !number(e, at, "bytes", f.bytes) ||
          !string(e, at, "xxh3_128", f.hash))
        return false;
      if (f.name.empty() || f.name == CheckpointManifest::fileName)
        return fail(join(at, "name"), "is no file of tensors");
      if (!isHex(f.hash))
        return fail(join(at, "xxh3_128"), "is not a checksum");
      if (!names.insert(f.name).second)
        return fail(join(at, "name"), "is that of another file: '" + f.name + "'");
      if (m.inParts && !parts(e, at, f))
        return false;
      m.files.push_back(std::move(f));
      return true;
    });
  }

  bool parts(const json &file, const std::string &path, CheckpointManifest::File &out) {
    return list(file, path, "parts", [&](const json &e, const std::string &at) {
      CheckpointManifest::Part part;
      if (!string(e, at, "tensor", part.tensor) || !number(e, at, "begin", part.begin) ||
          !number(e, at, "count", part.count))
        return false;
      if (part.count == 0)
        return fail(join(at, "count"), "is 0");
      out.parts.push_back(std::move(part));
      return true;
    });
  }

  // Every element of every tensor in one part, and none beyond. Counts are below 2^63, so
  // that a part's end does not overflow.
  bool everyTensorIsWhole() {
    std::map<std::string, std::vector<const CheckpointManifest::Part *>> partsOf;
    for (const auto &file : m.files)
      for (const auto &part : file.parts)
        partsOf[part.tensor].push_back(&part);
    for (const auto &known : tensorsOf(m)) {
      const std::string &name = known.first;
      const TensorShape &tensor = known.second;
      std::vector<const CheckpointManifest::Part *> &list = partsOf[name];
      std::sort(list.begin(), list.end(), [](auto *a, auto *b) {
        return std::tie(a->begin, a->count) < std::tie(b->begin, b->count);
      });
      const uint64_t elements = tensor.elements();
      auto wrong = [&](const char *verb, uint64_t begin, uint64_t end, const char *what = "") {
        return fail("files", std::string(verb) + " elements [" + std::to_string(begin) + ".." +
                                 std::to_string(end) + ") of tensor '" + name + "' " +
                                 nameOf(tensor.type) + shapeText(tensor.shape) + what);
      };
      uint64_t next = 0;
      for (const auto *part : list) {
        const uint64_t end = part->begin + part->count;
        if (end > elements)
          return wrong("have", part->begin, end, ", beyond its end");
        if (part->begin < next)
          return wrong("have", part->begin, std::min(next, end), " twice");
        if (part->begin > next)
          return wrong("lack", next, part->begin);
        next = end;
      }
      if (next < elements)
        return wrong("lack", next, elements);
      partsOf.erase(name);
    }
    return partsOf.empty() || fail("files", "have parts of a tensor '" + partsOf.begin()->first +
                                                "' that no parameter has");
  }
};

// Whether a name ends as that of a part does.
bool endsInRange(const std::string &name) {
  size_t open = name.rfind('['), dots = name.rfind("..");
  return !name.empty() && name.back() == ']' && open != std::string::npos &&
         dots != std::string::npos && open < dots &&
         name.find_first_not_of("0123456789.", open + 1) == name.size() - 1;
}

bool isWhole(const CheckpointManifest::Part &part, const TensorShape &tensor) {
  return part.begin == 0 && part.count == tensor.elements();
}
} // namespace

std::map<std::string, TensorShape> tensorsOf(const CheckpointManifest &m) {
  std::map<std::string, TensorShape> tensors;
  for (const auto &p : m.parameters) {
    tensors[p.name] = {p.type, p.shape};
    for (const std::string &moment : p.moments)
      tensors[p.name + "." + moment] = {p.type, p.shape};
  }
  return tensors;
}

std::string storedName(const CheckpointManifest::Part &part, const TensorShape &tensor) {
  if (isWhole(part, tensor) && !endsInRange(part.tensor))
    return part.tensor;
  return part.tensor + "[" + std::to_string(part.begin) + ".." +
         std::to_string(part.begin + part.count) + "]";
}

std::vector<uint64_t> storedShape(const CheckpointManifest::Part &part, const TensorShape &tensor) {
  return isWhole(part, tensor) ? tensor.shape : std::vector<uint64_t>{part.count};
}

std::string writeCheckpointManifest(const CheckpointManifest &m) {
  json doc;
  doc["format"] = "dpc-checkpoint";
  doc["format_version"] = {m.inParts ? CheckpointManifest::formatInParts
                                     : CheckpointManifest::formatWhole,
                           CheckpointManifest::formatMinor};
  doc["producer"] = m.producer;
  doc["generation"] = m.generation;
  doc["step"] = m.step;
  doc["updates"] = m.updates;
  doc["cursor"] = m.cursor;
  doc["rows"] = m.rows;
  doc["seed"] = m.seed;
  doc["shuffle"] = m.shuffle ? json(*m.shuffle) : json(nullptr);
  doc["loss_scale"] = m.lossScale;
  doc["learning_rate"] = m.learningRate;
  doc["model"] = {{"name", m.modelName}, {"hash", m.modelHash}};
  doc["optimizer"] = m.optimizer;
  doc["ranks"] = m.ranks;
  doc["micro_batches"] = m.microBatches;
  doc["layout"] = "initializer";
  doc["parameters"] = json::array();
  for (const auto &p : m.parameters)
    doc["parameters"].push_back({{"name", p.name},
                                 {"shape", p.shape},
                                 {"dtype", nameOf(p.type)},
                                 {"trained", p.trained},
                                 {"moments", p.moments}});
  doc["files"] = json::array();
  for (const auto &f : m.files) {
    doc["files"].push_back({{"name", f.name}, {"bytes", f.bytes}, {"xxh3_128", f.hash}});
    if (!m.inParts)
      continue;
    json &parts = doc["files"].back()["parts"] = json::array();
    for (const auto &part : f.parts)
      parts.push_back({{"tensor", part.tensor}, {"begin", part.begin}, {"count", part.count}});
  }
  doc["config"] = m.config;
  std::string text = doc.dump(1, ' ', false, json::error_handler_t::replace);
  text.resize(text.size() - 2); // the closing "\n}"
  std::string checksum = hashHex(text.data(), text.size());
  return text + kChecksumKey + checksum + kEnd;
}

Status parseCheckpointManifest(const std::string &text, CheckpointManifest &out) {
  auto damaged = [](const std::string &what) { return Status(Code::Checkpoint, what); };
  size_t key = text.rfind(kChecksumKey);
  if (key == std::string::npos)
    return damaged("it does not end with its checksum");
  size_t digits = key + std::string(kChecksumKey).size();
  std::string checksum = text.substr(digits, kHexDigits);
  if (!isHex(checksum) || text.compare(digits + kHexDigits, std::string::npos, kEnd) != 0)
    return damaged("it does not end with its checksum");
  if (hashHex(text.data(), key) != checksum)
    return damaged("it does not have the checksum that it was written with");
  json doc = parseJson<json>(text);
  if (doc.is_discarded())
    return damaged("it is not valid JSON");
  Reader reader;
  if (!reader.document(doc))
    return damaged(reader.error);
  out = std::move(reader.m);
  return {};
}

} // namespace dpcrt
