// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Disturbance.h.
#include "devices/cuda/Disturbance.h"
#include <charconv>
#include <ctime>

namespace dpcrt::cuda {
namespace {
// From less than most kernels take to more than many of them do together.
constexpr int64_t kLateness[] = {2'000, 5'000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000};
constexpr uint64_t kLengths = sizeof kLateness / sizeof *kLateness;
constexpr uint64_t kOneOf = 8; // commands is late
} // namespace

Status Disturbance::parse(const std::string &text, Disturbance &out) {
  Disturbance parsed;
  uint64_t seed = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seed);
  const std::string policy = text.substr(size_t(end - text.data()));
  parsed.serial = policy == ",policy=serial";
  parsed.late = policy.empty() || policy == ",policy=late";
  if (failed != std::errc() || (!parsed.serial && !parsed.late))
    return error(Code::Usage, "--seed-order '", text,
                 "' is wrong for --device cuda; N or N,policy=late, in which commands are late by "
                 "times drawn from N, or N,policy=serial, in which all queues are one, would be "
                 "right");
  parsed.state = seed;
  out = parsed;
  return {};
}

const int64_t *Disturbance::drawLateness() {
  if (!late)
    return nullptr;
  // Splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return z % kOneOf ? nullptr : &kLateness[z / kOneOf % kLengths];
}

void Disturbance::standStill(void *lateness) {
  timespec time{0, long(*static_cast<const int64_t *>(lateness))};
  nanosleep(&time, nullptr);
}

} // namespace dpcrt::cuda
