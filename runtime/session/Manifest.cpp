// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON to Manifest and back. The reader is strict: a wrong type, an overflow or a
// path that leaves the artifact is an error with the key's path in it.
#include "session/Manifest.h"
#include "data/JsonReader.h"
#include "data/ParseJson.h"
#include "program/format/Optimizers.h"
#include <algorithm>
#include <set>

namespace dpcrt {
using json = nlohmann::ordered_json;

const Manifest::EntryPoint *Manifest::entryPoint(const std::string &name) const {
  for (const EntryPoint &e : entryPoints)
    if (e.name == name)
      return &e;
  return nullptr;
}

const Manifest::Parameter *Manifest::parameter(const std::string &name) const {
  for (const Parameter &p : parameters)
    if (p.name == name)
      return &p;
  return nullptr;
}

namespace {
const char *initKindName(InitKind kind) {
  return kind == InitKind::Ones ? "ones" : kind == InitKind::Zeros ? "zeros" : "normal";
}

class ManifestReader : JsonReader {
public:
  Manifest m;
  using JsonReader::error;
  ManifestReader() : JsonReader("artifact") {}

  bool document(const json &doc) {
    return header(doc) && entryPoints(doc) && targets(doc) && inputs(doc) && parameters(doc) &&
           stateDict(doc) && divisions(doc) && rest(doc);
  }

private:
  bool header(const json &doc) {
    if (!formatIs(doc, "dpc-artifact", Manifest::formatMajor))
      return false;
    const json *model = member(doc, "", "model"), *mesh = member(doc, "", "mesh");
    if (!model || !mesh || !string(doc, "", "producer", m.producer) ||
        !string(*model, "model", "name", m.modelName) ||
        !string(*model, "model", "hash", m.modelHash) || !modelFile(*model) ||
        !number(*mesh, "mesh", "pp", m.mesh.pp) ||
        !number(*mesh, "mesh", "mirror", m.mesh.mirror) ||
        !number(*mesh, "mesh", "dp", m.mesh.dp) || !number(*mesh, "mesh", "ep", m.mesh.ep) ||
        !number(*mesh, "mesh", "tp", m.mesh.tp))
      return false;
    if (m.mesh.tp != 1)
      return fail("mesh", "has tp other than 1, which this version does not run");
    uint64_t ranks = 1;
    for (uint32_t size : {m.mesh.pp, m.mesh.dp, m.mesh.ep})
      ranks = ranks > Manifest::maxRanks ? ranks : ranks * size;
    if (ranks < 1 || ranks > Manifest::maxRanks || !m.mesh.mirror)
      return fail("mesh", "does not describe 1 to 4096 ranks");
    return true;
  }

  bool modelFile(const json &model) {
    const json *file = member(model, "model", "file", false);
    if (!file)
      return true;
    return string(*file, "model.file", "path", m.modelFile.path) &&
           absolute(m.modelFile.path, "model.file.path") &&
           number(*file, "model.file", "size", m.modelFile.size) &&
           signedInteger(*file, "model.file", "mtime_ns", m.modelFile.mtime);
  }

  bool absolute(const std::string &path, const std::string &at) {
    return (!path.empty() && path[0] == '/' && path.find('\0') == std::string::npos) ||
           fail(at, "is not an absolute path");
  }

  bool signedInteger(const json &object, const std::string &path, const char *key, int64_t &out) {
    const json *value = member(object, path, key);
    if (!value)
      return false;
    if (!value->is_number_integer())
      return fail(join(path, key), "is not an integer");
    out = value->get<int64_t>();
    return true;
  }

  bool entryPoints(const json &doc) {
    if (!list(doc, "", "entry_points", [&](const json &e, const std::string &at) {
          Manifest::EntryPoint entry;
          if (!string(e, at, "name", entry.name) ||
              !number(e, at, "micro_batches", entry.microBatches) ||
              !strings(e, at, "programs", entry.programs))
            return false;
          if (!entry.microBatches || entry.microBatches > Manifest::maxMicroBatches)
            return fail(at + ".micro_batches", "is not from 1 to 1048576");
          if (m.mesh.dp > Manifest::maxMicroBatches / entry.microBatches)
            return fail(at + ".micro_batches",
                        "makes more than 1048576 in a step of mesh.dp replicas");
          if (entry.programs.size() != m.mesh.pp)
            return fail(at + ".programs", "has " + std::to_string(entry.programs.size()) +
                                              " files for " + std::to_string(m.mesh.pp) +
                                              " coordinates of pp");
          for (const std::string &file : entry.programs)
            if (!contained(file, at + ".programs"))
              return false;
          m.entryPoints.push_back(std::move(entry));
          return true;
        }))
      return false;
    return m.entryPoint("train_step") || fail("entry_points", "has no train_step");
  }

