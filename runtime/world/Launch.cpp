// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Open MPI, hydra, Slurm and torchrun, by the variables that they set for each process.
#include "world/Launch.h"
#include <algorithm>
#include <charconv>
#include <unistd.h>
#include <vector>

namespace dpcrt {
namespace {
constexpr const char *kTransports[] = {"local", "mpi:openmpi", "mpi:mpich"};

// Names of a launcher's variables. `localRank` and `localSize` may be absent in an environment.
struct Contract {
  const char *launcher, *rank;
  const char *size; // null: no variable says it
  const char *localRank, *localSize;
  const char *transport; // that joins its processes; null: none
  const char *instead;   // what to do then
};

constexpr Contract kOpenMpi = {"Open MPI's mpirun",
                               "OMPI_COMM_WORLD_RANK",
                               "OMPI_COMM_WORLD_SIZE",
                               "OMPI_COMM_WORLD_LOCAL_RANK",
                               "OMPI_COMM_WORLD_LOCAL_SIZE",
                               "mpi:openmpi",
                               nullptr};
// srun --mpi=pmi2 sets the first two like MPICH's own launcher.
constexpr Contract kPmi = {"mpiexec",         "PMI_RANK",  "PMI_SIZE", "MPI_LOCALRANKID",
                           "MPI_LOCALNRANKS", "mpi:mpich", nullptr};
constexpr Contract kSrun = {"srun",
                            "SLURM_PROCID",
                            "SLURM_STEP_NUM_TASKS",
                            "SLURM_LOCALID",
                            "SLURM_STEP_TASKS_PER_NODE",
                            nullptr,
                            "srun prepared no MPI for its tasks; start them with srun --mpi=pmix "
                            "for Open MPI or srun --mpi=pmi2 for MPICH"};
constexpr Contract kPmix = {
    "a launcher that speaks PMIx", "PMIX_RANK", nullptr, nullptr, nullptr, nullptr, nullptr};
constexpr Contract kTorchrun = {"torchrun",
                                "RANK",
                                "WORLD_SIZE",
                                "LOCAL_RANK",
                                "LOCAL_WORLD_SIZE",
                                nullptr,
                                "its processes would be joined by --transport nccl, which is not "
                                "part of this build; start them with mpirun or srun"};

// Slurm's numbers of steps from here on are of batch scripts, of shells of salloc and the like.
constexpr uint32_t kFirstStepWithoutTasks = 0xfffffff0;

bool parseNumber(std::string_view text, uint32_t &out) {
  const char *end = text.data() + text.size();
  auto [rest, fault] = std::from_chars(text.data(), end, out);
  return fault == std::errc() && rest == end;
}

class Finder {
public:
  Finder(const Environment &environment) : environment(environment) {}
  // The launcher's word on this process; no transport is chosen yet. `by`: null if there is none.
  Status find(Launch &out, const Contract *&by);

private:
  const std::string *get(const char *name) const {
    auto found = name ? environment.find(name) : environment.end();
    return found == environment.end() ? nullptr : &found->second;
  }
  Status number(const char *name, uint32_t &out) const;
  bool hasAll(const Contract &c) const { return get(c.rank) && get(c.size); }
  bool hasPart(const Contract &c) const;
  Status lacks(const Contract &c) const;
  // Whether this is a task of srun, and not a batch script or a shell of salloc: these have the
  // variables of a job, too.
  Status findTask(bool &isTask) const;
  Status take(const Contract &c, Launch &out) const;
  Status takeLocal(const Contract &c, Launch &out) const;
  // How many tasks there are on the node of this one: "2(x3),1" has 2 on each of three.
  Status tasksOfNode(const char *name, uint32_t &out) const;

