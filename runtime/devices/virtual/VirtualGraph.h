// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a virtual device has captured, and its launches. The commands of each queue of the
// capture are a list of their own, in which records and waits stand as they were captured: what
// they order, and nothing else, is ordered in a launch.
#pragma once
#include "devices/virtual/VirtualCommand.h"
#include <deque>

namespace dpcrt {

// Commands that run one after another.
struct VirtualList {
  std::string name; // of the queue, or of the one that was captured
  size_t place;     // as their commands'
  std::deque<VirtualCommand> commands;
};

struct VirtualLaunch {
  std::deque<VirtualList> lists;     // addresses stay
  std::shared_ptr<VirtualMark> over; // passed behind all of them
  bool hasBegun = false;

  bool isOver() const;
};

class VirtualGraph : public Graph {
public:
  struct Captured {
    size_t part; // of the capture: which queue
    VirtualCommand command;
  };
  // Commands in the order in which they were captured; their lists take places from `place` on.
  VirtualGraph(std::vector<Captured> commands, std::vector<std::string> names, size_t place)
      : commands(std::move(commands)), names(std::move(names)), place(place) {}

  // Makes `command` one that runs all of this, behind the launch before. `sequence` and `work`
  // count on over the commands.
  void launch(VirtualCommand &command, const std::string &queue, uint64_t &sequence, int64_t &work);

private:
  const std::vector<Captured> commands;
  const std::vector<std::string> names; // by part
  const size_t place;
  std::shared_ptr<VirtualMark> last; // launch; null: none yet
};

} // namespace dpcrt
