// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The costs of a model, out of the manifest of its artifact.
#include "dpc/Driver/Schedule/CostsFile.h"

#include "Subcommands.h"
#include "data/ParseJson.h"
#include "session/Manifest.h"

#include "dpc/Schedule/core/CostText.h"
#include "dpc/Schedule/core/Spread.h"
#include "dpc/Schedule/generators/Generators.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace dpc::schedule {
namespace {

using Json = nlohmann::json;

constexpr uintmax_t kMaxManifestBytes = 1u << 30;

Result<Json> readManifest(const std::string &path) {
  using R = Result<Json>;
  std::filesystem::path file = std::filesystem::path(path) / "manifest.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return R::failure("--cost-from: there is no '" + path + "'");
  if (!std::filesystem::is_regular_file(file, error))
    return R::failure("--cost-from: '" + path +
                      "' is no artifact: it has no manifest.json; `dpc compile MODEL.onnx -o "
                      "MODEL.dpc` makes one");
  if (uintmax_t size = std::filesystem::file_size(file, error); error || size > kMaxManifestBytes)
    return R::failure("--cost-from: '" + file.string() + "' is too large for a manifest");
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  Json manifest = dpcrt::parseJson(text);
  if (!manifest.is_object() || !manifest.contains("format") || manifest["format"] != "dpc-artifact")
    return R::failure("--cost-from: '" + file.string() + "' is no manifest of an artifact");
  const Json &version = manifest.contains("format_version") ? manifest["format_version"] : Json();
  if (!version.is_array() || version.empty() || !version[0].is_number_integer() ||
      version[0] != dpcrt::Manifest::formatMajor)
    return R::failure("--cost-from: '" + path + "' has format version " + version.dump() +
                      "; this dpc reads " + std::to_string(dpcrt::Manifest::formatMajor) + ".x");
  return manifest;
}

// Reads numbers one after the other; after the first that is none, `fault` names it.
struct Reader {
  std::string fault;

  double number(const Json &object, const char *name, const std::string &where,
                bool isNeeded = true) {
    if (!object.is_object() || !object.contains(name)) {
      if (isNeeded)
        refuse(where + name + " is missing");
      return 0;
    }
    return number(object[name], where + name);
  }
  double number(const Json &value, const std::string &where) {
    double result = value.is_number() ? value.get<double>() : -1;
    if (!std::isfinite(result) || result < 0) {
      refuse(where + " is no number of at least 0");
      return 0;
    }
    return result;
  }
  void refuse(const std::string &what) {
    if (fault.empty())
      fault = what;
  }
};

void readStages(const Json &list, Costs &costs, Reader &reader) {
  if (!list.is_array() || list.empty() || list.size() > kMaxRanks) {
    reader.refuse("forecast.costs.stages is no list of 1 to " + std::to_string(kMaxRanks) +
                  " stages");
    return;
  }
  for (const Json &entry : list) {
    std::string where = "forecast.costs.stages[" + std::to_string(costs.stages.size()) + "].";
    StageCosts stage;
    stage.forward = reader.number(entry, "forward_s", where);
    stage.input = reader.number(entry, "input_s", where);
    stage.weight = reader.number(entry, "weight_s", where);
    stage.outputBytes = reader.number(entry, "output_bytes", where, false);
    stage.gradientBytes = reader.number(entry, "gradient_bytes", where, false);
    stage.activationBytes = reader.number(entry, "activation_bytes", where, false);
    stage.weightBytes = reader.number(entry, "weight_bytes", where, false);
    costs.stages.push_back(stage);
  }
}

// A row for each stage's forward, in it the time of its pair with each stage's backward.
void readPairs(const Json &rows, Costs &costs, Reader &reader) {
  size_t count = costs.stages.size();
  bool isSquare = rows.is_array() && rows.size() == count;
  for (size_t f = 0; isSquare && f < count; ++f)
    isSquare = rows[f].is_array() && rows[f].size() == count;
  if (!isSquare) {
    reader.refuse("forecast.costs.pairs_s has not a time for each pair of stages");
    return;
  }
  for (size_t f = 0; f < count; ++f)
    for (size_t b = 0; b < count; ++b)
      costs.pairs.push_back(reader.number(rows[f][b], "forecast.costs.pairs_s[" +
                                                          std::to_string(f) + "][" +
                                                          std::to_string(b) + "]"));
}

void readLink(const Json &object, Costs &costs, Reader &reader) {
  Link link;
  link.latency = reader.number(object, "latency_s", "forecast.costs.link.");
  if (object.is_object() && object.contains("bytes_per_s")) {
    link.bandwidth = reader.number(object, "bytes_per_s", "forecast.costs.link.");
    if (link.bandwidth == 0)
      reader.refuse("forecast.costs.link.bytes_per_s is 0");
  }
  costs.links = {link};
  costs.comm = link.latency;
}

} // namespace

Result<Costs> readModelCosts(const std::string &path) {
  using R = Result<Costs>;
  Result<Json> manifest = readManifest(path);
  if (!manifest.ok())
    return R::failure(manifest.error());
  const Json forecast = manifest->contains("forecast") ? (*manifest)["forecast"] : Json();
  if (!forecast.is_object() || !forecast.contains("costs"))
    return R::failure("--cost-from: '" + path +
                      "' says nothing of costs: an older dpc compiled it; compile the model again");
  const Json &section = forecast["costs"];
  Costs costs;
  Reader reader;
  readStages(section.is_object() && section.contains("stages") ? section["stages"] : Json(), costs,
             reader);
  if (reader.fault.empty() && section.contains("pairs_s"))
    readPairs(section["pairs_s"], costs, reader);
  if (reader.fault.empty() && section.contains("link"))
    readLink(section["link"], costs, reader);
  if (!reader.fault.empty())
    return R::failure("--cost-from: the manifest of '" + path + "' is damaged: " + reader.fault);
  // Without times of pairs a pair gains nothing.
  costs.pair = costs.forward + costs.input + costs.weight;
  return costs;
}

Result<Costs> modelCosts(const Flags &flags) {
  return flags.costsFrom.empty() ? parseCosts(flags.costs) : readModelCosts(flags.costsFrom);
}

Result<Costs> costsOf(const Flags &flags, const Table &table) {
  if (flags.costsFrom.empty())
    return parseCosts(flags.costs, flags.link, table);
  Result<Costs> costs = readModelCosts(flags.costsFrom);
  if (!costs.ok())
    return costs;
  if (!flags.link.empty()) {
    Result<Costs> link = parseCosts("", flags.link, table);
    if (!link.ok())
      return link;
    costs->links = link->links;
  }
  return spread(*costs, table.ranks, table.stages);
}

} // namespace dpc::schedule
