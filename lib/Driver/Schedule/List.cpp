// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `list`: the schedules there are.
#include "Subcommands.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {
namespace {

using Json = nlohmann::ordered_json;

Json toJson(const Generator &g) {
  Json row = {{"name", g.name},
              {"summary", g.summary},
              {"source", g.source},
              {"precondition", g.precondition},
              {"placement", getName(g.placement)},
              {"replicas", g.replicas()}};
  if (g.alias)
    row["alias"] = g.alias;
  row["options"] = Json::array();
  for (const Option &option : g.options)
    row["options"].push_back({{"name", option.name},
                              {"default", option.fallback},
                              {"least", option.least},
                              {"most", option.most},
                              {"summary", option.summary}});
  if (g.bubble.text)
    row["bubble"] = g.bubble.text;
  if (g.activations.text)
    row["activations"] = g.activations.text;
  return row;
}

void printRow(const Generator &g, std::ostream &out) {
  out << g.name << (g.alias ? std::string(", also ") + g.alias : "") << "\n    " << g.summary
      << "\n";
  if (*g.precondition)
    out << "    needs " << g.precondition << "\n";
  for (const Option &option : g.options)
    out << "    " << option.name << "=" << option.fallback << " (" << option.least << " to "
        << option.most << "): " << option.summary << "\n";
  out << "    placement " << getName(g.placement) << ", parameters " << g.replicas() << "x";
  if (g.bubble.text)
    out << ", bubble " << g.bubble.text;
  if (g.activations.text)
    out << ", activations " << g.activations.text;
  out << "\n    " << g.source << "\n";
}

} // namespace

int listCommand(const Flags &flags, std::ostream &out, std::ostream &) {
  if (flags.format == "json") {
    Json rows = Json::array();
    for (const Generator &g : generators())
      rows.push_back(toJson(g));
    out << rows.dump(2) << "\n";
    return 0;
  }
  for (const Generator &g : generators())
    printRow(g, out);
  return 0;
}

} // namespace dpc::schedule
