// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Csv.h. Files come from outside: a number sizes nothing before as many actions
// were read as it asks for.
#include "dpc/Schedule/core/Csv.h"

#include "Quote.h"
#include "dpc/Schedule/core/Text.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace dpc::schedule {
namespace {

constexpr unsigned long kMaxStages = 16ul * kMaxRanks;

struct ParseError {
  std::string message;
};

// One cell, read from left to right.
class Cell {
public:
  Cell(const char *begin, const char *end, size_t line, size_t number)
      : at(begin), end(end), line(line), number(number) {}

  [[noreturn]] void fail(const std::string &what) const {
    throw ParseError{"line " + std::to_string(line) + ", cell " + std::to_string(number) + ": " +
                     what};
  }
  [[noreturn]] void failExpecting(const std::string &expected) const {
    std::string found = at < end ? quote(std::string_view(at, end - at)) : "the end of the cell";
    fail("expected " + expected + ", found " + found);
  }

  bool atEnd() {
    while (at < end && (*at == ' ' || *at == '\t'))
      ++at;
    return at == end;
  }
  bool take(const char *word) {
    atEnd();
    const char *here = at;
    for (; *word; ++word, ++here)
      if (here == end || *here != *word)
        return false;
    at = here;
    return true;
  }
  bool isDigit() const { return at < end && *at >= '0' && *at <= '9'; }
  unsigned numberBelow(unsigned long limit, const std::string &what) {
    atEnd();
    if (!isDigit())
      failExpecting(what);
    unsigned long value = 0;
    const char *start = at;
    for (; isDigit(); ++at) {
      value = value * 10 + (*at - '0');
      if (value >= limit) {
        at = start;
        fail(what + " must be below " + std::to_string(limit) + ", found " +
             quote(std::string_view(at, end - at)));
      }
    }
    return value;
  }

  // A task; false if it is a message or a move of parameters, which is dropped.
  bool task(Task &task) {
    static const char *const dropped[] = {"UNSHARD", "RESHARD", "REDUCE_GRAD", "SEND_F",
                                          "RECV_F",  "SEND_B",  "RECV_B"};
    static const std::pair<char, Kind> kinds[] = {
        {'F', Kind::Forward}, {'B', Kind::Backward}, {'I', Kind::Input}, {'W', Kind::Weight}};
    task.stage = numberBelow(kMaxStages, "a stage");
    for (const char *word : dropped)
      if (take(word)) {
        if (isDigit())
          numberBelow(kMaxMicroBatches, "a micro-batch");
        return false;
      }
    for (auto [letter, kind] : kinds)
      if (at < end && *at == letter) {
        ++at;
        task.kind = kind;
        task.microBatch = numberBelow(kMaxMicroBatches, "a micro-batch");
        return true;
      }
    failExpecting("F, I, W, B, SEND_F, RECV_F, SEND_B, RECV_B, UNSHARD, RESHARD or REDUCE_GRAD");
  }

  void action(std::vector<Action> &row) {
    Action action;
    if (take("(")) {
      Task second;
      if (!task(action.first))
        fail("an overlapped pair is of two tasks");
      if (!take(";"))
        failExpecting("';'");
      if (!task(second))
        fail("an overlapped pair is of two tasks");
      if (!take(")OVERLAP_F_B"))
        failExpecting("')OVERLAP_F_B'");
      action.second = second;
      row.push_back(action);
    } else if (task(action.first)) {
      row.push_back(action);
    }
    if (!atEnd())
      failExpecting("the end of the cell");
  }

private:
  const char *at, *end;
  size_t line, number;
};

// The lines of a file, each a rank's; blank ones at the end are none.
std::vector<std::vector<Action>> readRows(const std::string &text) {
  std::vector<std::vector<Action>> rows;
  size_t last = text.find_last_not_of(" \t\r\n");
  const char *at = text.data(), *end = at + (last == std::string::npos ? 0 : last + 1);
  while (at < end) {
    if (rows.size() == kMaxRanks)
      throw ParseError{"line " + std::to_string(rows.size() + 1) + ": a schedule has at most " +
                       std::to_string(kMaxRanks) + " ranks"};
    std::vector<Action> row;
    const char *lineEnd = std::find(at, end, '\n');
    const char *contentEnd = lineEnd > at && lineEnd[-1] == '\r' ? lineEnd - 1 : lineEnd;
    for (size_t number = 1;; ++number) {
      const char *cellEnd = std::find(at, contentEnd, ',');
      // In quotes, as some writers put text.
      const char *from = at, *to = cellEnd;
      if (to - from >= 2 && *from == '"' && to[-1] == '"')
        ++from, --to;
      if (Cell cell(from, to, rows.size() + 1, number); !cell.atEnd())
        cell.action(row);
      if (cellEnd == contentEnd)
        break;
      at = cellEnd + 1;
    }
    row.shrink_to_fit();
    rows.push_back(std::move(row));
    at = lineEnd + (lineEnd < end);
  }
  return rows;
}

constexpr unsigned kNoRank = ~0u;

// Which rank does the tasks of each micro-batch and stage.
std::vector<unsigned> findRanks(const Table &table) {
  std::vector<unsigned> ranks((size_t)table.microBatches * table.stages, kNoRank);
  auto note = [&](unsigned rank, const Task &task) {
    unsigned &known = ranks[(size_t)task.microBatch * table.stages + task.stage];
    if (known != kNoRank && known != rank)
      throw ParseError{"stage " + std::to_string(task.stage) + " of micro-batch " +
                       std::to_string(task.microBatch) + " is on two ranks, " +
                       std::to_string(known) + " and " + std::to_string(rank) + " (" +
                       printTask(task) + ")"};
    known = rank;
  };
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Action &action : table.actions[rank]) {
      note(rank, action.first);
      if (action.second)
        note(rank, *action.second);
    }
  for (size_t i = 0; i < ranks.size(); ++i)
    if (ranks[i] == kNoRank)
      throw ParseError{"no rank does stage " + std::to_string(i % table.stages) +
                       " of micro-batch " + std::to_string(i / table.stages)};
  return ranks;
}

