// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The user's cuts: module paths or node names become positions of the order.
#include "dpc/Partition/Cuts.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <set>

using llvm::StringRef;

namespace dpc::partition {

template <typename Operation> static bool isWithin(const Operation &node, StringRef path) {
  if (node.name == path)
    return true;
  StringRef own = node.path;
  return own.consume_front(path) && (own.empty() || own.front() == '.');
}

/// Up to five known names like `path`: those that end with it, then those a few
/// letters away.
static std::string listNear(const Graph &graph, StringRef path) {
  std::set<std::string> known;
  for (const Node &node : graph.nodes) {
    known.insert(node.name);
    for (StringRef own = node.path; !own.empty(); own = own.rsplit('.').first) {
      known.insert(own.str());
      if (!own.contains('.'))
        break;
    }
  }
  std::vector<std::pair<unsigned, std::string>> ranked;
  for (const std::string &name : known) {
    StringRef candidate = name;
    bool isTail = candidate.ends_with(("." + path).str());
    unsigned distance = isTail ? 0 : candidate.edit_distance(path, /*AllowReplacements=*/true);
    if (isTail || distance <= std::max<size_t>(2, path.size() / 3))
      ranked.emplace_back(distance, name);
  }
  std::sort(ranked.begin(), ranked.end());
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(ranked.size(), 5); ++i)
    list += (i ? ", '" : "'") + ranked[i].second + "'";
  return list;
}

/// Why there is no cut after operations that each stage makes again for itself, and
/// where the first cut can be; "" if the path names none.
static std::string explainRepeated(const Graph &graph, StringRef path) {
  bool isTrained = false, found = false;
  for (const RepeatedOperation &operation : graph.repeated)
    if (isWithin(operation, path)) {
      found = true;
      isTrained |= operation.isTrained;
    }
  if (!found)
    return "";
  std::string text = "cannot be cut after '" + path.str() + "': its result depends on no " +
                     (isTrained ? "input" : "trained parameter") +
                     ", so every stage that reads it makes it again and nothing is sent";
  if (!graph.nodes.empty() && graph.lastCut > 0)
    text += "; the first cut can be after '" + graph.nodes.front().name + "'";
  return text;
}

CutResult resolveCuts(const Graph &graph, const std::vector<std::string> &paths, unsigned stages) {
  CutResult result;
  unsigned largest = getMaxStages(graph);
  if (stages > largest) {
    result.error = "cannot be cut into " + std::to_string(stages) +
                   " stages; the largest number that this model allows is " +
                   std::to_string(largest);
    return result;
  }
  if (paths.size() + 1 != stages) {
    result.error = "has " + std::to_string(paths.size()) + " cuts for " + std::to_string(stages) +
                   " stages; " + std::to_string(stages - 1) + " are needed";
    return result;
  }
  result.cuts.starts.push_back(0);
  std::string previous;
  for (const std::string &path : paths) {
    unsigned position = 0;
    for (unsigned i = 0; i < graph.nodes.size(); ++i)
      if (isWithin(graph.nodes[i], path))
        position = i + 1;
    if (position == 0)
      result.error = explainRepeated(graph, path);
    if (!result.error.empty())
      return result;
    if (position == 0) {
      result.error = "has no module or node '" + path + "' to cut after";
      std::string near = listNear(graph, path);
      if (!near.empty())
        result.error += "; near it are " + near;
      return result;
    }
    if (position > graph.lastCut) {
      result.error = "cannot be cut after '" + path +
                     "': the loss and its denominator are made by then, and "
                     "nothing is left for the next stage";
      return result;
    }
    if (position <= result.cuts.starts.back()) {
      result.error =
          position == result.cuts.starts.back()
              ? "has nothing between the cuts after '" + previous + "' and '" + path + "'"
              : "would have a stage that reads from a later one: the cut after '" + path +
                    "' lies before the cut after '" + previous + "'";
      return result;
    }
    result.cuts.starts.push_back(position);
    previous = path;
  }
  return result;
}

} // namespace dpc::partition
