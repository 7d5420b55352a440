// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Feed, fetch and what an entry point is made of.
#include "session/EntryPointRun.h"
#include "executor/QueueExecutor.h"
#include "executor/TaskTimes.h"
#include "executor/ThreadExecutor.h"
#include "program/format/Outputs.h"
#include "transports/local/LocalQueueTransport.h"
#include "transports/processes/ProcessMessages.h"
#include <cmath>
#include <cstring>

namespace dpcrt {

Status EntryPointRun::prepare(const Artifact &artifact, const std::string &name, Device &device,
                              const SessionOptions &options, const RankMemory *weightsOf) {
  world = options.world.get();
  entryName = name;
  microBatches = artifact.manifest.entryPoint(name)->microBatches;
  grid = artifact.manifest.mesh.grid();
  const RankRange own = world ? ranksOf(*world, grid.ranks()) : RankRange{0, grid.ranks()};
  if (Status s = memory.allocate(artifact, name, own, device, weightsOf); !s.ok())
    return s;
  if (Status s = memory.loadConstants(artifact, device); !s.ok())
    return s;
  if (Status s = listOutputs(artifact, name); !s.ok())
    return s;
  for (uint32_t rank = own.first; rank < own.end; ++rank) {
    const fb::Program &program = *memory.programs[rank - own.first];
    PlanContext context{&program,
                        grid,
                        grid.placeOf(rank),
                        device,
                        memory.arenas[rank - own.first],
                        options.checkMirrors};
    plans.emplace_back();
    if (Status s = RankPlan::make(context, plans.back()); !s.ok())
      return s.within("rank " + std::to_string(rank));
    records.emplace_back(plans.back()->record.bytes());
    inputOf.emplace_back();
    for (auto *input : items(program.inputs()))
      inputOf.back().push_back(&inputs[std::string(text(input->name()))]);
    outputOf.emplace_back();
    for (auto *output : items(program.outputs()))
      outputOf.back().push_back(&outputs[std::string(text(output->name()))]);
  }
  if (HostDevice *host = device.host())
    return connect(*host, options.link);
  if (options.link.emulated() && !device.queue()->givenTimes())
    return error(Code::Usage, "--link: device '", device.name(),
                 "' emulates no link; --device cpu does, and --virtual-clock");
  queueTransport = makeLinkedQueueTransport(*device.queue(), options.link);
  return {};
}

// Of all ranks, also those of other processes: each of these then has the same values of
// all of them.
Status EntryPointRun::listOutputs(const Artifact &artifact, const std::string &name) {
  const std::vector<ProgramFile> &files = *artifact.entry(name);
  const size_t count = size_t(microBatchesOfStep()) * grid.ep;
  for (uint32_t rank = 0; rank < grid.ranks(); ++rank) {
    const RankPlace place = grid.placeOf(rank);
    const fb::Program &program = files[place.pp].program();
    for (auto *output : items(program.outputs())) {
      std::string outputName(text(output->name()));
      Output &values = outputs[outputName];
      values.type = elementOf(*output);
      values.bytes = *byteSize(shapeOf(*output), sizeOf(values.type));
      // NaN, until a rank fetches it.
      values.values.assign(count * values.bytes, char(0xFF));
      values.processes.resize(count, 0);
      // The host reads these as numbers.
      bool isFault = outputName == kFaultOutput;
      if ((isFault || outputName == kLossOutput || outputName == kDenOutput) &&
          (values.type != (isFault ? Element::I64 : Element::F32) ||
           values.bytes != sizeOf(values.type)))
        return error(Code::Artifact, "output '", outputName, "' is ", nameOf(values.type),
                     shapeText(shapeOf(*output)), ", where ", isFault ? "i64" : "f32",
                     " of one element would be right");
    }
    if (world)
      for (auto *command : items(program.order()))
        if (auto *fetch = command->action_as_Fetch()) {
          Output &values =
              outputs[std::string(text(program.outputs()->Get(fetch->output())->name()))];
          values.processes[size_t(ofStep(place, fetch->micro_batch())) * grid.ep + place.ep] =
              world->processOf(rank, grid.ranks());
        }
  }
  return {};
}

std::string EntryPointRun::fetchedHere() const {
  std::string fetched;
  for (auto &[name, output] : outputs)
    for (size_t i = 0; i < output.processes.size(); ++i)
      if (output.processes[i] == world->self())
        fetched.append(output.values.data() + i * output.bytes, output.bytes);
  return fetched;
}

Status EntryPointRun::takeFetched(uint32_t process, std::string_view fetched) {
  for (auto &[name, output] : outputs)
    for (size_t i = 0; i < output.processes.size(); ++i) {
      if (output.processes[i] != process)
        continue;
      if (fetched.size() < output.bytes)
        return error(Code::Internal, "process ", process, " has fetched less than its part");
      std::memcpy(output.values.data() + i * output.bytes, fetched.data(), output.bytes);
      fetched.remove_prefix(output.bytes);
    }
  return {};
}

// The operations of ranks whose streams are threads.
Status EntryPointRun::connect(HostDevice &device, const Link &link) {
  if (world)
    remote = makeProcessMessages(*world, grid.ranks(), entryName);
  transport = makeLocalTransport(device, link, remote.get());
  for (auto &plan : plans) {
    uint32_t rank = plan->rank;
    connected.emplace_back();
    if (Status s = ThreadPlan::make(std::move(plan), *transport, connected.back()); !s.ok())
      return s.within("rank " + std::to_string(rank));
  }
  return transport->finishPreparation();
}

Status EntryPointRun::startExecutor(Device &device, const ExecutorOptions &options) {
  if (HostDevice *host = device.host()) {
    auto made =
        std::make_unique<ThreadExecutor>(std::move(connected), *host, *transport, *this, options);
    threads = made.get();
    executor = std::move(made);
    return threads->start();
  }
  if (options.times)
    for (auto &plan : plans)
      if (Status s = options.times->check(*plan->program); !s.ok())
        return s.within("--clock-times");
  std::unique_ptr<QueueExecutor> queues;
  Status made = QueueExecutor::make(std::move(plans), *device.queue(), *queueTransport, *this,
                                    options, queues);
  executor = std::move(queues);
  return made;
}

Status EntryPointRun::bindInputs(const Artifact &artifact, const std::vector<InputData> &given) {
  for (auto &entry : inputs) {
    const std::string &name = entry.first;
    auto spec = std::find_if(artifact.manifest.inputs.begin(), artifact.manifest.inputs.end(),
                             [&](auto &i) { return i.name == name; });
    const uint32_t slices = artifact.manifest.mesh.slicesOf(*spec);
    uint64_t one = *byteSize(spec->shape, sizeOf(spec->type)) * slices;
    auto data = std::find_if(given.begin(), given.end(), [&](auto &i) { return i.name == name; });
    if (data == given.end())
      return error(Code::Data, "input '", name, "' is missing; it needs ", nameOf(spec->type),
                   shapeText(spec->shape), " for each of ", microBatchesOfStep(), " micro-batches");
    uint64_t expected = data->shared ? one : one * microBatchesOfStep();
    if (data->bytes != expected)
      return error(Code::Data, "input '", name, "' has ", data->bytes, " bytes; ", expected,
                   " would be right");
    entry.second = {data->data, data->shared, slices};
  }
  return {};
}

Status EntryPointRun::inputValues(uint32_t rank, uint32_t input, uint32_t microBatch,
                                  uint64_t bytes, const void *&out) {
  const Bound &bound = *inputOf[rank - memory.ranks.first][input];
  const RankPlace place = grid.placeOf(rank);
  uint64_t slice = (bound.shared ? 0 : uint64_t(ofStep(place, microBatch)) * bound.slices) +
                   (bound.slices > 1 ? place.ep : 0);
  out = bound.data + slice * bytes;
  return {};
}

void *EntryPointRun::outputValues(uint32_t rank, uint32_t output, uint32_t microBatch,
                                  uint64_t &bytes) {
  Output &to = *outputOf[rank - memory.ranks.first][output];
  bytes = std::min(bytes, to.bytes);
  const RankPlace place = grid.placeOf(rank);
  return to.values.data() + (size_t(ofStep(place, microBatch)) * grid.ep + place.ep) * to.bytes;
}

const EntryPointRun::Output *EntryPointRun::output(const std::string &name) const {
  auto it = outputs.find(name);
  return it == outputs.end() ? nullptr : &it->second;
}

} // namespace dpcrt
