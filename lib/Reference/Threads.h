// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Deals the parts of a large operation to threads. A part is computed by one thread
// and knows nothing of the others, so which thread computes it changes nothing in it.
#ifndef DPC_LIB_REFERENCE_THREADS_H
#define DPC_LIB_REFERENCE_THREADS_H

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace dpc::reference {

/// Calls f(part) for each part from 0 to `count`.
template <typename F> void dealToThreads(int64_t count, unsigned threads, F f) {
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t part; (part = next.fetch_add(1)) < count;)
      f(part);
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < threads; ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
}

} // namespace dpc::reference

#endif // DPC_LIB_REFERENCE_THREADS_H
