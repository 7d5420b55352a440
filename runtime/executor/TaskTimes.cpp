// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times by kind of block, and what the host can keep up with.
#include "executor/TaskTimes.h"
#include <algorithm>
#include <cmath>

namespace dpcrt {
namespace {
// Enqueuing an entry of a tape takes the host a tenth of this: on a machine that others use, too,
// it is not to fall behind.
constexpr double hostNsPerEntry = 2500;
// A step beside which what the host does once in it, like waking, is little.
constexpr double leastStepNs = 20e6;

double bytesOf(const flatbuffers::Vector<const fb::Argument *> *arguments) {
  double bytes = 0;
  for (auto *argument : items(arguments))
    bytes += double(argument->ref().bytes());
  return bytes;
}

// Of a product of an m x k and a k x n matrix 2 m n k, which is twice the root of the product of
// the sizes of all three; of what else multiplies two operands into a third, as near as is needed.
double multiplications(const fb::LibraryCall &call) {
  double product = 1;
  for (uint32_t i = 0; i < std::min(3u, count(call.operands())); ++i)
    product *= double(call.operands()->Get(i)->bytes()) /
               double(sizeOf(elementOf(*call.operands()->Get(i))));
  return 2 * std::sqrt(product);
}

double workOf(const fb::Program &program, const fb::Command &command) {
  if (auto *launch = command.action_as_Launch())
    return double(program.kernels()->Get(launch->kernel())->flops()) + bytesOf(launch->args());
  if (auto *call = command.action_as_Call())
    return multiplications(*program.library()->Get(call->call())) + bytesOf(call->args());
  if (auto *copy = command.action_as_Copy())
    return 2 * double(copy->dst()->bytes());
  return 0;
}
} // namespace

int64_t TaskTimes::of(const fb::Block &block) const {
  if (block.stage() < 0)
    return 0;
  const Stage &stage = stages[size_t(block.stage())];
  switch (block.kind()) {
  case fb::TaskKind::Forward:
    return stage.forward;
  case fb::TaskKind::InputHalf:
    return stage.input;
  case fb::TaskKind::WeightHalf:
    return stage.weight;
  case fb::TaskKind::Backward:
    return stage.input + stage.weight;
  case fb::TaskKind::Pair: {
    const Stage &back = stages[size_t(block.pair_stage())];
    return pairs.empty()
               ? stage.forward + back.input + back.weight
               : pairs[size_t(block.stage()) * stages.size() + size_t(block.pair_stage())];
  }
  default:
    return 0;
  }
}

std::vector<int64_t> TaskTimes::spread(const fb::Program &program, const fb::Block &block) const {
  std::vector<double> done; // work of the commands up to one, with it
  double all = 0;
  for (auto *command : items(block.commands())) {
    all += workOf(program, *command);
    done.push_back(all);
  }
  std::vector<int64_t> spent(done.size());
  const double whole = double(of(block));
  int64_t before = 0;
  for (size_t c = 0; c < done.size() && all > 0; ++c) {
    const int64_t now = std::llround(done[c] / all * whole);
    spent[c] = now - before;
    before = now;
  }
  return spent;
}

Status TaskTimes::check(const fb::Program &program) const {
  for (auto *block : items(program.blocks()))
    for (int64_t stage : {block->stage(), block->pair_stage()})
      if (stage >= int64_t(stages.size()))
        return error(Code::Usage, "there are times of ", stages.size(), " stages, but '",
                     text(program, block->name()), "' is of stage ", stage, ", counted from 0");
  return {};
}

double factorFor(const Tape &tape) {
  std::vector<double> spent(tape.queues.size());
  for (const TapeEntry &entry : tape.entries)
    spent[entry.queue] += double(entry.nanoseconds);
  double longest = spent.empty() ? 0 : *std::max_element(spent.begin(), spent.end());
  if (longest <= 0)
    return 1;
  double wanted = std::max(leastStepNs, 2 * hostNsPerEntry * double(tape.entries.size())) / longest;
  for (double power = 1;; power *= 10)
    for (double factor : {power, 2 * power, 5 * power})
      if (factor >= wanted)
        return factor;
}

} // namespace dpcrt
