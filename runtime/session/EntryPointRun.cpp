// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Feed, fetch and what an entry point is made of.
#include "session/EntryPointRun.h"
#include <cmath>
#include <cstring>

namespace dpcrt {

Status EntryPointRun::prepare(const Artifact &artifact, const std::string &name, Device &device,
                              const Link &link, const RankMemory *weightsOf) {
  microBatches = artifact.manifest.entryPoint(name)->microBatches;
  experts = artifact.manifest.mesh.ep;
  if (Status s = memory.allocate(artifact, name, device, weightsOf); !s.ok())
    return s;
  if (Status s = memory.loadConstants(artifact); !s.ok())
    return s;
  transport = makeLocalTransport(device, link);
  for (uint32_t rank = 0; rank < memory.programs.size(); ++rank) {
    const fb::Program &program = *memory.programs[rank];
    PlanContext context{&program, rank / experts, rank % experts,     experts,
                        device,   *transport,     memory.arenas[rank]};
    plans.emplace_back();
    if (Status s = RankPlan::make(context, plans.back()); !s.ok())
      return s.within("rank " + std::to_string(rank));
    inputOf.emplace_back();
    for (auto *input : items(program.inputs()))
      inputOf.back().push_back(&inputs[std::string(text(input->name()))]);
    outputOf.emplace_back();
    for (auto *output : items(program.outputs())) {
      Output &values = outputs[std::string(text(output->name()))];
      values.type = elementOf(*output);
      values.values.assign(size_t(microBatches) * experts, NAN);
      if (values.type != Element::F32 && values.type != Element::I64)
        return error(Code::Artifact, "output '", text(output->name()), "' is neither f32 nor i64");
      outputOf.back().push_back(&values);
    }
  }
  return transport->finishPreparation();
}

Status EntryPointRun::startExecutor(Device &device, const ExecutorOptions &options) {
  executor = std::make_unique<Executor>(std::move(plans), device, *transport, *this, options);
  return executor->start();
}

Status EntryPointRun::bindInputs(const Artifact &artifact, const std::vector<InputData> &given) {
  for (auto &entry : inputs) {
    const std::string &name = entry.first;
    auto spec = std::find_if(artifact.manifest.inputs.begin(), artifact.manifest.inputs.end(),
                             [&](auto &i) { return i.name == name; });
    uint64_t one = *byteSize(spec->shape, sizeOf(spec->type)) * experts;
    auto data = std::find_if(given.begin(), given.end(), [&](auto &i) { return i.name == name; });
    if (data == given.end())
      return error(Code::Data, "input '", name, "' is missing; it needs ", nameOf(spec->type),
                   shapeText(spec->shape), " for each of ", microBatches, " micro-batches");
    uint64_t expected = data->shared ? one : one * microBatches;
    if (data->bytes != expected)
      return error(Code::Data, "input '", name, "' has ", data->bytes, " bytes; ", expected,
                   " would be right");
    entry.second = {data->data, data->shared};
  }
  return {};
}

Status EntryPointRun::feed(uint32_t rank, uint32_t input, uint32_t microBatch, void *dst,
                           uint64_t bytes) {
  const Bound &bound = *inputOf[rank][input];
  uint64_t slice = (bound.shared ? 0 : uint64_t(microBatch) * experts) + rank % experts;
  std::memcpy(dst, bound.data + slice * bytes, bytes);
  return {};
}

void EntryPointRun::fetch(uint32_t rank, uint32_t output, uint32_t microBatch, const void *src,
                          uint64_t bytes) {
  Output &to = *outputOf[rank][output];
  float number = NAN;
  int64_t integer = 0;
  if (to.type == Element::I64)
    std::memcpy(&integer, src, std::min<uint64_t>(bytes, sizeof(integer)));
  else
    std::memcpy(&number, src, std::min<uint64_t>(bytes, sizeof(number)));
  to.values[size_t(microBatch) * experts + rank % experts] =
      to.type == Element::I64 ? double(integer) : double(number);
}

double EntryPointRun::scalar(const std::string &output, uint32_t microBatch,
                             uint32_t expert) const {
  auto it = outputs.find(output);
  return it == outputs.end() ? NAN : it->second.values[size_t(microBatch) * experts + expert];
}

} // namespace dpcrt