// Micro-batches that follow each other and whose stages lie on the same ranks pass
// through one copy of the model.
void findReplicas(Table &table) {
  std::vector<unsigned> ranks = findRanks(table);
  std::map<std::vector<unsigned>, size_t> known;
  for (unsigned m = 0; m < table.microBatches; ++m) {
    auto begin = ranks.begin() + (size_t)m * table.stages, end = begin + table.stages;
    if (table.replicas.empty() ||
        !std::equal(begin, end, table.replicas.back().rankOfStage.begin())) {
      std::vector<unsigned> rankOfStage(begin, end);
      if (auto [copy, isNew] = known.try_emplace(rankOfStage, table.replicas.size()); !isNew)
        throw ParseError{"micro-batches " +
                         std::to_string(table.replicas[copy->second].firstMicroBatch) + " and " +
                         std::to_string(m) + " pass through the same ranks, micro-batch " +
                         std::to_string(m - 1) +
                         " between them through others; those of a copy of the model must be "
                         "numbered one after the other"};
      table.replicas.push_back({m, m, std::move(rankOfStage)});
    }
    table.replicas.back().endMicroBatch = m + 1;
  }
}

Table parse(const std::string &text, const std::string &name) {
  Table table;
  for (unsigned char letter : name)
    table.name += std::isspace(letter) || letter == '#' ? '-' : (char)letter;
  if (table.name.empty())
    table.name = "csv";
  table.actions = readRows(text);
  table.ranks = table.actions.size();
  size_t tasks = 0;
  auto count = [&](const Task &task) {
    ++tasks;
    table.stages = std::max(table.stages, task.stage + 1);
    table.microBatches = std::max(table.microBatches, task.microBatch + 1);
  };
  for (const std::vector<Action> &row : table.actions)
    for (const Action &action : row) {
      count(action.first);
      if (action.second)
        count(*action.second);
    }
  if (!tasks)
    throw ParseError{"there is no action; expected a line for each rank, as in 0F0,0F1,0B0,0B1"};
  if (tasks < (size_t)table.stages * table.microBatches)
    throw ParseError{"the ranks do " + std::to_string(tasks) + " tasks; stages 0 to " +
                     std::to_string(table.stages - 1) + " and micro-batches 0 to " +
                     std::to_string(table.microBatches - 1) + " need at least " +
                     std::to_string(2ull * table.stages * table.microBatches)};
  findReplicas(table);
  return table;
}

} // namespace

std::string printCsv(const Table &table) {
  std::string out;
  for (const std::vector<Action> &row : table.actions) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i)
        out += ',';
      if (row[i].second) {
        out += '(';
        appendTask(out, row[i].first);
        out += ';';
        appendTask(out, *row[i].second);
        out += ")OVERLAP_F_B";
      } else {
        appendTask(out, row[i].first);
      }
    }
    out += row.empty() ? ",\r\n" : "\r\n";
  }
  return out;
}

Result<Table> parseCsv(const std::string &text, const std::string &name) {
  try {
    return parse(text, name);
  } catch (const ParseError &error) {
    return Result<Table>::failure(error.message);
  }
}

} // namespace dpc::schedule
