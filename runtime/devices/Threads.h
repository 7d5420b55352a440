// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many threads can compute at one time, and threads that may fail to start: a limit on
// processes (ulimit -u, a container's pids.max) is the user's to mend, so it is an error with a
// message, not the end of the process.
#pragma once
#include "program/format/Status.h"
#include <algorithm>
#include <sched.h>
#include <system_error>
#include <thread>
#include <vector>

namespace dpcrt {

// That the operating system lets this process run on.
inline unsigned coresOfThisProcess() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return unsigned(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

// Appends a thread that runs `body` to `threads`, one of `wanted` that serve `whom`.
// Whoever owns `threads` ends and joins those that did start.
template <typename Body>
Status startThread(std::vector<std::thread> &threads, size_t wanted, const char *whom, Body body) {
  try {
    threads.emplace_back(std::move(body));
    return {};
  } catch (const std::system_error &e) {
    return error(Code::Device, "cannot start thread ", threads.size() + 1, " of ", wanted, " for ",
                 whom, ": ", e.code().message(),
                 " (ulimit -u and the container's limit on processes say how many there may be)");
  }
}

} // namespace dpcrt
