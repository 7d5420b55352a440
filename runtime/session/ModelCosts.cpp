// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON to costs.
#include "session/ModelCosts.h"
#include "data/ParseJson.h"
#include "session/Manifest.h"
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace dpcrt {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uintmax_t maximumBytes = 1u << 30;
constexpr size_t maximumStages = 65536;

// Reads numbers one after the other; after the first that is none, `fault` names it.
class CostsReader {
public:
  CostsReader(std::string where, ModelCosts &out) : where(std::move(where)), out(out) {}

  std::string run(const Json &section) {
    readStages(section.is_object() && section.contains("stages") ? section["stages"] : Json());
    if (fault.empty() && section.contains("pairs_s"))
      readPairs(section["pairs_s"]);
    if (fault.empty() && section.contains("link"))
      readLink(section["link"]);
    return fault;
  }

private:
  double number(const Json &object, const char *name, const std::string &at, bool isNeeded = true) {
    if (!object.is_object() || !object.contains(name)) {
      if (isNeeded)
        refuse(at + name + " is missing");
      return 0;
    }
    return number(object[name], at + name);
  }
  double number(const Json &value, const std::string &at) {
    double result = value.is_number() ? value.get<double>() : -1;
    if (std::isfinite(result) && result >= 0)
      return result;
    refuse(at + " is no number of at least 0");
    return 0;
  }
  void refuse(const std::string &what) {
    if (fault.empty())
      fault = where + what;
  }

  void readStages(const Json &list) {
    if (!list.is_array() || list.empty() || list.size() > maximumStages) {
      refuse("stages is no list of 1 to " + std::to_string(maximumStages) + " stages");
      return;
    }
    for (const Json &entry : list) {
      std::string at = "stages[" + std::to_string(out.stages.size()) + "].";
      ModelCosts::Stage stage;
      stage.forward = number(entry, "forward_s", at);
      stage.input = number(entry, "input_s", at);
      stage.weight = number(entry, "weight_s", at);
      stage.outputBytes = number(entry, "output_bytes", at, false);
      stage.gradientBytes = number(entry, "gradient_bytes", at, false);
      stage.activationBytes = number(entry, "activation_bytes", at, false);
      stage.weightBytes = number(entry, "weight_bytes", at, false);
      out.stages.push_back(stage);
    }
  }

  // A row for each stage's forward, in it the time of its pair with each stage's backward.
  void readPairs(const Json &rows) {
    size_t count = out.stages.size();
    bool isSquare = rows.is_array() && rows.size() == count;
    for (size_t f = 0; isSquare && f < count; ++f)
      isSquare = rows[f].is_array() && rows[f].size() == count;
    if (!isSquare) {
      refuse("pairs_s has not a time for each pair of stages");
      return;
    }
    for (size_t f = 0; f < count; ++f)
      for (size_t b = 0; b < count; ++b)
        out.pairs.push_back(
            number(rows[f][b], "pairs_s[" + std::to_string(f) + "][" + std::to_string(b) + "]"));
  }

  void readLink(const Json &object) {
    ModelCosts::Link link;
    link.latency = number(object, "latency_s", "link.");
    if (object.is_object() && object.contains("bytes_per_s")) {
      link.bandwidth = number(object, "bytes_per_s", "link.");
      if (link.bandwidth == 0)
        refuse("link.bytes_per_s is 0");
    }
    out.link = link;
  }

  const std::string where;
  ModelCosts &out;
  std::string fault;
};

Status readFile(const fs::path &path, Json &out) {
  std::error_code failed;
  if (uintmax_t size = fs::file_size(path, failed); failed || size > maximumBytes)
    return error(Code::Artifact, "'", path.string(), "' is too large");
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  out = parseJson<Json>(text);
  return {};
}

Status loadFromArtifact(const std::string &path, ModelCosts &out) {
  fs::path file = fs::path(path) / Manifest::fileName;
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    return error(Code::Artifact, "'", path,
                 "' is no artifact: it has no manifest.json; `dpc compile MODEL.onnx -o MODEL.dpc` "
                 "makes one");
  Json manifest;
  if (Status s = readFile(file, manifest); !s.ok())
    return s;
  if (!manifest.is_object() || !manifest.contains("format") || manifest["format"] != "dpc-artifact")
    return error(Code::Artifact, "'", file.string(), "' is no manifest of an artifact");
  const Json version = manifest.contains("format_version") ? manifest["format_version"] : Json();
  if (!version.is_array() || version.empty() || !version[0].is_number_integer() ||
      version[0] != Manifest::formatMajor)
    return error(Code::Artifact, "'", path, "' has format version ", version.dump(),
                 "; this dpc reads ", Manifest::formatMajor, ".x");
  const Json forecast = manifest.contains("forecast") ? manifest["forecast"] : Json();
  if (!forecast.is_object() || !forecast.contains("costs"))
    return error(Code::Artifact, "'", path,
                 "' says nothing of costs: an older dpc compiled it; compile the model again");
  if (std::string fault = readModelCosts(forecast["costs"], "forecast.costs.", out); !fault.empty())
    return error(Code::Artifact, "the manifest of '", path, "' is damaged: ", fault);
  return {};
}
} // namespace

std::string readModelCosts(const Json &section, const std::string &where, ModelCosts &out) {
  out = ModelCosts();
  return CostsReader(where, out).run(section);
}

Status loadModelCosts(const std::string &path, ModelCosts &out) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return error(Code::Artifact, "there is no '", path, "'");
  if (!fs::is_regular_file(path, ignored))
    return loadFromArtifact(path, out);
  Json section;
  if (Status s = readFile(path, section); !s.ok())
    return s;
  if (!section.is_object())
    return error(Code::Artifact, "'", path,
                 "' is no artifact, and no JSON of costs as an artifact's manifest has them");
  if (std::string fault = readModelCosts(section, "", out); !fault.empty())
    return error(Code::Artifact, "'", path, "': ", fault);
  return {};
}

} // namespace dpcrt
