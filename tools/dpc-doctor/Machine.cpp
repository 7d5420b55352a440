// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Processor, memory and limits, as Linux tells them.
#include "devices/Threads.h"
#include "dpc-doctor/Findings.h"
#include "program/format/Print.h"
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sys/resource.h>
#include <sys/statvfs.h>

namespace dpcrt::doctor {
namespace {
// What stands behind `key` and a colon in a file of such lines; empty if it does not.
std::string valueIn(const char *path, const std::string &key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    size_t colon = line.find(':');
    if (colon == line.npos || line.rfind(key, 0) != 0 ||
        line.find_first_not_of(" \t", key.size()) != colon)
      continue;
    size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == line.npos ? "" : line.substr(begin);
  }
  return {};
}

// /proc/meminfo counts in KiB.
uint64_t memoryInfo(const char *key) {
  return std::strtoull(valueIn("/proc/meminfo", key).c_str(), nullptr, 10) * 1024;
}

// Where the control group of this process is, of a controller of the first version of control
// groups, or with an empty name of the second. In a container it is the root.
std::string controlGroup(const std::string &controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second != line.npos && line.substr(first + 1, second - first - 1) == controller)
      return line.substr(second + 1);
  }
  return "/";
}

// The numbers of a control group's file: the group's own, or the root's where that is all that
// is seen. What is no limit, `max` or -1, is left out.
std::vector<uint64_t> limitIn(const std::string &mount, const std::string &group,
                              const std::string &name) {
  for (const std::string &folder : {mount + group + "/", mount + "/"}) {
    std::ifstream file(folder + name);
    std::vector<uint64_t> numbers;
    for (int64_t number; file >> number && number >= 0;)
      numbers.push_back(uint64_t(number));
    if (!numbers.empty())
      return numbers;
  }
  return {};
}

std::optional<uint64_t> memoryLimit() {
  auto limit = limitIn("/sys/fs/cgroup", controlGroup(""), "memory.max");
  if (limit.empty())
    limit = limitIn("/sys/fs/cgroup/memory", controlGroup("memory"), "memory.limit_in_bytes");
  // The first version says "none" by a number that no machine has.
  if (limit.empty() || limit[0] >= memoryInfo("MemTotal"))
    return std::nullopt;
  return limit[0];
}

// How many cores' time a container may use, which says nothing about which cores.
std::optional<double> coreTimeLimit() {
  auto limit = limitIn("/sys/fs/cgroup", controlGroup(""), "cpu.max");
  if (limit.size() != 2) {
    auto quota = limitIn("/sys/fs/cgroup/cpu", controlGroup("cpu"), "cpu.cfs_quota_us");
    auto period = limitIn("/sys/fs/cgroup/cpu", controlGroup("cpu"), "cpu.cfs_period_us");
    if (quota.size() != 1 || period.size() != 1)
      return std::nullopt;
    limit = {quota[0], period[0]};
  }
  if (limit[1] == 0)
    return std::nullopt;
  return double(limit[0]) / double(limit[1]);
}

std::string processor() {
  std::string name = valueIn("/proc/cpuinfo", "model name");
  if (name.empty())
    name = "unknown";
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4"))
    return name + ", x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3"))
    return name + ", x86-64-v3";
#endif
  return name + ", older than x86-64-v3";
}

Status defaultTarget() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v3"))
    return {};
#endif
  return Status(Code::Device, "the processor lacks instructions of x86-64-v3, which the default "
                              "target is; compile here with --target cpu:native");
}

std::string limitText(int resource, bool inBytes) {
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return "unlimited";
  return inBytes ? bytesInWords(limit.rlim_cur) : std::to_string(limit.rlim_cur);
}
} // namespace

void examineMachine(Findings &out) {
  out.add("processor", processor());
  out.stop("--target cpu", defaultTarget());

  unsigned own = coresOfThisProcess(), all = std::max(1u, std::thread::hardware_concurrency());
  std::ostringstream cores;
  cores << own << " of " << std::max(own, all) << " for this process";
  if (auto limit = coreTimeLimit())
    cores << "; the control group allows the time of " << *limit;
  out.add("cores", cores.str());

  std::ostringstream memory;
  memory << bytesInWords(memoryInfo("MemAvailable")) << " of "
         << bytesInWords(memoryInfo("MemTotal")) << " available";
  if (auto limit = memoryLimit())
    memory << "; the control group allows " << bytesInWords(*limit);
  out.add("memory", memory.str());

  // Where processes of one machine exchange messages.
  struct statvfs shared = {};
  if (statvfs("/dev/shm", &shared) == 0)
    out.add("shared memory", bytesInWords(uint64_t(shared.f_bavail) * shared.f_frsize) + " of " +
                                 bytesInWords(uint64_t(shared.f_blocks) * shared.f_frsize) +
                                 " available in /dev/shm");
  out.add("limits", "open files " + limitText(RLIMIT_NOFILE, false) + ", processes " +
                        limitText(RLIMIT_NPROC, false) + ", locked memory " +
                        limitText(RLIMIT_MEMLOCK, true) + ", file size " +
                        limitText(RLIMIT_FSIZE, true) + ", address space " +
                        limitText(RLIMIT_AS, true));
}

} // namespace dpcrt::doctor
