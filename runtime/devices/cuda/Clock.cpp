// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The driver's "Event Management".
#include "devices/cuda/Clock.h"
#include "devices/Wait.h"
#include <algorithm>
#include <cmath>

namespace dpcrt::cuda {
namespace {
// How closely the first base is known, and how often that is tried.
constexpr int64_t kCloseNs = 50'000;
constexpr int kTries = 8;
// Until the first base is given up.
constexpr int64_t kPatienceNs = 10'000'000'000;
} // namespace

Clock::~Clock() {
  Context::Use use(context);
  if (!stream || !context.drain(stream) || context.isAbandoned())
    return;
  for (Base &base : bases)
    if (base.event)
      context.driver.cuEventDestroy_v2(base.event);
  context.driver.cuStreamDestroy_v2(stream);
}

Status Clock::start() {
  Context::Use use(context);
  const Driver &driver = context.driver;
  CUresult result =
      driver.cuStreamCreateWithPriority(&stream, CU_STREAM_NON_BLOCKING, context.greatestPriority);
  if (result != CUDA_SUCCESS)
    stream = nullptr;
  for (Base &base : bases)
    if (result == CUDA_SUCCESS)
      result = driver.cuEventCreate(&base.event, CU_EVENT_DEFAULT);
  if (Status s = context.check(result, "making the events of its clock"); !s.ok())
    return s;
  Base &base = bases[current];
  for (int i = 0; i < kTries; ++i) {
    const int64_t before = nowNs();
    result = driver.cuEventRecord(base.event, stream);
    if (result == CUDA_SUCCESS)
      while ((result = driver.cuEventQuery(base.event)) == CUDA_ERROR_NOT_READY)
        if (nowNs() - before > kPatienceNs)
          return error(Code::Device, textOf(context.gpu), " has not recorded an event for ",
                       kPatienceNs / 1'000'000'000, " s");
    if (Status s = context.check(result, "starting its clock"); !s.ok())
      return s;
    const int64_t behind = nowNs();
    base.time = before + (behind - before) / 2;
    if (behind - before < kCloseNs)
      break;
  }
  return {};
}

size_t Clock::take(size_t before) {
  std::lock_guard<std::mutex> lock(mutex);
  if (before != kNone)
    --bases[before].uses;
  ++bases[current].uses;
  const int64_t now = nowNs();
  if (next != kNone || now - bases[current].time < nextBaseNs)
    return current;
  for (size_t i = 0; i < bases.size() && next == kNone; ++i)
    if (i != current && bases[i].uses == 0 &&
        context.driver.cuEventRecord(bases[i].event, stream) == CUDA_SUCCESS) {
      next = i;
      nextRecorded = now;
    }
  return current;
}

void Clock::giveBack(size_t base) {
  std::lock_guard<std::mutex> lock(mutex);
  if (base != kNone)
    --bases[base].uses;
}

void Clock::look() {
  std::lock_guard<std::mutex> lock(mutex);
  if (next == kNone || context.driver.cuEventQuery(bases[next].event) != CUDA_SUCCESS)
    return;
  const int64_t seen = nowNs();
  float milliseconds = 0;
  CUresult result =
      context.driver.cuEventElapsedTime(&milliseconds, bases[current].event, bases[next].event);
  if (result == CUDA_SUCCESS) {
    const int64_t time = bases[current].time + std::llround(double(milliseconds) * 1e6);
    bases[next].time = std::clamp(time, nextRecorded, seen);
    current = next;
  }
  next = kNone;
}

int64_t Clock::timeOf(CUevent event, size_t base, int64_t recorded) const {
  std::lock_guard<std::mutex> lock(mutex);
  float milliseconds = 0;
  if (base == kNone ||
      context.driver.cuEventElapsedTime(&milliseconds, bases[base].event, event) != CUDA_SUCCESS)
    return recorded;
  const int64_t time = bases[base].time + std::llround(double(milliseconds) * 1e6);
  return std::clamp(time, recorded, std::max(recorded, nowNs()));
}

} // namespace dpcrt::cuda
