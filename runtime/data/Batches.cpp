// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows to the inputs of a step.
#include "data/Batches.h"

namespace dpcrt {

Status Batches::open(const std::string &name, std::vector<InputSpec> inputs, uint64_t perStep,
                     uint64_t epochs, std::optional<uint64_t> shuffle) {
  specs = std::move(inputs);
  microBatches = perStep;
  keepSteps(1);
  if (Status s = openDataSource(name, specs, source); !s.ok())
    return s;
  cursor = {source->rows(), epochs, shuffle};
  return {};
}

void Batches::openElsewhere(uint64_t rows, uint64_t perStep, uint64_t epochs,
                            std::optional<uint64_t> shuffle) {
  source.reset();
  specs.clear();
  microBatches = perStep;
  keepSteps(1);
  cursor = {rows, epochs, shuffle};
}

std::optional<uint64_t> Batches::stepsFrom(uint64_t first) const {
  auto total = cursor.total();
  return total ? std::optional(*total < first ? 0 : (*total - first) / microBatches) : std::nullopt;
}

Status Batches::enoughFor(uint64_t wanted, uint64_t first, const std::string &name) const {
  auto steps = stepsFrom(first);
  if (!steps || *steps >= wanted)
    return {};
  return error(
      Code::Data, "--data ", name, " holds ", cursor.rows, " micro-batches, ", cursor.epochs,
      cursor.epochs == 1 ? " epoch of which is enough for " : " epochs of which are enough for ",
      *steps, first ? " more" : "", " steps of ", microBatches,
      first ? " after " + std::to_string(first) + " micro-batches" : "", "; --steps asks for ",
      wanted, first ? " more" : "", " (--epochs 0 repeats the data)");
}

void Batches::keepSteps(size_t count) {
  std::vector<std::vector<char>> set;
  for (const InputSpec &spec : specs)
    set.emplace_back(spec.isNeeded ? spec.bytes() * spec.slices * microBatches : 0);
  sets.assign(count, set);
}

Status Batches::read(uint64_t first, std::vector<Values> &inputs) {
  inputs.clear();
  std::vector<std::vector<char>> &buffers = sets[turn++ % sets.size()];
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!specs[i].isNeeded)
      continue;
    uint64_t bytes = specs[i].bytes();
    char *to = buffers[i].data();
    for (uint64_t b = 0; b < microBatches; ++b)
      for (uint64_t slice = 0; slice < specs[i].slices; ++slice, to += bytes)
        if (Status s = source->read(i, cursor.row(first + b), slice, to); !s.ok())
          return s;
    inputs.push_back({specs[i].name.c_str(), buffers[i].data(), buffers[i].size()});
  }
  return {};
}

} // namespace dpcrt
