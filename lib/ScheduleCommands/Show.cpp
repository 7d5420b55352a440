// `show`: every rank's actions, in order.
#include "Subcommands.h"

#include "dpc/Schedule/Text.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {

int showCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  if (flags.format == "text") {
    out << printText(*table);
    return 0;
  }
  nlohmann::ordered_json json = {{"name", table->name}, {"ranks", table->ranks}, {"stages", table->stages}, {"micro_batches", table->microBatches}};
  json["replicas"] = nlohmann::ordered_json::array();
  for (const Replica &replica : table->replicas)
    json["replicas"].push_back(
        {{"first_micro_batch", replica.firstMicroBatch}, {"end_micro_batch", replica.endMicroBatch}, {"rank_of_stage", replica.rankOfStage}});
  json["actions"] = nlohmann::ordered_json::array();
  for (const std::vector<Action> &row : table->actions) {
    auto words = nlohmann::ordered_json::array();
    for (const Action &action : row)
      words.push_back(printAction(action));
    json["actions"].push_back(words);
  }
  out << json.dump() << "\n";
  return 0;
}

} // namespace dpc::schedule