  bool targets(const json &doc) {
    return list(doc, "", "targets", [&](const json &e, const std::string &at) {
      Manifest::Target target;
      if (!string(e, at, "name", target.name) || !string(e, at, "device", target.device) ||
          !file(e, at, "file", target.file) || !file(e, at, "table", target.table) ||
          !strings(e, at, "features", target.features))
        return false;
      if (target.file.empty() != target.table.empty())
        return fail(at, "has kernels without a table, or a table without kernels");
      for (const Manifest::Target &other : m.targets) {
        if (other.name == target.name)
          return fail(at, "is a second target '" + target.name + "'");
        if (other.device != target.device)
          return fail(at, "is for device " + target.device + ", another one for " + other.device +
                              "; an artifact is for one kind of device");
      }
      m.targets.push_back(std::move(target));
      return true;
    });
  }

  bool inputs(const json &doc) {
    return list(doc, "", "inputs", [&](const json &e, const std::string &at) {
      Manifest::Input input;
      if (!string(e, at, "name", input.name) || !typeAndShape(e, at, input.type, input.shape) ||
          !split(e, at, input) || !number(e, at, "limit", input.limit, false) ||
          !bounds(e, at, input))
        return false;
      m.inputs.push_back(std::move(input));
      return true;
    });
  }

  bool split(const json &e, const std::string &at, Manifest::Input &input) {
    std::vector<std::string> names;
    if (!strings(e, at, "split", names))
      return false;
    for (const std::string &name : names) {
      std::optional<fb::Axes> axis = axisNamed(name);
      if (axis != fb::Axes::Ep)
        return fail(join(at, "split"),
                    "names axis '" + name + "'; a micro-batch can be split over ep only");
      if (contains(input.split, *axis))
        return fail(join(at, "split"), "names axis '" + name + "' twice");
      input.split |= *axis;
    }
    return true;
  }

  bool bounds(const json &e, const std::string &at, Manifest::Input &input) {
    if (e.contains("minimum") && !signedInteger(e, at, "minimum", input.minimum))
      return false;
    if (!e.contains("ignored"))
      return true;
    if (!e["ignored"].is_array())
      return fail(join(at, "ignored"), "is not a list");
    for (const json &value : e["ignored"]) {
      if (!value.is_number_integer())
        return fail(join(at, "ignored"), "holds what is not an integer");
      input.ignored.push_back(value.get<int64_t>());
    }
    return true;
  }

  bool parameters(const json &doc) {
    std::set<std::string> seen;
    return list(doc, "", "parameters", [&](const json &e, const std::string &at) {
      Manifest::Parameter p;
      if (!string(e, at, "name", p.name) || !typeAndShape(e, at, p.type, p.shape))
        return false;
      if (!seen.insert(p.name).second)
        return fail(at, "is a second parameter '" + p.name + "'");
      if (e.contains("storage") && !storage(e, at, p))
        return false;
      if (!flag(e, at, "trained", p.trained, /*required=*/true) || !names(e, at, p))
        return false;
      if (!list(e, at, "holders", [&](const json &h, const std::string &where) {
            p.holders.push_back(0);
            return integer(h, where, p.holders.back(), m.mesh.pp - 1);
          }))
        return false;
      if (p.holders.empty() || std::adjacent_find(p.holders.begin(), p.holders.end(),
                                                  std::greater_equal<>()) != p.holders.end())
        return fail(at + ".holders", "is not an ascending list");
      const json *source = member(e, at, "source");
      if (!source || !parameterSource(*source, at + ".source", p))
        return false;
      m.parameters.push_back(std::move(p));
      return true;
    });
  }

  bool storage(const json &e, const std::string &at, Manifest::Parameter &p) {
    std::string name;
    if (!string(e, at, "storage", name))
      return false;
    for (Element half : {Element::BF16, Element::F16})
      if (name == nameOf(half) && p.type == Element::F32)
        p.storage = half;
    return p.storage ||
           fail(at + ".storage", "is '" + name + "' of a parameter of " + nameOf(p.type) +
                                     "; it can be bf16 or f16, of one of f32");
  }