  const Environment &environment;
};

Status Finder::number(const char *name, uint32_t &out) const {
  const std::string &text = *get(name);
  if (!parseNumber(text, out))
    return error(Code::Usage, name, "='", text, "' is no number of a process or of processes");
  return {};
}

// A world of one process needs no rank.
bool Finder::hasPart(const Contract &c) const {
  uint32_t size;
  if (const std::string *text = get(c.size))
    return !get(c.rank) && !(parseNumber(*text, size) && size == 1);
  return get(c.rank);
}

Status Finder::lacks(const Contract &c) const {
  if (!c.size)
    return error(Code::Usage, c.rank, "=", *get(c.rank), " is of ", c.launcher,
                 ", but no variable says how many processes there are; start them with Open MPI's "
                 "mpirun or srun --mpi=pmix (env -u ",
                 c.rank, " if the variable is stale)");
  const char *has = get(c.rank) ? c.rank : c.size, *lacks = has == c.rank ? c.size : c.rank;
  return error(Code::Usage, has, "=", *get(has), " is set, but ", lacks, " is not: ", c.launcher,
               " sets both, and without both this may be one of several processes that each would "
               "train the whole model by itself (env -u ",
               has, " if the variable is stale)");
}

Status Finder::findTask(bool &isTask) const {
  isTask = false;
  uint32_t step;
  if (!get("SLURM_STEP_ID"))
    return {};
  if (Status s = number("SLURM_STEP_ID", step); !s.ok())
    return s;
  isTask = step < kFirstStepWithoutTasks;
  return {};
}

Status Finder::tasksOfNode(const char *name, uint32_t &out) const {
  uint32_t node;
  if (Status s = number("SLURM_NODEID", node); !s.ok())
    return s;
  std::string_view rest = *get(name);
  for (uint64_t passed = 0; !rest.empty();) {
    std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    uint32_t times = 1;
    if (size_t open = part.find("(x"); open != part.npos) {
      if (part.back() != ')' || !parseNumber(part.substr(open + 2, part.size() - open - 3), times))
        break;
      part = part.substr(0, open);
    }
    if (!parseNumber(part, out))
      break;
    if (node < (passed += times))
      return {};
  }
  return error(Code::Usage, name, "='", *get(name), "' does not say how many tasks node ", node,
               " (SLURM_NODEID) has");
}

Status Finder::takeLocal(const Contract &c, Launch &out) const {
  out.localRank = out.rank;
  out.localSize = out.size;
  if (!get(c.localRank) || !get(c.localSize))
    return {};
  bool isSlurm = c.localRank == kSrun.localRank;
  if (isSlurm && !get("SLURM_NODEID"))
    return {};
  if (Status s = number(c.localRank, out.localRank); !s.ok())
    return s;
  if (Status s =
          isSlurm ? tasksOfNode(c.localSize, out.localSize) : number(c.localSize, out.localSize);
      !s.ok())
    return s;
  if (out.localRank >= out.localSize || out.localSize > out.size)
    return error(Code::Usage, c.localRank, "=", *get(c.localRank), ", ", c.localSize, "=",
                 *get(c.localSize), " and ", c.size, "=", *get(c.size), " (", c.launcher,
                 ") contradict each other: process ", out.localRank, " of ", out.localSize,
                 " on this machine, of ", out.size, " in all");
  return {};
}

Status Finder::take(const Contract &c, Launch &out) const {
  if (Status s = number(c.rank, out.rank); !s.ok())
    return s;
  if (Status s = number(c.size, out.size); !s.ok())
    return s;
  if (out.rank >= out.size)
    return error(Code::Usage, c.rank, "=", *get(c.rank), " and ", c.size, "=", *get(c.size), " (",
                 c.launcher, ") contradict each other: ranks count from 0 and are below the size");
  out.launcher = c.launcher;
  return takeLocal(c, out);
}

Status Finder::find(Launch &out, const Contract *&by) {
  by = nullptr;
  bool isTask;
  if (Status s = findTask(isTask); !s.ok())
    return s;
  Contract srun = kSrun;
  if (!get(srun.size) && get("SLURM_NTASKS"))
    srun.size = "SLURM_NTASKS";
  if (!get(srun.localSize))
    srun.localSize = "SLURM_TASKS_PER_NODE";
  const Contract *contracts[] = {&kOpenMpi, &kPmi, isTask ? &srun : nullptr, &kPmix, &kTorchrun};
  const Contract *part = nullptr;
  for (const Contract *c : contracts) {
    if (!c)
      continue;
    if (!hasAll(*c)) {
      if (!part && hasPart(*c))
        part = c;
      continue;
    }
    if (Status s = take(*c, out); !s.ok())
      return s;
    by = c == &srun ? &kSrun : c;
    // Slurm knows what the protocol that its tasks speak does not say.
    if (c == &kPmi && isTask && !get(kPmi.localRank) && hasAll(srun) &&
        *get(srun.rank) == *get(kPmi.rank) && *get(srun.size) == *get(kPmi.size))
      return takeLocal(srun, out);
    if (c != &srun || !get(kPmix.rank))
      return {};
    if (*get(kPmix.rank) != *get(srun.rank))
      return error(Code::Usage, kPmix.rank, "=", *get(kPmix.rank), " and ", srun.rank, "=",
                   *get(srun.rank),
                   " contradict each other: under srun --mpi=pmix they are equal "
                   "(env -u ",
                   kPmix.rank, " if the variable is stale)");
    static constexpr Contract pmix = {"srun --mpi=pmix", kSrun.rank,    kSrun.size, kSrun.localRank,
                                      kSrun.localSize,   "mpi:openmpi", nullptr};
    by = &pmix;
    out.launcher = pmix.launcher;
    return {};
  }
  return part ? lacks(*part) : Status();
}

Status checkKnown(const std::string &transport) {
  if (transport == "nccl")
    return error(Code::Usage, "--transport nccl: NCCL is not part of this build, which has ",
                 kTransports[0], ", ", kTransports[1], " and ", kTransports[2]);
  for (const char *known : kTransports)
    if (transport == known)
      return {};
  return error(Code::Usage, "--transport '", transport, "': there is ", kTransports[0], ", ",
               kTransports[1], " and ", kTransports[2]);
}

// For whom a launcher's variables are of no use.
std::string unset(const Contract &by) {
  return std::string("env -u ") + by.rank + (by.size ? std::string(" -u ") + by.size : "");
}
} // namespace

Environment readEnvironment() {
  Environment all;
  for (char **variable = environ; *variable; ++variable) {
    std::string_view text = *variable;
    size_t equals = text.find('=');
    if (equals != text.npos)
      all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

Status findLaunch(const Environment &environment, const std::string &transport, Launch &out) {
  out = {};
  if (Status s = transport.empty() ? Status() : checkKnown(transport); !s.ok())
    return s;
  const Contract *by;
  if (Status s = Finder(environment).find(out, by); !s.ok())
    return s;
  if (out.size == 1) {
    out.transport = transport.empty() ? kTransports[0] : transport;
    return {};
  }
  std::ostringstream started;
  started << by->launcher << " started this as process " << out.rank << " of " << out.size;
  const char *alone = "each would train the whole model by itself";
  if (!by->transport)
    return error(Code::Usage, started.str(), ", and nothing joins them: ", by->instead, " (",
                 unset(*by), " if ", alone, " on purpose)");
  if (transport == kTransports[0])
    return error(Code::Usage, "--transport local: ", started.str(),
                 ", but local joins the ranks of one process only, so ", alone, "; leave it to ",
                 by->transport, ", or start one process without the launcher (", unset(*by),
                 " if the variables are stale)");
  if (!transport.empty() && transport != by->transport)
    return error(Code::Usage, "--transport ", transport, ": ", started.str(), ", which only ",
                 by->transport, " joins, so ", alone, "; leave out --transport");
  out.transport = by->transport;
  return {};
}

} // namespace dpcrt
