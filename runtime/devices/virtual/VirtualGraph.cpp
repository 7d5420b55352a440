// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A launch has marks of its own: those of the capture are never passed.
#include "devices/virtual/VirtualGraph.h"
#include <algorithm>
#include <map>

namespace dpcrt {

bool VirtualLaunch::isOver() const {
  return hasBegun &&
         std::all_of(lists.begin(), lists.end(), [](auto &list) { return list.commands.empty(); });
}

void VirtualGraph::launch(VirtualCommand &command, const std::string &queue, uint64_t &sequence,
                          int64_t &work) {
  auto made = std::make_shared<VirtualLaunch>();
  for (const std::string &name : names)
    made->lists.push_back({name, place + made->lists.size(), {}});
  std::map<const VirtualMark *, std::shared_ptr<VirtualMark>> marks;
  for (const Captured &captured : commands) {
    VirtualList &list = made->lists[captured.part];
    list.commands.push_back(captured.command);
    VirtualCommand &own = list.commands.back();
    own.place = list.place;
    own.sequence = sequence++;
    if (own.isWork())
      own.work = work++;
    if (!own.mark)
      continue;
    std::shared_ptr<VirtualMark> &mark = marks[own.mark.get()];
    if (!mark) {
      mark = std::make_shared<VirtualMark>();
      mark->queue = own.mark->queue;
    }
    own.mark = mark;
  }
  made->over = std::make_shared<VirtualMark>();
  made->over->queue = queue;
  command.mark = std::exchange(last, made->over);
  command.graph = std::move(made);
}

} // namespace dpcrt
