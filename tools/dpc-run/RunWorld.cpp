// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RunWorld.h.
#include "dpc-run/RunWorld.h"
#include <algorithm>
#include <chrono>
#include <csignal>
#include <sched.h>
#include <thread>

namespace dpcrt {

Status RunWorld::join(const RunOptions &options) {
  auto asked = sized<dpcrt_world_options>();
  asked.transport = options.transport.empty() ? nullptr : options.transport.c_str();
  asked.timeout_s = options.timeoutSeconds;
  asked.launch_timeout_s = options.launchTimeoutSeconds;
  if (Status s = fromC(dpcrt_world_join(&asked, &world)); !s.ok())
    return s;
  // A launcher that has ended takes what it reads with it: who says a last word then ends with
  // its own status, not by a signal.
  if (world)
    std::signal(SIGPIPE, SIG_IGN);
  processes = dpcrt_world_processes(world);
  process = dpcrt_world_process(world);
  localProcesses = dpcrt_world_local_processes(world);
  return {};
}

void RunWorld::fail(const Status &status) const {
  int own = 1;
  if (world)
    (void)fromC(dpcrt_world_fail(world, int(status.code()), status.message().c_str(), &own));
}

Status RunWorld::end(const Status &status, std::ostream &err) {
  if (!world)
    return status;
  Status result = status;
  // None ends as if all were well while another one fails: all come here, or none has done well.
  const bool isWell = status.ok() || status.code() == Code::Stopped;
  std::string nothing;
  if (Status met = isWell ? share("the end of the run", nothing) : Status(); !met.ok())
    result = met;
  // All stop together when they are asked to; that is no failure.
  if (!result.ok() && result.code() != Code::Stopped) {
    int own = 1;
    result = fromC(dpcrt_world_fail(world, int(result.code()), result.message().c_str(), &own));
    speaks = own != 0;
    broken = true;
  }
  speaks = speaks && (result.code() != Code::Stopped || process == 0);
  if (!result.ok() && speaks)
    err << "dpc run: " << result.message() << std::endl;
  // Others may just be reading a message in this process's memory, which is gone with it: until
  // they have heard of the failure, and read no more. And a launcher may end all as soon as one has
  // ended with a failure: whoever has nothing to say lets the one go first that has.
  if (broken)
    std::this_thread::sleep_for(std::chrono::milliseconds(speaks ? 300 : 1000));
  speaks = result.ok();
  Status left = fromC(dpcrt_world_leave(world));
  world = nullptr;
  if (broken || left.ok())
    return result;
  broken = true;
  return result.ok() ? left : result;
}

// A launcher that binds its processes has given each its cores; else they share all of them.
unsigned RunWorld::threads(unsigned asked) const {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (asked || localProcesses <= 1 || sched_getaffinity(0, sizeof(set), &set) != 0)
    return asked;
  const unsigned own = unsigned(CPU_COUNT(&set)), all = std::thread::hardware_concurrency();
  return own < all ? own : std::max(1u, own / localProcesses);
}

Status RunWorld::openData(const dpcrt_artifact *artifact, const char *entry,
                          const std::string &source, std::vector<InputSpec> inputs,
                          uint64_t microBatches, uint64_t epochs, std::optional<uint64_t> shuffle,
                          Batches &out) const {
  bool isFed = isFirst();
  for (InputSpec &input : inputs) {
    input.isNeeded = false;
    for (size_t i = 0; i < dpcrt_artifact_inputs(artifact); ++i)
      if (inputOf(artifact, i).name == input.name)
        input.isNeeded = dpcrt_world_feeds(world, artifact, entry, i) != 0;
    isFed |= input.isNeeded;
  }
  if (isFed)
    if (Status s = out.open(source, std::move(inputs), microBatches, epochs, shuffle); !s.ok())
      return s;
  std::string rows = isFed ? std::to_string(out.rows()) : "";
  const std::string own = rows;
  if (Status s = share("how much data there is", rows); !s.ok() || !isSpread())
    return s;
  if (!isFed)
    out.openElsewhere(std::stoull(rows), microBatches, epochs, shuffle);
  else if (own != rows)
    return error(Code::Data, "process ", process, " finds ", own, " micro-batches in '", source,
                 "', process 0 finds ", rows, "; all must have the same data");
  return {};
}

Status RunWorld::first(const char *what, std::string &text) const {
  if (!world)
    return {};
  std::string room = text;
  room.resize(1 << 12, '\0');
  room.back() = '\0';
  if (Status s = fromC(dpcrt_world_first(world, what, room.data(), room.size())); !s.ok())
    return s;
  text = room.c_str();
  return {};
}

Status RunWorld::share(const char *what, std::string &text) const {
  if (!world)
    return {};
  std::string room(process == 0 ? text : std::string(1 << 16, '\0'));
  uint64_t bytes = room.size();
  if (Status s = fromC(dpcrt_world_share(world, what, room.data(), &bytes)); !s.ok())
    return s;
  text = room.substr(0, bytes);
  return {};
}

} // namespace dpcrt
