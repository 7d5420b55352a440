// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program/format/Optimizers.h"

#include <algorithm>

namespace dpcrt {
namespace {

UpdateNumbers withMomentum() {
  UpdateNumbers numbers;
  numbers.momentum = 0.9;
  return numbers;
}
UpdateNumbers withDecay() {
  UpdateNumbers numbers;
  numbers.weightDecay = 0.01;
  return numbers;
}

std::vector<Optimizer> makeOptimizers() {
  const OptimizerOption decay = {"weight_decay", &UpdateNumbers::weightDecay, false};
  const OptimizerOption momentum = {"momentum", &UpdateNumbers::momentum, true};
  const std::vector<OptimizerOption> adam = {decay,
                                             {"beta1", &UpdateNumbers::beta1, true},
                                             {"beta2", &UpdateNumbers::beta2, true},
                                             {"eps", &UpdateNumbers::eps, false}};
  return {
      {OptimizerKind::Sgd, "sgd", {}, {decay}, {}},
      {OptimizerKind::Momentum, "momentum", {"momentum_buffer"}, {decay, momentum}, withMomentum()},
      {OptimizerKind::Adam, "adam", {"exp_avg", "exp_avg_sq"}, adam, {}},
      {OptimizerKind::AdamW, "adamw", {"exp_avg", "exp_avg_sq"}, adam, withDecay()}};
}

} // namespace

const OptimizerOption *Optimizer::findOption(std::string_view option) const {
  auto it = std::find_if(options.begin(), options.end(),
                         [&](const OptimizerOption &o) { return o.name == option; });
  return it == options.end() ? nullptr : &*it;
}

const std::vector<Optimizer> &optimizers() {
  static const std::vector<Optimizer> table = makeOptimizers();
  return table;
}

const Optimizer *findOptimizer(std::string_view name) {
  auto &all = optimizers();
  auto it =
      std::find_if(all.begin(), all.end(), [&](const Optimizer &o) { return o.name == name; });
  return it == all.end() ? nullptr : &*it;
}

std::string optimizerNames() {
  std::string text;
  auto &all = optimizers();
  for (size_t i = 0; i < all.size(); ++i)
    text += std::string(i == 0                ? ""
                        : i + 1 == all.size() ? " or "
                                              : ", ") +
            std::string(all[i].name);
  return text;
}

} // namespace dpcrt
