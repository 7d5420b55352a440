// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Printing and parsing the text form; see Text.h for the grammar. The parser reads
// files from outside: every number is bounded before it sizes anything.
#include "dpc/Schedule/core/Text.h"

#include "Quote.h"

#include <charconv>
#include <sstream>

namespace dpc::schedule {

char letterOf(Kind kind) {
  switch (kind) {
  case Kind::Forward:
    return 'F';
  case Kind::Backward:
    return 'B';
  case Kind::Input:
    return 'I';
  case Kind::Weight:
    return 'W';
  }
  return '?';
}

namespace {

void appendNumber(std::string &out, unsigned number) {
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

struct ParseError {
  std::string message;
};

// One line, read from left to right.
class Line {
public:
  Line(const std::string &text, unsigned number) : text(text), number(number) {}

  [[noreturn]] void fail(const std::string &expected) const {
    std::string found =
        at < text.size() ? quote(std::string_view(text).substr(at)) : "the end of the line";
    throw ParseError{"line " + std::to_string(number) + ", column " + std::to_string(at + 1) +
                     ": expected " + expected + ", found " + found};
  }
  [[noreturn]] void failHere(const std::string &what) const {
    throw ParseError{"line " + std::to_string(number) + ", column " + std::to_string(at + 1) +
                     ": " + what};
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
      ++at;
  }
  bool atEnd() {
    skipSpace();
    return at == text.size();
  }
  bool take(const std::string &word) {
    skipSpace();
    if (text.compare(at, word.size(), word) != 0)
      return false;
    at += word.size();
    return true;
  }
  void expect(const std::string &word) {
    if (!take(word))
      fail("'" + word + "'");
  }
  unsigned numberBelow(unsigned long limit, const std::string &what) {
    skipSpace();
    size_t start = at;
    unsigned long value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      value = value * 10 + (text[at] - '0');
      ++at;
      if (value >= limit) {
        at = start;
        failHere(what + " must be below " + std::to_string(limit) + ", found " +
                 quote(std::string_view(text).substr(start)));
      }
    }
    if (at == start)
      fail(what);
    return value;
  }
  std::string name() {
    skipSpace();
    size_t start = at;
    while (at < text.size() && text[at] != ' ' && text[at] != '\t' && text[at] != '\r')
      ++at;
    if (at == start)
      fail("the schedule's name");
    return text.substr(start, at - start);
  }

  Task task(const Table &table) {
    Task task;
    task.stage = numberBelow(table.stages, "a stage");
    static const std::pair<char, Kind> kinds[] = {
        {'F', Kind::Forward}, {'B', Kind::Backward}, {'I', Kind::Input}, {'W', Kind::Weight}};
    bool known = false;
    for (auto [letter, kind] : kinds)
      if (at < text.size() && text[at] == letter) {
        task.kind = kind;
        known = true;
      }
    if (!known)
      fail("F, B, I or W");
    ++at;
    task.microBatch = numberBelow(table.microBatches, "a micro-batch");
    return task;
  }

private:
  const std::string &text;
  unsigned number;
  size_t at = 0;
};

class Parser {
public:
  Table parse(const std::string &text) {
    std::istringstream stream(text);
    std::string line;
    unsigned number = 0;
    while (std::getline(stream, line)) {
      ++number;
      if (size_t comment = line.find('#'); comment != std::string::npos)
        line.resize(comment);
      Line reader(line, number);
      if (!reader.atEnd())
        parseLine(reader);
    }
    finish(number);
    return std::move(table);
  }

private:
  void parseLine(Line &line) {
    if (table.name.empty()) {
      line.expect("schedule");
      table.name = line.name();
    } else if (line.take("ranks")) {
      table.ranks = positive(line, table.ranks, kMaxRanks, "the number of ranks");
      table.actions.resize(table.ranks);
      seen.assign(table.ranks, false);
    } else if (line.take("stages")) {
      table.stages = positive(line, table.stages, 16 * kMaxRanks, "the number of stages");
    } else if (line.take("micro-batches")) {
      table.microBatches =
          positive(line, table.microBatches, kMaxMicroBatches, "the number of micro-batches");
    } else if (line.take("replica")) {
      replica(line);
    } else if (line.take("rank")) {
      rank(line);
    } else {
      line.fail("'ranks', 'stages', 'micro-batches', 'replica' or 'rank'");
    }
    if (!line.atEnd())
      line.fail("the end of the line");
  }

  unsigned positive(Line &line, unsigned already, unsigned limit, const std::string &what) {
    if (already)
      line.failHere(what + " is given twice");
    unsigned value = line.numberBelow((unsigned long)limit + 1, what);
    if (!value)
      line.failHere(what + " must be at least 1");
    return value;
  }
  void needSizes(Line &line) {
    if (!table.ranks || !table.stages || !table.microBatches)
      line.failHere("'ranks', 'stages' and 'micro-batches' must come before replicas and ranks");
  }

