// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `show`: every rank's actions, in order.
#include "Subcommands.h"

#include "dpc/Schedule/core/Csv.h"
#include "dpc/Schedule/core/Text.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {

namespace {

// Row by row: a large table as one JSON value would take many times its memory.
void printJson(const Table &table, std::ostream &out) {
  using Json = nlohmann::ordered_json;
  Json head = {{"name", table.name},
               {"ranks", table.ranks},
               {"stages", table.stages},
               {"micro_batches", table.microBatches}};
  head["replicas"] = Json::array();
  for (const Replica &replica : table.replicas)
    head["replicas"].push_back({{"first_micro_batch", replica.firstMicroBatch},
                                {"end_micro_batch", replica.endMicroBatch},
                                {"rank_of_stage", replica.rankOfStage}});
  std::string text =
      head.dump(-1, ' ', false, Json::error_handler_t::replace); // a name may be any bytes
  text.pop_back();
  out << text << ",\"actions\":[";
  for (size_t rank = 0; rank < table.actions.size(); ++rank) {
    text = rank ? ",[" : "[";
    for (const Action &action : table.actions[rank]) {
      text += text.back() == '[' ? "\"" : ",\"";
      appendAction(text, action);
      text += '"';
    }
    out << text << "]";
  }
  out << "]}\n";
}

} // namespace

int showCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  if (flags.format == "json")
    printJson(*table, out);
  else
    out << (flags.format == "csv" ? printCsv(*table) : printText(*table));
  return 0;
}

} // namespace dpc::schedule
