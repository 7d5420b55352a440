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
    specs.push_back({t.name, *elementNamed(t.dtype), {t.shape, t.shape + t.rank}, t.limit, t.minimum,
                     {t.ignored, t.ignored + t.ignored_count}});
    buffers.emplace_back(t.bytes * experts * microBatches);
  }
  if (Status s = openDataSource(name, specs, experts, source); !s.ok())
    return s;
  cursor = {source->rows(), epochs, shuffle};
  return {};
}

std::optional<uint64_t> Batches::stepsFrom(uint64_t first) const {
  auto total = cursor.total();
  return total ? std::optional(*total < first ? 0 : (*total - first) / microBatches) : std::nullopt;
}

Status Batches::enoughFor(uint64_t wanted, uint64_t first, const std::string &name) const {
  auto steps = stepsFrom(first);
  if (!steps || *steps >= wanted)
    return {};
  return error(Code::Data, "--data ", name, " holds ", cursor.rows, " micro-batches, ", cursor.epochs,
               cursor.epochs == 1 ? " epoch of which is enough for " : " epochs of which are enough for ", *steps,
               first ? " more" : "", " steps of ", microBatches, first ? " after " + std::to_string(first) + " micro-batches" : "",
               "; --steps asks for ", wanted, first ? " more" : "", " (--epochs 0 repeats the data)");
}

Status Batches::read(uint64_t first, std::vector<dpcrt_input> &inputs) {
  inputs.clear();
  for (size_t i = 0; i < specs.size(); ++i) {
    uint64_t bytes = specs[i].bytes();
    char *to = buffers[i].data();
    for (uint64_t b = 0; b < microBatches; ++b)
      for (uint64_t e = 0; e < experts; ++e, to += bytes)
        if (Status s = source->read(i, cursor.row(first + b), e, to); !s.ok())
          return s;
    inputs.push_back({sizeof(dpcrt_input), specs[i].name.c_str(), buffers[i].data(), buffers[i].size(), 0});
  }
  return {};
}

} // namespace dpcrt
