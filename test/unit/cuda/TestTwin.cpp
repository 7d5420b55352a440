// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device code of tests, written as its twin: the kernels of kernels.c and the sums that collectives
// ask for, one element a thread or, where a kernel is one loop, one thread for all. Every access
// to memory asks the engine first, as that of generated code does.
#include "Twin.h"

using namespace dpc::emulator;

namespace {
// A parameter of the launch.
template <typename T> T parameter(void *const *arguments, int number) {
  return *static_cast<const T *>(arguments[number]);
}

template <typename T> T load(Thread *thread, const T *from) {
  thread->services->access(thread, from, sizeof(T), sizeof(T), 0);
  return *from;
}
template <typename T> void store(Thread *thread, T *to, T value) {
  thread->services->access(thread, to, sizeof(T), sizeof(T), 1);
  *to = value;
}

uint64_t firstOf(const Thread *t) { return uint64_t(t->ctaid[0]) * t->ntid[0] + t->tid[0]; }
uint64_t strideOf(const Thread *t) { return uint64_t(t->nctaid[0]) * t->ntid[0]; }

// The floats that a kernel of kernels.c works on.
struct Buffers {
  Thread *thread;
  void *const *arguments;
  float *of(int buffer) const { return parameter<float *>(arguments, buffer); }
  float get(int buffer, uint64_t i) const { return load(thread, of(buffer) + i); }
  void set(int buffer, uint64_t i, float value) const { store(thread, of(buffer) + i, value); }
};

// Of the sixteen points of most kernels, those of a thread.
template <typename Body> void each(Thread *thread, void *const *arguments, Body body) {
  const Buffers b = {thread, arguments};
  for (uint64_t i = firstOf(thread); i < 16; i += strideOf(thread))
    body(b, i);
}
template <typename Body> void once(Thread *thread, void *const *arguments, Body body) {
  if (firstOf(thread) == 0)
    body(Buffers{thread, arguments});
}

void add(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) { b.set(2, i, b.get(0, i) + b.get(1, i)); });
}
void keep(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) { b.set(1, i, 0.5f * b.get(0, i)); });
}
void gradx(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) { b.set(2, i, b.get(0, i) * b.get(1, i)); });
}
void gradw(Thread *t, void *const *a) {
  each(t, a,
       [](const Buffers &b, uint64_t i) { b.set(2, i, b.get(2, i) + b.get(0, i) * b.get(1, i)); });
}
void update(Thread *t, void *const *a) {
  each(t, a,
       [](const Buffers &b, uint64_t i) { b.set(0, i, b.get(0, i) - b.get(2, 0) * b.get(1, i)); });
}
void loss(Thread *t, void *const *a) {
  once(t, a, [](const Buffers &b) {
    float sum = 0, den = 0;
    for (uint64_t r = 0; r < 4; ++r) {
      const bool counts = b.get(1, 4 * r) >= 0;
      den += counts ? 1 : 0;
      for (uint64_t c = 0; c < 4; ++c) {
        const float d = b.get(0, 4 * r + c) - b.get(1, 4 * r + c);
        sum += counts ? d * d : 0;
        b.set(4, 4 * r + c, counts ? 2 * d : 0);
      }
    }
    b.set(2, 0, den == 0 ? 0 : sum / den);
    b.set(3, 0, den);
  });
}
void count(Thread *t, void *const *a) {
  once(t, a, [](const Buffers &b) { b.set(1, 0, b.get(1, 0) + b.get(0, 0)); });
}
void norm(Thread *t, void *const *a) {
  once(t, a, [](const Buffers &b) {
    float sum = 0;
    for (uint64_t i = 0; i < 16; ++i)
      sum += b.get(0, i) * b.get(0, i);
    b.set(1, 1, sum);
  });
}
// Words of a step record's header, as in kernels.c.
enum { Factor, Den, Norm, Nonfinite, Skip, Halted, Clip = 13, SkipAsked, HaltAsked };
void factor(Thread *t, void *const *a) {
  once(t, a, [](const Buffers &b) {
    const float den = b.get(0, 0), squares = b.get(0, 1), scale = den == 0 ? 0 : 1 / den;
    const float norm = __builtin_sqrtf(squares) * scale, clip = b.get(1, Clip);
    const bool isFinite = __builtin_isfinite(squares);
    const bool halted = b.get(1, HaltAsked) != 0 && (b.get(1, Halted) != 0 || !isFinite);
    b.set(1, Factor, norm > clip ? scale * clip / norm : scale);
    b.set(1, Den, den);
    b.set(1, Norm, norm);
    b.set(1, Nonfinite, isFinite ? 0 : 1);
    b.set(1, Halted, halted ? 1 : 0);
    b.set(1, Skip, b.get(1, SkipAsked) != 0 || halted || !isFinite || den == 0 ? 1 : 0);
  });
}
void sgd(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) {
    if (b.get(2, Skip) != 0)
      return;
    const float gradient = b.get(1, i) * b.get(2, Factor) + b.get(3, 1) * b.get(0, i);
    b.set(0, i, b.get(0, i) - b.get(3, 0) * gradient);
  });
}

