// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One pass forward, one walk back; see Activities.h.
#include "Activities.h"

#include <algorithm>
#include <cassert>

namespace dpc::lowering {

double momentOf(const std::vector<Activity> &activities, const Dependence &dependence) {
  const Activity &earlier = activities[dependence.activity];
  return dependence.afterStart < 0 ? earlier.end : earlier.start + dependence.afterStart;
}

void placeActivities(std::vector<Activity> &activities) {
  for (size_t i = 0; i < activities.size(); ++i) {
    Activity &activity = activities[i];
    activity.start = 0;
    for (const Dependence &dependence : activity.after) {
      assert(dependence.activity < i && "a predecessor stands behind");
      activity.start = std::max(activity.start, momentOf(activities, dependence));
    }
    activity.end = activity.start + activity.seconds;
  }
}

std::vector<PathPart> findCriticalPath(const std::vector<Activity> &activities) {
  std::vector<PathPart> path;
  if (activities.empty())
    return path;
  auto last = std::max_element(activities.begin(), activities.end(),
                               [](const Activity &a, const Activity &b) { return a.end < b.end; });
  unsigned at = last - activities.begin();
  double end = last->end;
  while (true) {
    const Activity &activity = activities[at];
    path.push_back({at, activity.start, end});
    const Dependence *binding = nullptr;
    for (const Dependence &dependence : activity.after)
      if (!binding || momentOf(activities, dependence) > momentOf(activities, *binding))
        binding = &dependence;
    if (!binding)
      break;
    end = momentOf(activities, *binding);
    at = binding->activity;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

} // namespace dpc::lowering
