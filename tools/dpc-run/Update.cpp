// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Learning rates and options by parameter.
#include "dpc-run/Update.h"
#include "data/Files.h"
#include "dpc-run/Values.h"
#include "program/format/Optimizers.h"
#include <algorithm>
#include <cmath>
#include <fnmatch.h>

namespace dpcrt {
namespace {
bool endsWith(const std::string &s, const std::string &suffix) {
  return s.size() >= suffix.size() &&
         s.compare(s.size() - suffix.size(), suffix.size(), suffix) == 0;
}

Status readTable(const std::string &path, std::vector<std::pair<uint64_t, double>> &table) {
  std::string text;
  if (Status s = readWholeFile(path, Code::Data, text); !s.ok())
    return s;
  size_t line = 0;
  for (size_t begin = 0; begin < text.size(); ++line) {
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string row = text.substr(begin, end - begin);
    begin = end + 1;
    if (!row.empty() && row.back() == '\r')
      row.pop_back();
    if (row.empty() || (line == 0 && row == "step,lr"))
      continue;
    size_t comma = row.find(',');
    double step = -1, lr = 0;
    if (comma == std::string::npos || !parseNumber("", row.substr(0, comma), step).ok() ||
        !parseNumber("", row.substr(comma + 1), lr).ok() || step < 1 || step != std::floor(step) ||
        lr < 0 || (!table.empty() && step <= double(table.back().first)) ||
        (table.empty() && step != 1))
      return error(Code::Usage, "--lr-schedule ", path, ", line ", line + 1, ": '", row,
                   "' is not step,lr with steps ascending from 1, the first step");
    table.emplace_back(uint64_t(step), lr);
  }
  if (table.empty())
    return error(Code::Usage, "--lr-schedule ", path, " has no lines step,lr");
  return {};
}
} // namespace

Status LearningRate::make(std::optional<double> base, const std::string &schedule,
                          std::optional<uint64_t> steps, LearningRate &out) {
  if (endsWith(schedule, ".csv"))
    return readTable(schedule, out.table);
  if (!base)
    return Status(Code::Usage, "a learning rate must be given: --lr X");
  if (*base < 0)
    return error(Code::Usage, "--lr ", *base, ": a learning rate is not negative");
  out.base = *base;
  if (schedule.empty())
    return {};
  double least = 0;
  for (auto &[key, value] : splitOptions(schedule)) {
    double number = 0;
    if (key == "cosine" || key == "linear" || key == "constant") {
      out.decay = key == "cosine" ? Decay::Cosine : key == "linear" ? Decay::Linear : Decay::None;
      continue;
    }
    if ((key != "warmup" && key != "min") || !parseNumber("", value, number).ok() || number < 0 ||
        (key == "warmup" && number != std::floor(number)) || (key == "min" && number > 1))
      return error(
          Code::Usage, "--lr-schedule: '", key, value.empty() ? "" : "=", value,
          "' is not warmup=STEPS, cosine, linear, constant, min=PART (0 to 1) or a FILE.csv");
    if (key == "warmup")
      out.warmup = uint64_t(number);
    else
      least = number;
  }
  if (out.decay != Decay::None && !steps)
    return error(Code::Usage, "--lr-schedule ", schedule, " needs --steps, the step where it ends");
  out.least = least;
  out.steps = steps.value_or(0);
  return {};
}

double LearningRate::at(uint64_t number) const {
  if (!table.empty()) {
    double lr = table[0].second;
    for (auto &[from, rate] : table)
      if (from <= number)
        lr = rate;
    return lr;
  }
  uint64_t step = number - 1;
  if (step < warmup)
    return base * double(step + 1) / double(warmup);
  if (decay == Decay::None)
    return base;
  double length = std::max(1.0, double(steps) - 1 - double(warmup));
  double part = std::min(1.0, double(step - warmup) / length);
  double factor = decay == Decay::Linear ? 1 - part : 0.5 * (1 + std::cos(M_PI * part));
  return base * (least + (1 - least) * factor);
}

namespace {
// Where the C interface has a number of the update.
double *fieldOf(dpcrt_update &update, std::string_view option) {
  static const std::pair<std::string_view, double dpcrt_update::*> fields[] = {
      {"weight_decay", &dpcrt_update::weight_decay},
      {"momentum", &dpcrt_update::momentum},
      {"beta1", &dpcrt_update::beta1},
      {"beta2", &dpcrt_update::beta2},
      {"eps", &dpcrt_update::eps}};
  for (auto [name, field] : fields)
    if (name == option)
      return &(update.*field);
  return nullptr;
}

Status setOption(const std::string &flag, const Optimizer &optimizer, const std::string &key,
                 const std::string &value, dpcrt_update &update) {
  const OptimizerOption *option = optimizer.findOption(key);
  if (!option) {
    std::string known;
    for (const OptimizerOption &o : optimizer.options)
      known += (known.empty() ? "" : ", ") + std::string(o.name);
    return error(Code::Usage, flag, ": '", key, "' is no option of ", optimizer.name, "; it has ",
                 known);
  }
  double *field = fieldOf(update, option->name);
  if (Status s = parseNumber(flag + ": " + key, value, *field); !s.ok())
    return s;
  if (*field < 0 || (option->isPart && *field >= 1))
    return error(Code::Usage, flag, ": ", key, "=", value,
                 option->isPart ? " is not from 0 to below 1" : " is negative");
  return {};
}

Status applyGroup(const std::string &group, const Optimizer &optimizer, std::optional<double> lr,
                  dpcrt_update &update) {
  std::string flag = "--param-group '" + group + "'";
  for (auto &[key, value] : splitOptions(group.substr(group.rfind(':') + 1))) {
    if (key != "lr") {
      if (Status s = setOption(flag, optimizer, key, value, update); !s.ok())
        return s;
      continue;
    }
    bool relative = !value.empty() && value.back() == 'x';
    double number = 0;
    if (Status s = parseNumber(flag + ": lr", relative ? value.substr(0, value.size() - 1) : value,
                               number);
        !s.ok())
      return s;
    if (!relative && (!lr || *lr == 0))
      return error(Code::Usage, flag,
                   ": an absolute lr needs --lr; write lr=0.1x for a part of the rate");
    update.lr_scale = relative ? number : number / *lr;
    if (number < 0)
      return error(Code::Usage, flag, ": lr is negative");
  }
  return {};
}
// By the name in the file, or by any that the framework has: what an exporter calls
// val_113 is still h.0.mlp.weight to its user.
bool matches(const std::string &glob, const dpcrt_tensor &parameter) {
  if (fnmatch(glob.c_str(), parameter.name, 0) == 0)
    return true;
  for (size_t i = 0; i < parameter.framework_count; ++i)
    if (fnmatch(glob.c_str(), parameter.framework[i], 0) == 0)
      return true;
  return false;
}
} // namespace

Status applyUpdateOptions(const dpcrt_artifact *artifact, dpcrt_session *session,
                          const std::string &optimizerName, std::optional<double> lr,
                          const std::vector<std::string> &options,
                          const std::vector<std::string> &groups) {
  const Optimizer &optimizer = *findOptimizer(optimizerName); // the manifest was checked
  auto common = sized<dpcrt_update>();
  dpcrt_update_defaults(artifact, &common);
  for (const std::string &list : options)
    for (auto &[key, value] : splitOptions(list))
      if (Status s = setOption("--optimizer-option", optimizer, key, value, common); !s.ok())
        return s;
  std::vector<bool> used(groups.size());
  for (size_t i = 0; i < groups.size(); ++i)
    if (groups[i].rfind(':') == std::string::npos || groups[i].rfind(':') == 0)
      return error(Code::Usage, "--param-group '", groups[i], "' is not GLOB:option=value,…");
  for (size_t p = 0; p < dpcrt_artifact_parameters(artifact); ++p) {
    dpcrt_tensor parameter = parameterOf(artifact, p);
    dpcrt_update update = common;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (!matches(groups[i].substr(0, groups[i].rfind(':')), parameter))
        continue;
      used[i] = true;
      if (Status s = applyGroup(groups[i], optimizer, lr, update); !s.ok())
        return s;
    }
    if (Status s = fromC(dpcrt_session_set_update(session, parameter.name, &update)); !s.ok())
      return s;
  }
  for (size_t i = 0; i < groups.size(); ++i)
    if (!used[i])
      return error(Code::Usage, "--param-group '", groups[i], "' matches no parameter");
  return {};
}

} // namespace dpcrt
