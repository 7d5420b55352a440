// Rows to the inputs of a step.
#include "run/Batches.h"

namespace dpcrt {

Status Batches::open(const std::string &name, const dpcrt_artifact *artifact,
                     uint64_t perStep, uint64_t expertRanks, uint64_t epochs,
                     std::optional<uint64_t> shuffle) {
  microBatches = perStep;
  experts = expertRanks;
  for (size_t i = 0; i < dpcrt_artifact_inputs(artifact); ++i) {
    dpcrt_tensor t = inputOf(artifact, i);
    specs.push_back({t.name, *elementNamed(t.dtype), {t.shape, t.shape + t.rank}, t.limit});
    buffers.emplace_back(t.bytes * experts * microBatches);
  }
  if (Status s = openDataSource(name, specs, experts, source); !s.ok())
    return s;
  cursor = {source->rows(), epochs, shuffle};
  return {};
}

std::optional<uint64_t> Batches::steps() const {
  auto total = cursor.total();
  return total ? std::optional(*total / microBatches) : std::nullopt;
}

Status Batches::enoughFor(uint64_t wanted, const std::string &name) const {
  auto total = cursor.total();
  if (!total || *total / microBatches >= wanted)
    return {};
  return error(Code::Data, "--data ", name, " holds ", cursor.rows, " micro-batches, ", cursor.epochs,
               cursor.epochs == 1 ? " epoch of which is enough for " : " epochs of which are enough for ",
               *total / microBatches, " steps of ", microBatches, "; --steps asks for ", wanted,
               " (--epochs 0 repeats the data)");
}

Status Batches::read(uint64_t step, std::vector<dpcrt_input> &inputs) {
  inputs.clear();
  for (size_t i = 0; i < specs.size(); ++i) {
    uint64_t bytes = specs[i].bytes();
    char *to = buffers[i].data();
    for (uint64_t b = 0; b < microBatches; ++b)
      for (uint64_t e = 0; e < experts; ++e, to += bytes)
        if (Status s = source->read(i, cursor.row(step * microBatches + b), e, to); !s.ok())
          return s;
    inputs.push_back({sizeof(dpcrt_input), specs[i].name.c_str(), buffers[i].data(), buffers[i].size(), 0});
  }
  return {};
}

} // namespace dpcrt
