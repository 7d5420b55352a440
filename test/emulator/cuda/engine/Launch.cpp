// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Launch.h.
#include "Launch.h"

#include "Block.h"

#include <numeric>

namespace dpc::emulator {

static std::string text(const Dim3 &at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) +
         ")";
}

std::string Fault::message() const {
  std::string result = "kernel '" + kernel + "'";
  if (block && thread)
    result += ", block " + text(*block) + ", thread " + text(*thread);
  return result + ": " + what;
}

struct Engine::State {
  Block block;
  std::vector<uint32_t> order;
};

Engine::Engine() : state(std::make_unique<State>()) {}
Engine::~Engine() = default;

// What is wrong with the launch, or nothing.
static std::string check(const TwinTable &twin, const Launch &launch) {
  const Kernel &kernel = *launch.kernel;
  uint64_t threads = launch.block.count(), blocks = launch.grid.count();
  const Dim3 &block = launch.block, &grid = launch.grid;
  // Each first, so that no product wraps around.
  if (block.x > kMostThreads || block.y > kMostThreads || block.z > 64 || threads == 0 ||
      threads > kMostThreads)
    return "a block of " + text(block) + " threads is not possible; the most are 1024";
  if (grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535 || blocks == 0 || blocks > INT32_MAX)
    return "a grid of " + text(grid) + " blocks is not possible";
  if (kernel.maxThreads && threads > kernel.maxThreads)
    return "a block of " + std::to_string(threads) +
           " threads is too large for a kernel made for " + std::to_string(kernel.maxThreads);
  if (kernel.parameters && !launch.arguments)
    return "the arguments are missing";
  if (launch.dynamicSharedBytes && !kernel.usesDynamic)
    return "has no use for shared memory of the launch";
  if (launch.leaveOut && *launch.leaveOut >= twin.siteCount)
    return "there is no site " + std::to_string(*launch.leaveOut) + " to leave out";
  return "";
}

std::optional<Fault> Engine::launch(const TwinTable &twin, const Launch &launch) {
  Fault impossible;
  impossible.kernel = launch.kernel->name;
  impossible.what = check(twin, launch);
  if (!impossible.what.empty())
    return impossible;
  if (!state->block.prepare(twin, launch)) {
    impossible.what = "the host has no memory for the stacks of a block";
    return impossible;
  }
  Random random(launch.seed);
  std::vector<uint32_t> &order = state->order;
  order.resize(launch.grid.count());
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(order.data(), order.size());
  for (uint32_t i : order) {
    const Dim3 &grid = launch.grid;
    Dim3 block{i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y};
    if (std::optional<Fault> fault = state->block.run(block, random.next()))
      return fault;
  }
  return std::nullopt;
}

} // namespace dpc::emulator
