// `list`: the schedules there are.
#include "Subcommands.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {

int listCommand(const Flags &flags, std::ostream &out, std::ostream &) {
  if (flags.format == "json") {
    auto rows = nlohmann::ordered_json::array();
    for (const Generator &g : generators()) {
      nlohmann::ordered_json row = {{"name", g.name},           {"summary", g.summary},         {"source", g.source},
                                    {"precondition", g.precondition}, {"replicas", g.replicas()}};
      if (g.alias)
        row["alias"] = g.alias;
      rows.push_back(row);
    }
    out << rows.dump(2) << "\n";
    return 0;
  }
  size_t width = 0;
  auto title = [](const Generator &g) { return std::string(g.name) + (g.alias ? std::string(" (") + g.alias + ")" : ""); };
  for (const Generator &g : generators())
    width = std::max(width, title(g).size());
  for (const Generator &g : generators()) {
    out << std::left << std::setw(width + 2) << title(g) << g.summary;
    if (*g.precondition)
      out << "; needs " << g.precondition;
    out << "\n" << std::string(width + 2, ' ') << g.source << "\n";
  }
  return 0;
}

} // namespace dpc::schedule
