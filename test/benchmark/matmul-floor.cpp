// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times oneDNN's matmul on one thread for shapes read from standard input, a line
// each: m n k, whether lhs and rhs lie transposed (0 or 1), batch. Prints the
// fastest seconds of each, then the bandwidth of a copy in bytes a second, then the
// library's version. test/benchmark/floor.py calls it where PyTorch is missing.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <dnnl.hpp>
#include <functional>
#include <iostream>
#include <vector>

extern "C" void omp_set_num_threads(int);

namespace {
using dims = dnnl::memory::dims;
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double fastest(double budget, const std::function<void()> &run) {
  run();
  double best = 1e9;
  Clock::time_point begin = Clock::now();
  for (int rounds = 0; rounds < 3 || seconds(begin) < budget; ++rounds) {
    Clock::time_point start = Clock::now();
    run();
    best = std::min(best, seconds(start));
  }
  return best;
}

class Matrices {
public:
  Matrices(int64_t batch, int64_t rows, int64_t columns, bool transposed,
           const dnnl::engine &engine)
      : values(size_t(batch * rows * columns), 0.5f),
        memory({dims{batch, rows, columns}, dnnl::memory::data_type::f32,
                transposed ? dims{rows * columns, 1, rows} : dims{rows * columns, columns, 1}},
               engine, values.data()) {}

  std::vector<float> values;
  dnnl::memory memory;
};
} // namespace

int main() {
  omp_set_num_threads(1);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  int64_t m, n, k, batch;
  bool lhsTransposed, rhsTransposed;
  while (std::cin >> m >> n >> k >> lhsTransposed >> rhsTransposed >> batch) {
    Matrices lhs(batch, m, k, lhsTransposed, engine), rhs(batch, k, n, rhsTransposed, engine),
        dst(batch, m, n, false, engine);
    dnnl::matmul::primitive_desc description(
        dnnl::matmul::desc(lhs.memory.get_desc(), rhs.memory.get_desc(), dst.memory.get_desc()),
        engine);
    dnnl::matmul matmul(description);
    double best = fastest(0.15, [&] {
      matmul.execute(
          stream,
          {{DNNL_ARG_SRC, lhs.memory}, {DNNL_ARG_WEIGHTS, rhs.memory}, {DNNL_ARG_DST, dst.memory}});
      stream.wait();
    });
    std::printf("%.9f\n", best);
  }
  std::vector<float> source(16 << 20, 1.0f), target(source.size());
  double copy = fastest(
      0.5, [&] { std::memcpy(target.data(), source.data(), source.size() * sizeof(float)); });
  std::printf("%.0f\n", 2 * double(source.size()) * sizeof(float) / copy);
  const dnnl::version_t *version = dnnl::version();
  std::printf("%d.%d.%d\n", version->major, version->minor, version->patch);
}