  // What a parameter is called in the model's file and in the framework.
  bool names(const json &e, const std::string &at, Manifest::Parameter &p) {
    if (!string(e, at, "initializer", p.initializer, false) ||
        !flag(e, at, "transposed", p.transposed) || !flag(e, at, "partial", p.partial) ||
        !string(e, at, "folding", p.folding, false) ||
        (e.contains("framework") && !strings(e, at, "framework", p.framework)) ||
        !list(
            e, at, "copies",
            [&](const json &c, const std::string &where) {
              Manifest::Copy copy;
              if (!string(c, where, "initializer", copy.initializer) ||
                  !flag(c, where, "transposed", copy.transposed))
                return false;
              p.copies.push_back(std::move(copy));
              return true;
            },
            false))
      return false;
    bool turned = p.transposed;
    for (const Manifest::Copy &copy : p.copies)
      turned |= copy.transposed;
    return !turned || p.shape.size() == 2 ||
           fail(at, "is transposed, but no matrix: its shape is " + shapeText(p.shape));
  }

  // The sources that parameters and entries of the state dict share. `found` tells
  // whether it is one.
  template <typename Holder>
  bool storedSource(const json &e, const std::string &at, Holder &p, bool &found) {
    found = true;
    if (!e.is_object())
      return fail(at, "is not an object");
    if (e.contains("weights")) {
      Manifest::WeightsSource source;
      if (!string(e, at, "weights", source.key))
        return false;
      p.source = source;
      return true;
    }
    found = e.contains("file");
    if (!found)
      return true;
    Manifest::FileSource source;
    if (!string(e, at, "file", source.path) || !number(e, at, "offset", source.offset) ||
        !number(e, at, "length", source.length) || !number(e, at, "size", source.size) ||
        !signedInteger(e, at, "mtime_ns", source.mtime) || !absolute(source.path, at + ".file"))
      return false;
    if (source.offset > source.size || source.length > source.size - source.offset)
      return fail(at, "reads beyond the end of its file");
    if (source.length != byteSize(p.shape, sizeOf(p.storageType())))
      return fail(at + ".length", "is " + std::to_string(source.length) + ", not the size of " +
                                      nameOf(p.storageType()) + shapeText(p.shape));
    p.source = source;
    return true;
  }

  bool divisions(const json &doc) {
    return list(
        doc, "", "divisions",
        [&](const json &e, const std::string &at) {
          Manifest::Division division;
          if (!string(e, at, "node", division.node) ||
              !shape(e, at, sizeof(int64_t), division.shape))
            return false;
          m.divisions.push_back(std::move(division));
          return true;
        },
        false);
  }

  bool stateDict(const json &doc) {
    std::set<std::string> seen;
    return list(
        doc, "", "state_dict",
        [&](const json &e, const std::string &at) {
          Manifest::StateEntry entry;
          if (!string(e, at, "key", entry.key) || !flag(e, at, "buffer", entry.buffer) ||
              !flag(e, at, "used", entry.used) || !flag(e, at, "transposed", entry.transposed) ||
              !string(e, at, "parameter", entry.parameter, false))
            return false;
          if (!seen.insert(entry.key).second)
            return fail(at, "is a second key '" + entry.key + "'");
          if (!entry.parameter.empty() && !m.parameter(entry.parameter))
            return fail(at + ".parameter", "is '" + entry.parameter + "', which is no parameter");
          if (const json *source = member(e, at, "source", false)) {
            bool found = false;
            if (!typeAndShape(e, at, entry.type, entry.shape, /*empty=*/true) ||
                !storedSource(*source, at + ".source", entry, found))
              return false;
            if (!found)
              return fail(at + ".source", "says neither weights nor file");
            if (entry.transposed && entry.shape.size() != 2)
              return fail(at, "is transposed, but no matrix");
          }
          m.stateDict.push_back(std::move(entry));
          return true;
        },
        false);
  }

  bool parameterSource(const json &e, const std::string &at, Manifest::Parameter &p) {
    bool found = false;
    if (!storedSource(e, at, p, found) || found)
      return error.empty();
    const json *init = member(e, at, "init");
    if (!init)
      return false;
    Manifest::InitSource source;
    std::string kind, where = at + ".init";
    if (!number(*init, where, "seed", source.seed) || !string(*init, where, "kind", kind))
      return false;
    if (p.type != Element::F32 && p.type != Element::F64)
      return fail(where, std::string("draws f32 and f64, not ") + nameOf(p.type));
    if (kind == "ones" || kind == "zeros") {
      source.kind = kind == "ones" ? InitKind::Ones : InitKind::Zeros;
    } else if (kind == "normal") {
      source.kind = InitKind::Normal;
      const json *stddev = member(*init, where, "stddev");
      if (!stddev)
        return false;
      if (!stddev->is_number())
        return fail(where + ".stddev", "is not a number");
      source.stddev = stddev->get<double>();
    } else {
      return fail(where + ".kind", "is '" + kind + "', not ones, zeros or normal");
    }
    p.source = source;
    return true;
  }

