// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Plan.h.
#include "dpc-gpu-check/Plan.h"
#include "data/JsonReader.h"
#include "data/ParseJson.h"
#include <fstream>
#include <set>
#include <sstream>

namespace dpcrt::gpucheck {
namespace {
using Json = JsonReader::Json;

constexpr struct {
  const char *name;
  Check::Kind kind;
} kKinds[] = {{"versions", Check::Kind::Versions},
              {"program", Check::Kind::Program},
              {"run", Check::Kind::Run},
              {"rates", Check::Kind::Rates},
              {"step", Check::Kind::Step}};

class PlanReader : public JsonReader {
public:
  PlanReader() : JsonReader("folder") {}

  void read(const Json &json, Plan &plan) {
    string(json, "", "device", plan.device);
    amount(json, "", "seconds", plan.seconds);
    list(json, "", "checks", [&](const Json &check, const std::string &path) {
      plan.checks.emplace_back();
      readCheck(check, path, plan.checks.back());
      return error.empty();
    });
  }

private:
  void readCheck(const Json &json, const std::string &path, Check &check) {
    std::string kind;
    string(json, path, "part", check.part);
    string(json, path, "name", check.name);
    if (string(json, path, "kind", kind))
      setKind(kind, path, check);
    amount(json, path, "needs", check.needs);
    amount(json, path, "seconds", check.seconds);
    words(json, path, "command", check.command);
    words(json, path, "flags", check.flags);
    flag(json, path, "optional", check.isOptional);
    file(json, path, "artifact", check.artifact, false);
    file(json, path, "expected", check.expected, false);
    string(json, path, "same_as", check.sameAs, false);
    amount(json, path, "loss", check.loss);
    amount(json, path, "gradient", check.gradient);
    amount(json, path, "weight", check.weight);
    if (const Json *variables = member(json, path, "environment", false))
      for (auto &[name, value] : variables->items())
        string(*variables, join(path, "environment"), name.c_str(), check.environment[name]);
    bool trains = check.kind == Check::Kind::Run || check.kind == Check::Kind::Step ||
                  check.kind == Check::Kind::Rates;
    if (trains == check.artifact.empty())
      fail(join(path, "artifact"), trains ? "is missing" : "is not of this kind");
    if ((check.kind == Check::Kind::Program) == check.command.empty())
      fail(join(path, "command"), "is of programs, and all of these have one");
    if ((check.kind == Check::Kind::Run) != (check.expected.empty() != check.sameAs.empty()))
      fail(path, "needs one of 'expected' and 'same_as' if it is a run, and none else");
    if (!check.sameAs.empty() && !runs.count(check.sameAs))
      fail(join(path, "same_as"), "names '" + check.sameAs + "', which is no run before this one");
    if (!names.insert(check.name).second)
      fail(join(path, "name"), "is that of another check, too");
    if (check.kind == Check::Kind::Run)
      runs.insert(check.name);
  }

  void setKind(const std::string &name, const std::string &path, Check &check) {
    for (auto &each : kKinds)
      if (name == each.name) {
        check.kind = each.kind;
        return;
      }
    fail(join(path, "kind"), "is '" + name + "', which this build does not know");
  }

  void amount(const Json &json, const std::string &path, const char *key, double &out) {
    const Json *value = member(json, path, key, false);
    if (value && (!value->is_number() || !(value->get<double>() >= 0)))
      fail(join(path, key), "is no number from 0 on");
    else if (value)
      out = value->get<double>();
  }

  void words(const Json &json, const std::string &path, const char *key,
             std::vector<std::string> &out) {
    if (member(json, path, key, false))
      strings(json, path, key, out);
  }

  std::set<std::string> names, runs;
};
} // namespace

Status readPlan(const std::string &path, Plan &out) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return error(Code::Usage, "cannot read '", path,
                 "'; `scripts/gpu-check pack` writes it beside this program");
  PlanReader reader;
  Json json = parseJson<Json>(text.str());
  if (json.is_discarded())
    return error(Code::Usage, path, " is not JSON");
  reader.read(json, out);
  if (!reader.error.empty())
    return error(Code::Usage, path, ": ", reader.error);
  return {};
}

} // namespace dpcrt::gpucheck
