// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Check.h.
#include "dpc/Schedule/core/Check.h"

#include "Order.h"
#include "dpc/Schedule/core/Text.h"

#include <sstream>

namespace dpc::schedule {
namespace {

class Checker {
public:
  Checker(const Table &table, const CheckOptions &options)
      : table(table), options(options), homes(table) {}

  std::vector<std::string> run() {
    // A few lines of text can ask for more tasks than any memory holds: where there
    // are not even as many tasks as forwards, they are only counted.
    size_t forwards = (size_t)table.stages * table.microBatches, tasks = 0;
    for (const std::vector<Action> &row : table.actions)
      for (const Action &action : row)
        tasks += action.second ? 2 : 1;
    if (tasks < forwards) {
      errors.push_back("the ranks do " + std::to_string(tasks) + " tasks; " +
                       std::to_string(table.stages) + " stages and " +
                       std::to_string(table.microBatches) + " micro-batches need at least " +
                       std::to_string(2 * forwards));
      return std::move(errors);
    }
    seen.resize(forwards);
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      for (size_t position = 0; position < table.actions[rank].size(); ++position)
        visit({rank, position, table.actions[rank][position]});
    findMissing();
    if (errors.empty())
      checkOrder();
    if (errors.empty() && options.activationCap > 0)
      checkCap();
    if (suppressed)
      errors.push_back("... and " + std::to_string(suppressed) + " more");
    return std::move(errors);
  }

private:
  // Where an action stands; put into words only for an error.
  struct Place {
    unsigned rank;
    size_t position;
    const Action &action;
    std::string print() const {
      return "rank " + std::to_string(rank) + ", position " + std::to_string(position) + ": " +
             printAction(action);
    }
  };

  template <typename Words> void error(Words words) {
    if (errors.size() < options.errorLimit)
      errors.push_back(words());
    else
      ++suppressed;
  }

  void visit(const Place &place) {
    const Action &action = place.action;
    if (action.second) {
      if (action.first.kind != Kind::Forward || action.second->kind != Kind::Backward)
        error([&] { return place.print() + " is no pair of a forward and a full backward"; });
      if (action.first.microBatch == action.second->microBatch)
        error([&] {
          return place.print() + " pairs two tasks of one micro-batch, which depend on each other";
        });
    }
    visit(place, action.first);
    if (action.second)
      visit(place, *action.second);
  }

  void visit(const Place &place, const Task &task) {
    unsigned home = homes.rankOf(task.stage, task.microBatch);
    if (home != place.rank)
      error([&] {
        return place.print() + ": stage " + std::to_string(task.stage) + " of micro-batch " +
               std::to_string(task.microBatch) + " is on rank " + std::to_string(home);
      });
    uint8_t &known = seen[(size_t)task.stage * table.microBatches + task.microBatch];
    uint8_t others = task.kind == Kind::Forward    ? 0
                     : task.kind == Kind::Backward ? bit(Kind::Input) | bit(Kind::Weight)
                                                   : bit(Kind::Backward);
    if (known & bit(task.kind))
      error([&] { return place.print() + ": " + printTask(task) + " is done twice"; });
    else if (known & others)
      error([&] {
        return place.print() + ": the backward of stage " + std::to_string(task.stage) +
               ", micro-batch " + std::to_string(task.microBatch) + " is done whole and in halves";
      });
    known |= bit(task.kind);
  }
  static uint8_t bit(Kind kind) { return 1 << (int)kind; }

  void findMissing() {
    for (unsigned stage = 0; stage < table.stages; ++stage)
      for (unsigned m = 0; m < table.microBatches; ++m) {
        uint8_t known = seen[(size_t)stage * table.microBatches + m];
        auto missing = [&](Kind kind) {
          error([&] {
            return "rank " + std::to_string(homes.rankOf(stage, m)) + " never does " +
                   printTask({kind, stage, m});
          });
        };
        if (!(known & bit(Kind::Forward)))
          missing(Kind::Forward);
        if (known & bit(Kind::Backward))
          continue;
        bool hasInput = known & bit(Kind::Input), hasWeight = known & bit(Kind::Weight);
        if (!hasInput && !hasWeight)
          missing(Kind::Backward);
        else if (!hasInput)
          missing(Kind::Input);
        else if (!hasWeight)
          missing(Kind::Weight);
      }
  }

  // An order of all actions in which each finds its inputs made is also enough for
  // messages that meet, buffered nowhere. They are issued beside the computation, by
  // each rank in the order of one simulation. Of the messages not yet delivered take
  // the first in that order: what makes it needs only messages before it, so it is
  // made; sender and receiver have none before it to issue; so it is delivered. Thus
  // all are.
  void checkOrder() {
    Order order(table);
    if (!order.walk([](unsigned, size_t, const Action &) {}))
      error([&] { return order.explain(); });
  }

  // The first action of each rank that exceeds the cap. An activation is held from
  // its forward to its weight half, or full backward; a pair's forward comes first.
  void checkCap() {
    double share = (double)table.ranks / table.stages;
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      unsigned held = 0;
      for (size_t position = 0; position < table.actions[rank].size(); ++position) {
        const Action &action = table.actions[rank][position];
        held += action.first.kind == Kind::Forward;
        if (held * share > options.activationCap + 1e-9) {
          error([&] {
            std::ostringstream text;
            text << Place{rank, position, action}.print() << " makes it hold " << held * share
                 << " activations; the cap is " << options.activationCap;
            return text.str();
          });
          break;
        }
        const Task &last = action.second ? *action.second : action.first;
        held -= last.kind == Kind::Backward || last.kind == Kind::Weight;
      }
    }
  }

  const Table &table;
  const CheckOptions &options;
  Homes homes;
  std::vector<uint8_t> seen; // of each stage and micro-batch, a bit for each kind
  std::vector<std::string> errors;
  unsigned suppressed = 0;
};

} // namespace

std::vector<std::string> check(const Table &table, const CheckOptions &options) {
  return Checker(table, options).run();
}

} // namespace dpc::schedule