  bool rest(const json &doc) {
    const json *loss = member(doc, "", "loss"), *config = member(doc, "", "config");
    if (!loss || !config || !file(doc, "", "constants", m.constants, false) ||
        !file(doc, "", "weights", m.weights, false) ||
        !file(doc, "", "state", m.stateFile, false) || !string(doc, "", "optimizer", m.optimizer) ||
        !string(doc, "", "schedule", m.schedule, false) ||
        !string(*loss, "loss", "name", m.lossName) ||
        !string(*loss, "loss", "weighting", m.lossWeighting) ||
        !number(doc, "", "samples_per_micro_batch", m.samplesPerMicroBatch, false) ||
        !number(doc, "", "tokens_per_micro_batch", m.tokensPerMicroBatch, false))
      return false;
    if (!findOptimizer(m.optimizer))
      return fail("optimizer", "is '" + m.optimizer + "', not " + optimizerNames());
    if (m.lossWeighting != "denominator" && m.lossWeighting != "mean" && m.lossWeighting != "sum")
      return fail("loss.weighting", "is '" + m.lossWeighting + "'");
    if (!config->is_object())
      return fail("config", "is not an object");
    m.config = *config;
    if (const json *forecast = member(doc, "", "forecast", false)) {
      if (!forecast->is_object())
        return fail("forecast", "is not an object");
      m.forecast = *forecast;
    }
    for (const Manifest::Parameter &p : m.parameters)
      if (std::holds_alternative<Manifest::WeightsSource>(p.source) && m.weights.empty())
        return fail("weights", "is missing, but parameter '" + p.name + "' is read from it");
    for (const Manifest::StateEntry &e : m.stateDict)
      if (std::holds_alternative<Manifest::WeightsSource>(e.source) && m.stateFile.empty())
        return fail("state", "is missing, but '" + e.key + "' is read from it");
    return true;
  }
};
} // namespace

Status parseManifest(const std::string &text, Manifest &out) {
  json doc = parseJson<json>(text);
  if (doc.is_discarded())
    return Status(Code::Artifact, "manifest.json is not valid JSON");
  ManifestReader reader;
  if (!reader.document(doc))
    return Status(Code::Artifact, "manifest.json: " + reader.error);
  out = std::move(reader.m);
  return {};
}

namespace {
// Values stored in a file; false if the source is of another kind.
template <typename Source> bool writeStoredSource(const Source &source, json &entry) {
  if (auto *w = std::get_if<Manifest::WeightsSource>(&source)) {
    entry["source"] = {{"weights", w->key}};
    return true;
  }
  if (auto *f = std::get_if<Manifest::FileSource>(&source)) {
    entry["source"] = {{"file", f->path},
                       {"offset", f->offset},
                       {"length", f->length},
                       {"size", f->size},
                       {"mtime_ns", f->mtime}};
    return true;
  }
  return false;
}

// Only what is not the common case: one name, one layout, one initializer.
void writeNames(const Manifest::Parameter &p, json &entry) {
  if (!p.initializer.empty() && p.initializer != p.name)
    entry["initializer"] = p.initializer;
  if (!p.framework.empty())
    entry["framework"] = p.framework;
  if (p.transposed)
    entry["transposed"] = true;
  if (p.partial)
    entry["partial"] = true;
  if (!p.folding.empty())
    entry["folding"] = p.folding;
  for (const Manifest::Copy &copy : p.copies)
    entry["copies"].push_back({{"initializer", copy.initializer}, {"transposed", copy.transposed}});
}
} // namespace

std::string writeManifest(const Manifest &m) {
  json doc;
  doc["format"] = "dpc-artifact";
  doc["format_version"] = {Manifest::formatMajor, Manifest::formatMinor};
  doc["producer"] = m.producer;
  doc["model"] = {{"name", m.modelName}, {"hash", m.modelHash}};
  if (!m.modelFile.path.empty())
    doc["model"]["file"] = {
        {"path", m.modelFile.path}, {"size", m.modelFile.size}, {"mtime_ns", m.modelFile.mtime}};
  doc["mesh"] = {{"pp", m.mesh.pp},
                 {"mirror", m.mesh.mirror},
                 {"dp", m.mesh.dp},
                 {"ep", m.mesh.ep},
                 {"tp", m.mesh.tp}};
  doc["entry_points"] = json::array();
  for (const auto &e : m.entryPoints)
    doc["entry_points"].push_back(
        {{"name", e.name}, {"micro_batches", e.microBatches}, {"programs", e.programs}});
  doc["targets"] = json::array();
  for (const auto &t : m.targets)
    doc["targets"].push_back({{"name", t.name},
                              {"device", t.device},
                              {"file", t.file},
                              {"table", t.table},
                              {"features", t.features}});
  doc["inputs"] = json::array();
  for (const auto &i : m.inputs) {
    json entry = {{"name", i.name},
                  {"dtype", nameOf(i.type)},
                  {"shape", i.shape},
                  {"split", namesOf(i.split)}};
    if (i.limit)
      entry["limit"] = i.limit;
    if (i.minimum != Manifest::Input().minimum)
      entry["minimum"] = i.minimum;
    if (!i.ignored.empty())
      entry["ignored"] = i.ignored;
    doc["inputs"].push_back(entry);
  }
  doc["parameters"] = json::array();
  for (const auto &p : m.parameters) {
    json entry = {{"name", p.name},
                  {"shape", p.shape},
                  {"dtype", nameOf(p.type)},
                  {"trained", p.trained},
                  {"holders", p.holders}};
    if (p.storage)
      entry["storage"] = nameOf(*p.storage);
    writeNames(p, entry);
    if (!writeStoredSource(p.source, entry)) {
      const auto &init = std::get<Manifest::InitSource>(p.source);
      json inner = {{"seed", init.seed}, {"kind", initKindName(init.kind)}};
      if (init.kind == InitKind::Normal)
        inner["stddev"] = init.stddev;
      entry["source"] = {{"init", inner}};
    }
    doc["parameters"].push_back(std::move(entry));
  }
  for (const Manifest::StateEntry &e : m.stateDict) {
    json entry = {{"key", e.key}};
    if (e.buffer)
      entry["buffer"] = true;
    if (!e.parameter.empty()) {
      entry["parameter"] = e.parameter;
    } else {
      entry["used"] = e.used;
      if (e.transposed)
        entry["transposed"] = true;
      if (e.source.index()) {
        entry["dtype"] = nameOf(e.type);
        entry["shape"] = e.shape;
        writeStoredSource(e.source, entry);
      }
    }
    doc["state_dict"].push_back(std::move(entry));
  }
  if (!m.stateFile.empty())
    doc["state"] = m.stateFile;
  for (const Manifest::Division &division : m.divisions)
    doc["divisions"].push_back({{"node", division.node}, {"shape", division.shape}});
  if (!m.constants.empty())
    doc["constants"] = m.constants;
  if (!m.weights.empty())
    doc["weights"] = m.weights;
  doc["optimizer"] = m.optimizer;
  doc["loss"] = {{"name", m.lossName}, {"weighting", m.lossWeighting}};
  doc["samples_per_micro_batch"] = m.samplesPerMicroBatch;
  doc["tokens_per_micro_batch"] = m.tokensPerMicroBatch;
  doc["config"] = m.config;
  if (!m.schedule.empty())
    doc["schedule"] = m.schedule;
  if (!m.forecast.is_null())
    doc["forecast"] = m.forecast;
  return doc.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string writeChecksums(const std::map<std::string, std::string> &hexByPath) {
  std::string text;
  for (auto &[path, hex] : hexByPath)
    text += hex + "  " + path + "\n";
  return text;
}

Status parseChecksums(const std::string &text, std::map<std::string, std::string> &hexByPath) {
  constexpr size_t digits = 32;
  size_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    std::string entry = text.substr(begin, end - begin);
    ++line;
    bool valid = end != std::string::npos && entry.size() > digits + 2 &&
                 entry.find_first_not_of("0123456789abcdef") == digits &&
                 entry.compare(digits, 2, "  ") == 0 && isContainedPath(entry.substr(digits + 2));
    if (!valid || !hexByPath.emplace(entry.substr(digits + 2), entry.substr(0, digits)).second)
      return Status(Code::Artifact, "the artifact is damaged: line " + std::to_string(line) +
                                        " of " + Manifest::checksumsName + " is not a checksum");
    begin = end + 1;
  }
  return {};
}

} // namespace dpcrt
