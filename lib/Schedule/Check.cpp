// See Check.h.
#include "dpc/Schedule/Check.h"

#include "dpc/Schedule/Simulate.h"
#include "dpc/Schedule/Text.h"

#include <sstream>

namespace dpc::schedule {
namespace {

class Checker {
public:
  Checker(const Table &table, const CheckOptions &options) : table(table), options(options) {}

  std::vector<std::string> run() {
    // A few lines of text can ask for more tasks than any memory holds: where there
    // are not even as many tasks as forwards, they are only counted.
    size_t forwards = (size_t)table.stages * table.microBatches, tasks = 0;
    for (const std::vector<Action> &row : table.actions)
      for (const Action &action : row)
        tasks += action.second ? 2 : 1;
    if (tasks < forwards) {
      errors.push_back("the ranks do " + std::to_string(tasks) + " tasks; " + std::to_string(table.stages) + " stages and " +
                       std::to_string(table.microBatches) + " micro-batches need at least " + std::to_string(2 * forwards));
      return std::move(errors);
    }
    seen.resize(forwards);
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      for (size_t position = 0; position < table.actions[rank].size(); ++position)
        visit(rank, position, table.actions[rank][position]);
    findMissing();
    if (errors.empty())
      checkTime();
    if (suppressed)
      errors.push_back("... and " + std::to_string(suppressed) + " more");
    return std::move(errors);
  }

private:
  struct Seen {
    bool done[4] = {}; // by Kind
  };

  void error(const std::string &text) {
    if (errors.size() < options.errorLimit)
      errors.push_back(text);
    else
      ++suppressed;
  }
  static std::string place(unsigned rank, size_t position, const Action &action) {
    return "rank " + std::to_string(rank) + ", position " + std::to_string(position) + ": " + printAction(action);
  }

  void visit(unsigned rank, size_t position, const Action &action) {
    std::string where = place(rank, position, action);
    if (action.second) {
      if (action.first.kind != Kind::Forward || action.second->kind != Kind::Backward)
        error(where + " is no pair of a forward and a full backward");
      if (action.first.microBatch == action.second->microBatch)
        error(where + " pairs two tasks of one micro-batch, which depend on each other");
    }
    task(rank, where, action.first);
    if (action.second)
      task(rank, where, *action.second);
  }

  void task(unsigned rank, const std::string &where, const Task &task) {
    unsigned home = table.rankOf(task.stage, task.microBatch);
    if (home != rank)
      error(where + ": stage " + std::to_string(task.stage) + " of micro-batch " + std::to_string(task.microBatch) + " is on rank " +
            std::to_string(home));
    Seen &known = seen[(size_t)task.stage * table.microBatches + task.microBatch];
    bool &mine = known.done[(int)task.kind];
    bool half = task.kind == Kind::Input || task.kind == Kind::Weight;
    bool whole = task.kind == Kind::Backward;
    if (mine)
      error(where + ": " + printTask(task) + " is done twice");
    else if ((half && known.done[(int)Kind::Backward]) || (whole && (known.done[(int)Kind::Input] || known.done[(int)Kind::Weight])))
      error(where + ": the backward of stage " + std::to_string(task.stage) + ", micro-batch " + std::to_string(task.microBatch) +
            " is done whole and in halves");
    mine = true;
  }

  void findMissing() {
    for (unsigned stage = 0; stage < table.stages; ++stage)
      for (unsigned m = 0; m < table.microBatches; ++m) {
        const Seen &known = seen[(size_t)stage * table.microBatches + m];
        auto missing = [&](Kind kind) {
          error("rank " + std::to_string(table.rankOf(stage, m)) + " never does " + printTask({kind, stage, m}));
        };
        if (!known.done[(int)Kind::Forward])
          missing(Kind::Forward);
        if (known.done[(int)Kind::Backward])
          continue;
        if (!known.done[(int)Kind::Input] && !known.done[(int)Kind::Weight])
          missing(Kind::Backward);
        else if (!known.done[(int)Kind::Input])
          missing(Kind::Input);
        else if (!known.done[(int)Kind::Weight])
          missing(Kind::Weight);
      }
  }

  // An order in which each rank can do its actions one after the other, each
  // result being there before it is used, is also one in which messages can meet:
  // they are issued in the order of the simulation, beside the computation.
  void checkTime() {
    auto simulation = simulate(table, {});
    if (!simulation.ok()) {
      error(simulation.error());
      return;
    }
    if (options.activationCap > 0)
      for (unsigned rank = 0; rank < table.ranks; ++rank)
        if (simulation->peakActivations[rank] > options.activationCap + 1e-9) {
          std::ostringstream text;
          text << "rank " << rank << " holds " << simulation->peakActivations[rank] << " activations at its peak; the cap is " << options.activationCap;
          error(text.str());
        }
  }

  const Table &table;
  const CheckOptions &options;
  std::vector<Seen> seen;
  std::vector<std::string> errors;
  unsigned suppressed = 0;
};

} // namespace

std::vector<std::string> check(const Table &table, const CheckOptions &options) { return Checker(table, options).run(); }

} // namespace dpc::schedule
