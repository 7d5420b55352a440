// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Rates.h.
#include "dpc-gpu-check/Rates.h"
#include "devices/Queue.h"
#include "devices/Wait.h"
#include <algorithm>
#include <functional>
#include <set>

namespace dpcrt::gpucheck {
namespace {
constexpr uint64_t kCopyBytes = uint64_t(64) << 20;
constexpr int64_t kEnough = 5'000'000;      // nanoseconds of the device that make a figure
constexpr int64_t kLongest = 2'000'000'000; // that one wait may take
constexpr int kMost = 200;                  // times that a command is repeated

uint64_t aligned(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

// A command of an artifact, with the bytes of its operands.
struct Subject {
  Rate rate;
  std::vector<uint64_t> operands;
  const PreparedLaunch *launch = nullptr;
  const PreparedCall *call = nullptr;

  uint64_t room() const {
    uint64_t sum = 0;
    for (uint64_t bytes : operands)
      sum += aligned(bytes);
    return sum;
  }
};

class Measuring {
public:
  Measuring(Device &device, int64_t deadline)
      : device(device), deadline(std::min(deadline, noDeadline - kLongest)) {}

  Status run(const Artifact &artifact, Rates &out);

private:
  Status listKernels(const fb::Program &program);
  Status listCalls(const fb::Program &program);
  Status makeReady();
  Status measureCopy(Rates &out);
  Status measureLaunch(Rates &out);
  // Nanoseconds of the device for one of `command`, which is repeated.
  using Command = std::function<Status()>;
  Status time(const Command &command, double &seconds);
  Status timeOf(int count, const Command &command, int64_t &nanoseconds);
  Command commandOf(const Subject &subject);
  bool isOver() const { return nowNs() > deadline; }

  Device &device;
  int64_t deadline;
  std::vector<Subject> kernels, products;
  std::set<std::string> known; // symbols of both
  DeviceAddress memory;
  std::unique_ptr<Event> begin, end;
  std::unique_ptr<Queue> queue; // ends before its events
  std::vector<DeviceAddress> addresses;
};

// The first command that launches the kernel, or makes the call, of this number.
template <typename Is> std::string findLabel(const fb::Program &program, Is is) {
  for (auto *block : items(program.blocks()))
    for (auto *command : items(block->commands()))
      if (is(*command))
        return std::string(text(program, command->label()));
  for (auto *command : items(program.order()))
    if (is(*command))
      return std::string(text(program, command->label()));
  return "";
}

Status Measuring::listKernels(const fb::Program &program) {
  uint32_t number = 0;
  for (auto *kernel : items(program.kernels())) {
    uint32_t own = number++;
    std::string symbol(text(kernel->symbol()));
    if (!known.insert(symbol).second)
      continue;
    Subject subject;
    subject.rate = {symbol,
                    findLabel(program,
                              [&](const fb::Command &command) {
                                auto *launch = command.action_as_Launch();
                                return launch && launch->kernel() == own;
                              }),
                    kernel->bytes(), kernel->flops()};
    for (auto *buffer : items(kernel->buffers()))
      subject.operands.push_back(buffer->bytes());
    if (Status s = device.prepareLaunch(*kernel, subject.launch); !s.ok())
      return s;
    kernels.push_back(std::move(subject));
  }
  return {};
}

Status Measuring::listCalls(const fb::Program &program) {
  uint32_t number = 0;
  for (auto *call : items(program.library())) {
    uint32_t own = number++;
    auto *matmul = call->function_as_Matmul();
    if (!matmul)
      continue;
    Subject subject;
    uint64_t batch = 1;
    std::string shape;
    for (uint64_t size : items(matmul->batch())) {
      batch *= size;
      shape += std::to_string(size) + "x";
    }
    shape += std::to_string(matmul->m()) + "x" + std::to_string(matmul->n()) + "x" +
             std::to_string(matmul->k());
    for (auto *operand : items(call->operands()))
      subject.operands.push_back(operand->bytes());
    subject.rate = {"matmul " + shape + " " + nameOf(elementOf(*call->operands()->Get(0))),
                    findLabel(program,
                              [&](const fb::Command &command) {
                                auto *made = command.action_as_Call();
                                return made && made->call() == own;
                              }),
                    0, 2 * batch * matmul->m() * matmul->n() * matmul->k()};
    for (uint32_t i = 0; i < 3; ++i)
      subject.rate.bytes += subject.operands[i];
    // Products of one shape may have other strides; the first stands for them.
    if (!known.insert(subject.rate.symbol).second)
      continue;
    if (Status s = device.prepareCall(*call, subject.call); !s.ok())
      return s;
    products.push_back(std::move(subject));
  }
  return {};
}

Status Measuring::makeReady() {
  uint64_t room = 2 * kCopyBytes;
  for (const std::vector<Subject> *list : {&kernels, &products})
    for (const Subject &subject : *list)
      room = std::max(room, subject.room());
  if (Status s = device.allocate(room, MemoryKind::Device, memory); !s.ok())
    return s;
  if (Status s = device.finishPreparation(); !s.ok())
    return s;
  begin = device.queue()->makeEvent(/*timed=*/true);
  end = device.queue()->makeEvent(/*timed=*/true);
  queue = device.queue()->makeQueue(fb::StreamKind::Compute, "rates");
  return {};
}

Status Measuring::timeOf(int count, const Command &command, int64_t &nanoseconds) {
  Status s = queue->record(*begin);
  for (int i = 0; i < count && s.ok(); ++i)
    s = command();
  if (s.ok())
    s = queue->record(*end);
  if (s.ok())
    s = end->wait(nowNs() + kLongest);
  if (s.ok() && !end->fired())
    return error(Code::Timeout, "a command takes more than ", double(kLongest) * 1e-9, " s");
  nanoseconds = s.ok() ? std::max<int64_t>(end->time() - begin->time(), 1) : 0;
  return s;
}

// Once to warm up, once to see how often makes a figure, and then the least of three.
Status Measuring::time(const Command &command, double &seconds) {
  int64_t once = 0, least = 0;
  Status s = timeOf(1, command, once);
  if (s.ok())
    s = timeOf(1, command, once);
  int count = int(std::clamp<int64_t>(kEnough / std::max<int64_t>(once, 1), 1, kMost));
  for (int round = 0; round < 3 && s.ok(); ++round) {
    int64_t all = 0;
    s = timeOf(count, command, all);
    least = round ? std::min(least, all) : all;
  }
  seconds = double(least) * 1e-9 / count;
  return s;
}

Measuring::Command Measuring::commandOf(const Subject &subject) {
  addresses.clear();
  uint64_t offset = 0;
  for (uint64_t bytes : subject.operands) {
    addresses.push_back(memory + offset);
    offset += aligned(bytes);
  }
  return [this, &subject] {
    return subject.launch ? queue->launch(*subject.launch, addresses.data(), addresses.size())
                          : queue->call(*subject.call, addresses.data(), addresses.size());
  };
}

Status Measuring::measureCopy(Rates &out) {
  out.copyBytes = kCopyBytes;
  return time([&] { return queue->copy(memory + kCopyBytes, memory, kCopyBytes); },
              out.copySeconds);
}

// Few enough that a device does not have the host wait for room in its queue.
Status Measuring::measureLaunch(Rates &out) {
  auto least = std::min_element(kernels.begin(), kernels.end(),
                                [](auto &a, auto &b) { return a.rate.bytes < b.rate.bytes; });
  if (least == kernels.end())
    return {};
  Command command = commandOf(*least);
  constexpr int kLaunches = 200;
  for (int round = 0; round < 5; ++round) {
    int64_t before = nowNs();
    for (int i = 0; i < kLaunches; ++i)
      if (Status s = command(); !s.ok())
        return s;
    double each = double(nowNs() - before) * 1e-9 / kLaunches;
    out.launchSeconds = round ? std::min(out.launchSeconds, each) : each;
    int64_t unused = 0;
    if (Status s = timeOf(0, command, unused); !s.ok())
      return s;
  }
  return {};
}

Status Measuring::run(const Artifact &artifact, Rates &out) {
  for (const ProgramFile &file : *artifact.entry("train_step")) {
    Status s = listKernels(file.program());
    if (s.ok())
      s = listCalls(file.program());
    if (!s.ok())
      return s;
  }
  auto largest = [](auto &a, auto &b) {
    return std::max(a.rate.bytes, a.rate.flops) > std::max(b.rate.bytes, b.rate.flops);
  };
  std::stable_sort(kernels.begin(), kernels.end(), largest);
  std::stable_sort(products.begin(), products.end(), largest);
  Status s = makeReady();
  if (s.ok())
    s = measureCopy(out);
  if (s.ok())
    s = measureLaunch(out);
  for (auto [list, rates] :
       {std::pair(&kernels, &out.kernels), std::pair(&products, &out.products)})
    for (Subject &subject : *list) {
      if (!s.ok() || isOver())
        return s;
      s = time(commandOf(subject), subject.rate.seconds).within(subject.rate.symbol);
      if (s.ok())
        rates->push_back(subject.rate);
    }
  return s;
}
} // namespace

Status measureRates(const DeviceKind &kind, const Artifact &artifact, int64_t deadline,
                    Rates &out) {
  const Manifest::Target *target = nullptr;
  Status lacking =
      error(Code::Device, "the artifact was not compiled for device '", kind.target, "'");
  for (const Manifest::Target &each : artifact.manifest.targets)
    if (!target && each.device == kind.target) {
      lacking = kind.check(each.features);
      target = lacking.ok() ? &each : nullptr;
    }
  if (!target)
    return lacking;
  std::unique_ptr<Device> device;
  if (Status s = kind.make(1, device); !s.ok())
    return s;
  if (!device->queue())
    return error(Code::Usage, "device '", kind.name, "' takes no orders: it has no queues to time");
  if (!target->file.empty()) {
    Result<KernelTable> table = KernelTable::readFile(artifact.path(target->table));
    if (!table.ok())
      return table.status();
    if (Status s =
            device->openKernels(artifact.path(target->file), std::move(*table), target->features);
        !s.ok())
      return s;
  }
  return Measuring(*device, deadline).run(artifact, out);
}

} // namespace dpcrt::gpucheck
