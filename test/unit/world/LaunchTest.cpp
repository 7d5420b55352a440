// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each launcher's variables mean, and what is refused. Environments as launchers make
// them: with more in them than is read.
#include "world/Launch.h"
#include <cstdlib>
#include <gtest/gtest.h>

using namespace dpcrt;

namespace {
Environment both(Environment a, const Environment &b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Environment openMpi = {{"OMPI_COMM_WORLD_RANK", "3"},
                             {"OMPI_COMM_WORLD_SIZE", "6"},
                             {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                             {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                             {"PMIX_RANK", "3"},
                             {"PMIX_NAMESPACE", "1234"}};
const Environment hydra = {{"PMI_RANK", "2"},
                           {"PMI_SIZE", "4"},
                           {"PMI_FD", "9"},
                           {"MPI_LOCALRANKID", "0"},
                           {"MPI_LOCALNRANKS", "2"}};
// A job of 8 tasks; a step of 5 on nodes of 2, 2 and 1.
const Environment job = {
    {"SLURM_JOB_ID", "77"}, {"SLURM_NTASKS", "8"},  {"SLURM_TASKS_PER_NODE", "4(x2)"},
    {"SLURM_PROCID", "0"},  {"SLURM_LOCALID", "0"}, {"SLURM_NODEID", "0"}};
const Environment step = {{"SLURM_JOB_ID", "77"},
                          {"SLURM_NTASKS", "5"},
                          {"SLURM_STEP_ID", "3"},
                          {"SLURM_STEP_NUM_TASKS", "5"},
                          {"SLURM_PROCID", "3"},
                          {"SLURM_LOCALID", "1"},
                          {"SLURM_NODEID", "1"},
                          {"SLURM_STEP_TASKS_PER_NODE", "2(x2),1"},
                          {"SLURM_TASKS_PER_NODE", "4(x2)"}};
const Environment torchrun = {{"RANK", "1"},
                              {"WORLD_SIZE", "2"},
                              {"LOCAL_RANK", "1"},
                              {"LOCAL_WORLD_SIZE", "2"},
                              {"MASTER_ADDR", "h"},
                              {"MASTER_PORT", "29500"},
                              {"TORCHELASTIC_RUN_ID", "none"}};

struct Understood {
  const char *what;
  Environment environment;
  std::string transport;
  Launch expected; // launcher, rank, size, local rank and size, transport
};

const Understood understood[] = {
    {"nothing", {{"PATH", "/bin"}}, "", {"", 0, 1, 0, 1, "local"}},
    {"nothing, and a transport", {}, "mpi:mpich", {"", 0, 1, 0, 1, "mpi:mpich"}},
    {"Open MPI", openMpi, "", {"Open MPI's mpirun", 3, 6, 1, 2, "mpi:openmpi"}},
    {"the same, said", openMpi, "mpi:openmpi", {"Open MPI's mpirun", 3, 6, 1, 2, "mpi:openmpi"}},
    {"Open MPI in a step of srun",
     both(openMpi, step),
     "",
     {"Open MPI's mpirun", 3, 6, 1, 2, "mpi:openmpi"}},
    {"Open MPI on machines that are not known",
     {{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "6"}},
     "",
     {"Open MPI's mpirun", 3, 6, 3, 6, "mpi:openmpi"}},
    {"hydra", hydra, "", {"mpiexec", 2, 4, 0, 2, "mpi:mpich"}},
    {"hydra in a step of srun", both(hydra, step), "", {"mpiexec", 2, 4, 0, 2, "mpi:mpich"}},
    {"srun --mpi=pmi2",
     both(step, {{"PMI_RANK", "3"}, {"PMI_SIZE", "5"}}),
     "",
     {"mpiexec", 3, 5, 1, 2, "mpi:mpich"}},
    {"PMI in a step of other tasks",
     both(step, {{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}),
     "",
     {"mpiexec", 3, 4, 3, 4, "mpi:mpich"}},
    {"srun --mpi=pmix",
     both(step, {{"PMIX_RANK", "3"}}),
     "",
     {"srun --mpi=pmix", 3, 5, 1, 2, "mpi:openmpi"}},
    {"srun that says less",
     {{"SLURM_STEP_ID", "0"}, {"SLURM_NTASKS", "5"}, {"SLURM_PROCID", "4"}, {"PMIX_RANK", "4"}},
     "",
     {"srun --mpi=pmix", 4, 5, 4, 5, "mpi:openmpi"}},
    {"the last node of a step",
     both({{"SLURM_NODEID", "2"}, {"SLURM_PROCID", "4"}, {"SLURM_LOCALID", "0"}},
          both(step, {{"PMIX_RANK", "4"}})),
     "",
     {"srun --mpi=pmix", 4, 5, 0, 1, "mpi:openmpi"}},
    {"a batch script", job, "", {"", 0, 1, 0, 1, "local"}},
    {"a shell of salloc",
     both(job, {{"SLURM_STEP_ID", "4294967290"}, {"SLURM_STEP_NUM_TASKS", "1"}}),
     "",
     {"", 0, 1, 0, 1, "local"}},
    {"one task of srun, without MPI",
     {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}},
     "",
     {"srun", 0, 1, 0, 1, "local"}},
    {"one process of Open MPI",
     {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}},
     "",
     {"Open MPI's mpirun", 0, 1, 0, 1, "local"}},
    {"the same, said",
     {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}},
     "mpi:openmpi",
     {"Open MPI's mpirun", 0, 1, 0, 1, "mpi:openmpi"}},
    {"one process of torchrun",
     {{"RANK", "0"}, {"WORLD_SIZE", "1"}},
     "local",
     {"torchrun", 0, 1, 0, 1, "local"}},
    {"a size of one alone", {{"WORLD_SIZE", "1"}}, "", {"", 0, 1, 0, 1, "local"}},
    {"the variables of a site",
     {{"MASTER_ADDR", "h"}, {"MASTER_PORT", "1"}, {"LOCAL_RANK", "1"}},
     "",
     {"", 0, 1, 0, 1, "local"}},
    {"half of one and all of another",
     both(hydra, {{"OMPI_COMM_WORLD_RANK", "1"}}),
     "",
     {"mpiexec", 2, 4, 0, 2, "mpi:mpich"}},
    {"torchrun around Open MPI",
     both(openMpi, torchrun),
     "",
     {"Open MPI's mpirun", 3, 6, 1, 2, "mpi:openmpi"}},
};

TEST(Launch, Understood) {
  for (const Understood &u : understood) {
    SCOPED_TRACE(u.what);
    Launch found;
    Status s = findLaunch(u.environment, u.transport, found);
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(found.launcher, u.expected.launcher);
    EXPECT_EQ(found.rank, u.expected.rank);
    EXPECT_EQ(found.size, u.expected.size);
    EXPECT_EQ(found.localRank, u.expected.localRank);
    EXPECT_EQ(found.localSize, u.expected.localSize);
    EXPECT_EQ(found.transport, u.expected.transport);
  }
}

struct Refused {
  const char *what;
  Environment environment;
  std::string transport;
  std::vector<std::string> words; // of the message, in their order
};

const Refused refused[] = {
    {"no such transport", {}, "mpi", {"--transport 'mpi'", "local, mpi:openmpi and mpi:mpich"}},
    {"NCCL", {}, "nccl", {"--transport nccl", "not part of this build"}},
    {"a rank without a size",
     {{"OMPI_COMM_WORLD_RANK", "1"}},
     "",
     {"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE is not", "env -u OMPI_COMM_WORLD_RANK"}},
    {"a size without a rank",
     {{"PMI_SIZE", "2"}},
     "",
     {"PMI_SIZE=2", "PMI_RANK is not", "mpiexec", "train the whole model by itself"}},
    {"half of it for a transport", {{"PMI_SIZE", "2"}}, "local", {"PMI_SIZE=2", "PMI_RANK is not"}},
    {"half of torchrun's", {{"WORLD_SIZE", "2"}}, "", {"WORLD_SIZE=2", "RANK is not", "torchrun"}},
    {"a size that is none, alone", {{"WORLD_SIZE", "x"}}, "", {"WORLD_SIZE=x", "RANK is not"}},
    {"half of a step's",
     {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}},
     "",
     {"SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID is not", "srun"}},
    {"PMIx, which says no size",
     {{"PMIX_RANK", "1"}},
     "",
     {"PMIX_RANK=1", "how many processes", "srun --mpi=pmix", "env -u PMIX_RANK"}},
    {"PMIx in a batch script",
     both(job, {{"PMIX_RANK", "1"}}),
     "",
     {"PMIX_RANK=1", "how many processes"}},
    {"a rank that is no number",
     both({{"OMPI_COMM_WORLD_RANK", "one"}}, openMpi),
     "",
     {"OMPI_COMM_WORLD_RANK='one' is no number"}},
    {"a negative rank", both({{"PMI_RANK", "-1"}}, hydra), "", {"PMI_RANK='-1' is no number"}},
    {"a rank with something behind it", both({{"PMI_RANK", "1 "}}, hydra), "", {"PMI_RANK='1 '"}},
    {"an empty size", both({{"PMI_SIZE", ""}}, hydra), "", {"PMI_SIZE='' is no number"}},
    {"a size beyond all", both({{"PMI_SIZE", "4294967296"}}, hydra), "", {"PMI_SIZE='4294967296'"}},
    {"a size of none", both({{"PMI_SIZE", "0"}}, hydra), "", {"PMI_RANK=2", "PMI_SIZE=0"}},
    {"a rank that is the size",
     both({{"PMI_RANK", "4"}}, hydra),
     "",
     {"PMI_RANK=4 and PMI_SIZE=4 (mpiexec) contradict each other"}},
    {"a step that is no number",
     both({{"SLURM_STEP_ID", "batch"}}, step),
     "",
     {"SLURM_STEP_ID='batch'"}},
    {"a local rank that is the local size",
     both({{"OMPI_COMM_WORLD_LOCAL_RANK", "2"}}, openMpi),
     "",
     {"OMPI_COMM_WORLD_LOCAL_RANK=2", "OMPI_COMM_WORLD_LOCAL_SIZE=2", "contradict"}},
    {"more on this machine than there are",
     both({{"MPI_LOCALNRANKS", "5"}}, hydra),
     "",
     {"MPI_LOCALNRANKS=5 and PMI_SIZE=4", "contradict"}},
    {"a local rank that is no number",
     both({{"MPI_LOCALRANKID", "x"}}, hydra),
     "",
     {"MPI_LOCALRANKID='x' is no number"}},
    {"a node that is not in the list",
     both({{"SLURM_NODEID", "3"}}, step),
     "",
     {"SLURM_STEP_TASKS_PER_NODE='2(x2),1'", "node 3"}},
    {"a list that is none",
     both({{"SLURM_STEP_TASKS_PER_NODE", "2(x"}}, step),
     "",
     {"SLURM_STEP_TASKS_PER_NODE='2(x'", "node 1"}},
    {"PMIx of another process",
     both(step, {{"PMIX_RANK", "0"}}),
     "",
     {"PMIX_RANK=0 and SLURM_PROCID=3 contradict"}},
    {"srun without MPI",
     step,
     "",
     {"srun started this as process 3 of 5", "srun --mpi=pmix", "srun --mpi=pmi2",
      "env -u SLURM_PROCID"}},
    {"the same, for a transport", step, "mpi:openmpi", {"srun --mpi=pmix"}},
    {"the same, local", step, "local", {"srun started this as process 3 of 5"}},
    {"torchrun",
     torchrun,
     "",
     {"torchrun started this as process 1 of 2", "nccl", "not part of this build", "mpirun"}},
    {"torchrun, for a transport", torchrun, "mpi:openmpi", {"torchrun started this"}},
    {"local under Open MPI",
     openMpi,
     "local",
     {"--transport local", "process 3 of 6", "train the whole model by itself", "mpi:openmpi"}},
    {"local under hydra", hydra, "local", {"--transport local", "process 2 of 4", "mpi:mpich"}},
    {"MPICH under Open MPI",
     openMpi,
     "mpi:mpich",
     {"--transport mpi:mpich", "Open MPI's mpirun", "only mpi:openmpi joins"}},
    {"Open MPI under hydra", hydra, "mpi:openmpi", {"mpiexec", "only mpi:mpich joins"}},
    {"NCCL under torchrun", torchrun, "nccl", {"--transport nccl"}},
};

TEST(Launch, Refused) {
  for (const Refused &r : refused) {
    SCOPED_TRACE(r.what);
    Launch found;
    Status s = findLaunch(r.environment, r.transport, found);
    EXPECT_EQ(s.code(), Code::Usage);
    size_t at = 0;
    for (const std::string &word : r.words) {
      size_t next = s.message().find(word, at);
      EXPECT_NE(next, std::string::npos) << "'" << word << "' in: " << s.message();
      at = next == std::string::npos ? at : next + word.size();
    }
  }
}

TEST(Launch, ReadsTheEnvironmentOfThisProcess) {
  ::setenv("DPC_LAUNCH_TEST", "a=b", 1);
  Environment all = readEnvironment();
  EXPECT_EQ(all["DPC_LAUNCH_TEST"], "a=b");
  ::unsetenv("DPC_LAUNCH_TEST");
  EXPECT_EQ(readEnvironment().count("DPC_LAUNCH_TEST"), 0u);
}
} // namespace