// A kernel of two functions: in, out, scratch. out[i] = 2 in[i] + 1 by way of the scratch.
void twiceFirst(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) { b.set(2, 15 - i, 2 * b.get(0, i)); });
}
void twiceSecond(Thread *t, void *const *a) {
  each(t, a, [](const Buffers &b, uint64_t i) { b.set(1, i, b.get(2, 15 - i) + 1); });
}
// Reads far behind the buffer's end.
void beyond(Thread *t, void *const *a) {
  once(t, a, [](const Buffers &b) { b.set(0, 0, b.get(0, uint64_t(1) << 30)); });
}

// dst, sources, count.
template <typename T, int Sources> void sum(Thread *thread, void *const *arguments) {
  const uint64_t elements = parameter<uint64_t>(arguments, 1 + Sources);
  for (uint64_t i = firstOf(thread); i < elements; i += strideOf(thread)) {
    T value = load(thread, parameter<T *>(arguments, 1) + i);
    for (int s = 1; s < Sources; ++s)
      value += load(thread, parameter<T *>(arguments, 1 + s) + i);
    store(thread, parameter<T *>(arguments, 0) + i, value);
  }
}

float widened(uint16_t bits) {
  const uint32_t word = uint32_t(bits) << 16;
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

template <int Sources> void sumBf16(Thread *thread, void *const *arguments) {
  const uint64_t elements = parameter<uint64_t>(arguments, 1 + Sources);
  for (uint64_t i = firstOf(thread); i < elements; i += strideOf(thread)) {
    float value = widened(load(thread, parameter<uint16_t *>(arguments, 1) + i));
    for (int s = 1; s < Sources; ++s)
      value += widened(load(thread, parameter<uint16_t *>(arguments, 1 + s) + i));
    store(thread, parameter<uint16_t *>(arguments, 0) + i,
          thread->services->doubleToBFloat(double(value)));
  }
}

constexpr uint64_t kEights[] = {8, 8, 8, 8, 8, 8, 8};

constexpr Kernel kernel(const char *name, void (*run)(Thread *, void *const *), uint64_t buffers,
                        uint64_t parameters, uint64_t maxThreads) {
  return {name, run, kEights, parameters, buffers, nullptr, 0, 0, 0, 0, maxThreads};
}
constexpr Kernel ofBuffers(const char *name, void (*run)(Thread *, void *const *),
                           uint64_t buffers) {
  return kernel(name, run, buffers, buffers, 32);
}
constexpr Kernel ofSources(const char *name, void (*run)(Thread *, void *const *),
                           uint64_t sources) {
  return kernel(name, run, sources + 1, sources + 2, 128);
}

constexpr Kernel kKernels[] = {
    ofBuffers("k_add", add, 3),
    ofBuffers("k_keep", keep, 2),
    ofBuffers("k_gradx", gradx, 3),
    ofBuffers("k_gradw", gradw, 3),
    ofBuffers("k_update", update, 3),
    ofBuffers("k_loss", loss, 5),
    ofBuffers("k_count", count, 2),
    ofBuffers("k_norm", norm, 2),
    ofBuffers("k_factor", factor, 2),
    ofBuffers("k_sgd", sgd, 4),
    ofBuffers("k_twice_0", twiceFirst, 3),
    ofBuffers("k_twice_1", twiceSecond, 3),
    ofBuffers("k_beyond", beyond, 1),
    ofSources("sum_2_f32", sum<float, 2>, 2),
    ofSources("sum_3_f32", sum<float, 3>, 3),
    ofSources("sum_4_f32", sum<float, 4>, 4),
    ofSources("sum_2_i64", sum<int64_t, 2>, 2),
    ofSources("sum_3_bf16", sumBf16<3>, 3),
};
} // namespace

extern "C" __attribute__((visibility("default"))) const TwinTable dpc_cuda_twin = {
    kTwinVersion, kKernels, sizeof kKernels / sizeof kKernels[0], nullptr, 0, nullptr, 0};
