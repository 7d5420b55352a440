// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Scheduler.h.
#include "Scheduler.h"

#include <unistd.h>

namespace dpc::emulator {

using namespace dpcrt::cuda;

void Scheduler::begin(const Options &given) {
  options = given;
  order = Order(given);
  failure = CUDA_SUCCESS;
  streams.clear();
  axes = 0;
  streamsMade = sequence = launches = execs = ranCommands = 0;
  numbers = 0;
  host = std::make_shared<const Clock>();
  words.clear();
  ended.clear();
  told.clear();
  conflicts.forgetAll();
  makeStream(true, 0)->number = 0;
  streamsMade = 0;
}

std::shared_ptr<Stream> Scheduler::makeStream(bool isBlocking, int priority) {
  auto stream = std::make_shared<Stream>();
  stream->number = ++streamsMade;
  stream->isBlocking = isBlocking;
  stream->priority = priority;
  stream->axis = axes++;
  streams.push_back(stream);
  return stream;
}

void Scheduler::destroyStream(Stream &stream) {
  stream.isDestroyed = true;
  auto isOver = [&](const std::shared_ptr<Stream> &each) {
    if (!each->isDestroyed || !each->commands.empty())
      return false;
    merge(ended, each->clock);
    return true;
  };
  streams.erase(std::remove_if(streams.begin(), streams.end(), isOver), streams.end());
}

Clock Scheduler::everything() const {
  Clock all = ended;
  for (const std::shared_ptr<Stream> &stream : streams)
    merge(all, stream->clock);
  return all;
}

void Scheduler::push(Stream &stream, Command command) {
  ++changes;
  ++stream.enqueued;
  command.sequence = sequence++;
  command.host = host;
  stream.commands.push_back(std::move(command));
}

// The legacy default stream waits for all blocking streams, and they for it.
void Scheduler::add(Stream &stream, Command command) {
  auto putBehind = [&](Stream &later, Stream &earlier) {
    Command passed;
    passed.kind = Command::Kind::Record;
    passed.mark = std::make_shared<Mark>();
    passed.mark->stream = earlier.number;
    push(earlier, passed);
    passed.kind = Command::Kind::Wait;
    push(later, std::move(passed));
  };
  if (stream.number == 0) {
    for (const std::shared_ptr<Stream> &other : streams)
      if (other->isBlocking && other->enqueued != 0 && other->number != 0)
        putBehind(stream, *other);
  } else if (stream.isBlocking && legacy()->enqueued != 0) {
    putBehind(stream, *legacy());
  }
  push(stream, std::move(command));
  for (uint64_t count = order.afterEnqueue(); count > 0 && step(); --count)
    ;
}

int64_t Scheduler::enqueue(Stream &stream, std::shared_ptr<const Work> work) {
  Command command;
  command.work = std::move(work);
  command.number = numbers++;
  int64_t number = command.number;
  add(stream, std::move(command));
  return number;
}

std::shared_ptr<Mark> Scheduler::record(Stream &stream) {
  Command command;
  command.kind = Command::Kind::Record;
  command.mark = std::make_shared<Mark>();
  command.mark->stream = stream.number;
  std::shared_ptr<Mark> mark = command.mark;
  add(stream, std::move(command));
  return mark;
}

void Scheduler::wait(Stream &stream, std::shared_ptr<Mark> mark) {
  Command command;
  command.kind = Command::Kind::Wait;
  command.mark = std::move(mark);
  add(stream, std::move(command));
}

std::shared_ptr<GraphExec> Scheduler::instantiate(std::shared_ptr<const Graph> graph) {
  auto exec = std::make_shared<GraphExec>();
  exec->number = ++execs;
  exec->axis = axes;
  axes += graph->streams.size();
  exec->time.resize(graph->streams.size());
  exec->graph = std::move(graph);
  return exec;
}

void Scheduler::launch(Stream &stream, std::shared_ptr<GraphExec> exec) {
  Command command;
  command.kind = Command::Kind::Graph;
  command.run = std::make_shared<GraphRun>();
  GraphRun &run = *command.run;
  const Graph &graph = *exec->graph;
  run.chains.resize(graph.streams.size());
  for (size_t node = 0; node < graph.nodes.size(); ++node)
    run.chains[graph.nodes[node].chain].push_back(node);
  run.next.resize(run.chains.size());
  run.isDone.resize(graph.nodes.size());
  run.clocks.resize(graph.nodes.size());
  run.left = graph.nodes.size();
  run.before = exec->last;
  run.over = exec->last = std::make_shared<Mark>();
  run.over->stream = stream.number;
  run.exec = std::move(exec);
  command.number = numbers;
  numbers += graph.nodes.size();
  add(stream, std::move(command));
}

bool Scheduler::canRun(const Stream &stream, const Command &command) {
  if (options.hangingStream != 0 && options.hangingStream == stream.number &&
      stream.ran + 1 >= options.hangingCommand)
    return false;
  switch (command.kind) {
  case Command::Kind::Work:
    return !command.work->canRun || command.work->canRun();
  case Command::Kind::Record:
    return true;
  case Command::Kind::Wait:
    return command.mark->isPassed;
  case Command::Kind::Graph:
    return command.run->hasBegun ? command.run->left == 0
                                 : !command.run->before || command.run->before->isPassed;
  }
  return false;
}

void Scheduler::collect() {
  ready.clear();
  for (size_t i = 0; i < streams.size(); ++i) {
    const Stream &stream = *streams[i];
    if (stream.commands.empty())
      continue;
    const Command &head = stream.commands.front();
    constexpr size_t kHead = SIZE_MAX;
    if (canRun(stream, head))
      ready.push_back({stream.number, stream.axis, head.sequence, head.number, i, kHead});
    if (head.kind != Command::Kind::Graph || !head.run->hasBegun)
      continue;
    const GraphRun &run = *head.run;
    const Graph &graph = *run.exec->graph;
    for (size_t chain = 0; chain < run.chains.size(); ++chain) {
      if (run.next[chain] == run.chains[chain].size())
        continue;
      uint32_t node = run.chains[chain][run.next[chain]];
      const std::vector<uint32_t> &after = graph.nodes[node].after;
      const Work &work = *graph.nodes[node].work;
      if (std::all_of(after.begin(), after.end(), [&](uint32_t i) { return run.isDone[i]; }) &&
          (!work.canRun || work.canRun()))
        ready.push_back({graph.streams[chain], uint32_t(run.exec->axis + chain),
                         head.sequence + node, head.number + int64_t(node), i, chain});
    }
  }
}

bool Scheduler::step() {
  if (failure != CUDA_SUCCESS)
    return false;
  collect();
  if (ready.empty())
    return false;
  if (options.slowMicroseconds)
    usleep(options.slowMicroseconds);
  Candidate chosen = ready[order.choose(ready)];
  std::shared_ptr<Stream> stream = streams[chosen.index];
  if (chosen.chain == SIZE_MAX)
    run(*stream);
  else
    runNode(*stream, chosen.chain);
  ++ranCommands;
  if (stream->isDestroyed)
    destroyStream(*stream);
  return true;
}

void Scheduler::beginRun(Stream &stream, Command &command) {
  GraphRun &run = *command.run;
  run.hasBegun = true;
  if (run.before)
    merge(stream.clock, run.before->clock);
}

void Scheduler::run(Stream &stream) {
  // A reference to what stands at the front stays: nothing is taken from it meanwhile.
  Command &command = stream.commands.front();
  merge(stream.clock, *command.host);
  switch (command.kind) {
  case Command::Kind::Work:
    runWork(*command.work, stream, command.number, stream.clock, stream.axis, stream.time,
            stream.describe());
    break;
  case Command::Kind::Record:
    command.mark->clock = stream.clock;
    command.mark->time = now();
    command.mark->isPassed = true;
    break;
  case Command::Kind::Wait:
    merge(stream.clock, command.mark->clock);
    break;
  case Command::Kind::Graph:
    if (!command.run->hasBegun)
      return beginRun(stream, command);
    for (const Clock &clock : command.run->clocks)
      merge(stream.clock, clock);
    command.run->over->clock = stream.clock;
    command.run->over->time = now();
    command.run->over->isPassed = true;
    break;
  }
  ++stream.ran;
  stream.commands.pop_front();
}

void Scheduler::runNode(Stream &stream, size_t chain) {
  Command &command = stream.commands.front();
  GraphRun &run = *command.run;
  const Graph &graph = *run.exec->graph;
  uint32_t number = run.chains[chain][run.next[chain]];
  const Node &node = graph.nodes[number];
  Clock &clock = run.clocks[number];
  clock = stream.clock;
  for (uint32_t before : node.after)
    merge(clock, run.clocks[before]);
  runWork(*node.work, stream, command.number + number, clock, run.exec->axis + chain,
          run.exec->time[chain],
          "stream " + std::to_string(graph.streams[chain]) + " in graph " +
              std::to_string(run.exec->number));
  ++run.next[chain];
  run.isDone[number] = true;
  --run.left;
}

void Scheduler::runWork(const Work &work, const Stream &stream, int64_t number, Clock &clock,
                        uint32_t axis, uint64_t &time, const std::string &where) {
  used = work.accesses;
  if (work.waitsForWord)
    if (auto word = words.find(work.waitsForWord); word != words.end())
      merge(clock, word->second);
  CUresult result = CUDA_SUCCESS;
  if (work.kind == Work::Kind::Launch && ++launches == options.failingLaunch) {
    result = static_cast<CUresult>(options.launchResult);
    explain(work.name + " on " + where + " fails, as DPC_CUDA_EMULATOR says");
  } else if (work.run) {
    result = work.run(used, order.draw());
  }
  if (log.isOpen())
    log.write(JsonLine()
                  .add("ran", ranCommands)
                  .add("at", now())
                  .add("command", number)
                  .add("stream", stream.number)
                  .add("what", work.name));
  if (result != CUDA_SUCCESS) {
    failure = result;
    return;
  }
  Moment moment = advance(clock, axis, time);
  if (work.writesWord)
    words[work.writesWord] = clock;
  std::string who = work.name + " on " + where;
  for (const Access &access : used) {
    std::optional<Conflicts::Found> found = conflicts.use(access, who, moment, clock);
    if (!found || !told.insert(who + "|" + found->other).second)
      continue;
    const Allocation *place = memory.find(found->begin);
    violation("CUDA Driver API, Stream Management: streams are ordered by events alone",
              who + (access.writes ? " wrote " : " read ") + std::to_string(found->bytes) +
                  " bytes at byte " + std::to_string(place ? found->begin - place->begin : 0) +
                  " of " + (place ? place->describe() : hexadecimal(found->begin)) + " that " +
                  found->other + (found->otherWrote ? " wrote" : " read") +
                  ", and nothing orders them");
  }
}

void Scheduler::answer(uint64_t asked) {
  for (uint64_t count = order.atQuery(asked); count > 0 && step(); --count)
    ;
}

void Scheduler::hostSaw(const Clock &clock) {
  Clock seen = *host;
  merge(seen, clock);
  if (seen != *host)
    host = std::make_shared<const Clock>(std::move(seen));
}

bool Scheduler::isIdle() const {
  return std::all_of(streams.begin(), streams.end(),
                     [](const std::shared_ptr<Stream> &each) { return each->commands.empty(); });
}

static bool namesMemory(const Work &work, const Allocation &allocation) {
  return std::any_of(work.names.begin(), work.names.end(), [&](uint64_t address) {
    return address >= allocation.begin &&
           address < std::max(allocation.end(), allocation.begin + 1);
  });
}

std::string Scheduler::userOf(const Allocation &allocation) const {
  for (const std::shared_ptr<Stream> &stream : streams)
    for (const Command &command : stream->commands) {
      if (command.work && namesMemory(*command.work, allocation))
        return command.work->name + " on " + stream->describe();
      if (!command.run)
        continue;
      const Graph &graph = *command.run->exec->graph;
      for (size_t node = 0; node < graph.nodes.size(); ++node)
        if (!command.run->isDone[node] && namesMemory(*graph.nodes[node].work, allocation))
          return graph.nodes[node].work->name + " in graph " +
                 std::to_string(command.run->exec->number) + " on " + stream->describe();
    }
  return "";
}

std::string Scheduler::describeWaiting() const {
  std::string text;
  for (const std::shared_ptr<Stream> &stream : streams) {
    if (stream->commands.empty())
      continue;
    const Command &head = stream->commands.front();
    text += (text.empty() ? "" : "; ") + stream->describe() + " waits ";
    switch (head.kind) {
    case Command::Kind::Work:
      text += "with " + head.work->name;
      break;
    case Command::Kind::Record:
      text += "with a record";
      break;
    case Command::Kind::Wait:
      text += "for an event recorded in stream " + std::to_string(head.mark->stream);
      break;
    case Command::Kind::Graph:
      text += "with graph " + std::to_string(head.run->exec->number);
      break;
    }
  }
  return text;
}

} // namespace dpc::emulator
