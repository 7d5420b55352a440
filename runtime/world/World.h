// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processes that train together: which ranks each of them runs, and how they tell each
// other what is not data: where they stand, what is to be done, and why they end.
//
// Ranks fall to processes in order, as evenly as they go: process p of n runs ranks
// p*R/n to (p+1)*R/n - 1 of R.
//
// A process that fails tells all others before it ends; whoever hears of a failure fails
// with it. Each listens for its neighbour's sign of life: one that is silent for three
// quarters of the time-out is lost, and so is the world.
#pragma once
#include "world/Courier.h"
#include <memory>

namespace dpcrt {

struct WorldOptions {
  double timeoutSeconds = 300;       // without any progress; 0: for ever
  double launchTimeoutSeconds = 900; // until all processes have come
};

class World {
public:
  // Joins the world that the launcher has made; returns when all processes have. Errors:
  // Timeout if they do not, Device if the engine cannot.
  static Status join(const EngineKind &kind, const WorldOptions &options,
                     std::shared_ptr<World> &out);
  ~World();

  uint32_t processes() const { return courier->processes(); }
  uint32_t self() const { return courier->self(); }
  // "mpi:openmpi (Open MPI 4.1.4)", for messages.
  const std::string &engine() const { return engineName; }
  uint32_t tagLimit() const { return courier->tagLimit(); }

  // The first rank of a process, of `ranks` in all; that of process processes() is `ranks`.
  uint32_t firstRank(uint32_t process, uint32_t ranks) const {
    return uint32_t(uint64_t(process) * ranks / processes());
  }
  uint32_t processOf(uint32_t rank, uint32_t ranks) const;

  // Gives everybody what everybody brings, by process; all processes call it, in one order,
  // with one `what` ("the manifests"), which is for messages. Errors: the world's failure;
  // Timeout if a process does not come in time.
  Status exchange(const std::string &what, const std::string &mine, std::vector<std::string> &all);

  // Whether all processes find something well: the first one's error in all of them. Errors are
  // those of exchange.
  Status agree(const std::string &what, const Status &own, Status &found);

  // Tells the world why this process fails, unless it has failed already. What the world
  // has failed with; `isOwn`: this process was the first, which waits for word of that.
  void fail(const Status &cause);
  Status failure(bool *isOwn = nullptr) const;
  // Called once when the world fails, by another thread than the caller's, or at once where it
  // has. Null: nobody is told any more; nobody is being told when it returns.
  void onFailure(std::function<void(const Status &)> told);
  // What this process does, for the others' messages when something hangs; by another thread.
  void onAsked(std::function<std::string()> describe);
  // What all others are doing, by process; empty of those that do not say it in time.
  std::vector<std::string> askOthers();

  // See Parcel.
  void post(Parcel &parcel) { courier->post(parcel); }

  // Once, after the last message: with all others together if the world has not failed.
  // An error if the others do not end in time.
  Status leave();

private:
  World() = default;
  bool agreeToClose(int64_t deadline);
  struct State;
  std::shared_ptr<State> state;
  std::unique_ptr<Courier> courier;
  std::string engineName;
  WorldOptions options;
  std::atomic<bool> left{false};
};

} // namespace dpcrt