  void replica(Line &line) {
    needSizes(line);
    unsigned number = line.numberBelow(table.microBatches + 1, "the replica's number");
    if (number != table.replicas.size())
      line.failHere("replicas are numbered in order; expected " +
                    std::to_string(table.replicas.size()));
    line.expect(":");
    line.expect("micro-batches");
    Replica replica;
    replica.firstMicroBatch = line.numberBelow(table.microBatches, "the first micro-batch");
    line.expect("..");
    replica.endMicroBatch = line.numberBelow(table.microBatches, "the last micro-batch") + 1;
    unsigned expected = table.replicas.empty() ? 0 : table.replicas.back().endMicroBatch;
    if (replica.firstMicroBatch != expected || replica.endMicroBatch <= replica.firstMicroBatch)
      line.failHere("the micro-batches of replica " + std::to_string(number) + " must start at " +
                    std::to_string(expected) + " and be at least one");
    line.expect("on");
    line.expect("ranks");
    while (!line.atEnd()) {
      if (replica.rankOfStage.size() == table.stages)
        line.failHere("more ranks than the " + std::to_string(table.stages) + " stages");
      replica.rankOfStage.push_back(line.numberBelow(table.ranks, "a rank"));
    }
    if (replica.rankOfStage.size() != table.stages)
      line.failHere("expected the rank of each of the " + std::to_string(table.stages) +
                    " stages, found " + std::to_string(replica.rankOfStage.size()));
    table.replicas.push_back(std::move(replica));
  }

  void rank(Line &line) {
    needSizes(line);
    unsigned number = line.numberBelow(table.ranks, "a rank");
    if (seen[number])
      line.failHere("rank " + std::to_string(number) + " is given twice");
    seen[number] = true;
    line.expect(":");
    while (!line.atEnd()) {
      Action action;
      if (line.take("(")) {
        action.first = line.task(table);
        line.expect("&");
        action.second = line.task(table);
        line.expect(")");
      } else {
        action.first = line.task(table);
      }
      table.actions[number].push_back(action);
    }
    table.actions[number].shrink_to_fit();
  }

  void finish(unsigned lines) {
    auto fail = [&](const std::string &what) {
      throw ParseError{"line " + std::to_string(lines) + ": " + what};
    };
    if (table.name.empty())
      fail("expected 'schedule NAME', found nothing");
    if (!table.ranks || !table.stages || !table.microBatches)
      fail("'ranks', 'stages' and 'micro-batches' must all be given");
    if (table.replicas.empty() || table.replicas.back().endMicroBatch != table.microBatches)
      fail("replicas must hold all " + std::to_string(table.microBatches) + " micro-batches");
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      if (!seen[rank])
        fail("rank " + std::to_string(rank) + " is missing");
  }

  Table table;
  std::vector<bool> seen;
};

} // namespace

void appendTask(std::string &out, const Task &task) {
  appendNumber(out, task.stage);
  out += letterOf(task.kind);
  appendNumber(out, task.microBatch);
}

void appendAction(std::string &out, const Action &action) {
  if (!action.second) {
    appendTask(out, action.first);
    return;
  }
  out += '(';
  appendTask(out, action.first);
  out += '&';
  appendTask(out, *action.second);
  out += ')';
}

std::string printTask(const Task &task) {
  std::string text;
  appendTask(text, task);
  return text;
}

std::string printAction(const Action &action) {
  std::string text;
  appendAction(text, action);
  return text;
}

std::string printText(const Table &table) {
  std::string out = "schedule " + table.name + "\nranks " + std::to_string(table.ranks) +
                    "\nstages " + std::to_string(table.stages) + "\nmicro-batches " +
                    std::to_string(table.microBatches) + "\n";
  for (size_t r = 0; r < table.replicas.size(); ++r) {
    const Replica &replica = table.replicas[r];
    out += "replica " + std::to_string(r) + ": micro-batches " +
           std::to_string(replica.firstMicroBatch) + ".." +
           std::to_string(replica.endMicroBatch - 1) + " on ranks";
    for (unsigned rank : replica.rankOfStage) {
      out += ' ';
      appendNumber(out, rank);
    }
    out += '\n';
  }
  for (size_t rank = 0; rank < table.actions.size(); ++rank) {
    out += "rank " + std::to_string(rank) + ":";
    for (const Action &action : table.actions[rank]) {
      out += ' ';
      appendAction(out, action);
    }
    out += '\n';
  }
  return out;
}

Result<Table> parseText(const std::string &text) {
  try {
    return Parser().parse(text);
  } catch (const ParseError &error) {
    return Result<Table>::failure(error.message);
  }
}

} // namespace dpc::schedule
