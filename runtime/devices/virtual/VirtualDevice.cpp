// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of commands and the one thread that takes from them.
#include "devices/virtual/VirtualDevice.h"
#include "devices/Threads.h"
#include "devices/Wait.h"
#include "devices/virtual/Captures.h"
#include "devices/virtual/VirtualGraph.h"
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <new>

namespace dpcrt {

const char *nameOf(VirtualCommand::Kind kind) {
  switch (kind) {
  case VirtualCommand::Kind::Launch:
    return "launch";
  case VirtualCommand::Kind::Call:
    return "call";
  case VirtualCommand::Kind::Copy:
    return "copy";
  case VirtualCommand::Kind::Fill:
    return "fill";
  case VirtualCommand::Kind::Reduce:
    return "reduce";
  case VirtualCommand::Kind::Forget:
    return "forget";
  case VirtualCommand::Kind::Record:
    return "record";
  case VirtualCommand::Kind::Wait:
    return "wait";
  case VirtualCommand::Kind::Graph:
    return "graph";
  }
  return "";
}

namespace {
using Kind = VirtualCommand::Kind;
using What = VirtualEntry::What;

class SeededDevice : public VirtualDevice {
public:
  explicit SeededDevice(std::unique_ptr<HostDevice> given)
      : kernels(std::move(given)), lane(kernels->makeLane()) {}
  ~SeededDevice() override;

  const char *name() const override { return "virtual"; }
  Status chooseOrder(const std::string &text) override;
  std::string orderTaken() override;
  Status checkOrder() override {
    std::lock_guard<std::mutex> lock(mutex);
    return seedOrder.order.checkCommands(uint64_t(work));
  }

  Status allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) override {
    return kernels->allocate(bytes, kind, out);
  }
  Status upload(DeviceAddress dst, const void *src, uint64_t bytes) override {
    Status s = beginMove("an upload");
    return s.ok() ? kernels->upload(dst, src, bytes) : s;
  }
  Status download(void *dst, DeviceAddress src, uint64_t bytes) override {
    Status s = beginMove("a download");
    return s.ok() ? kernels->download(dst, src, bytes) : s;
  }
  Status openKernels(const std::string &path, KernelTable table,
                     const std::vector<std::string> &features) override {
    return kernels->openKernels(path, std::move(table), features);
  }
  Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) override {
    return kernels->prepareLaunch(kernel, out);
  }
  Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) override {
    return kernels->prepareCall(call, out);
  }
  Status finishPreparation() override;
  uint64_t scratchBytes() const override { return kernels->scratchBytes(); }

  std::unique_ptr<Queue> makeQueue(fb::StreamKind kind, const std::string &name) override;
  std::unique_ptr<Event> makeEvent(bool timed) override;
  bool spoils() const override { return true; }
  MessageOrder messageOrder() const override { return seedOrder.messages; }
  bool captures() const override { return true; }
  Status beginCapture(Queue &origin) override;
  Status endCapture(Queue &origin, std::unique_ptr<Graph> &out) override;

  void watch(std::function<void(const VirtualEntry &)> given) override {
    std::lock_guard<std::mutex> lock(mutex);
    watcher = std::move(given);
  }

private:
  friend class CommandQueue;
  friend class MarkedEvent;

  // Of a queue with this number, or to be captured of it.
  Status enqueue(const CaptureMember &queue, VirtualCommand command) {
    std::lock_guard<std::mutex> lock(mutex);
    return enqueueLocked(queue, std::move(command));
  }
  Status enqueueLocked(const CaptureMember &queue, VirtualCommand command);
  void close(size_t queue);
  // Before bytes are moved; `what`: an upload or a download.
  Status beginMove(const char *what) {
    std::lock_guard<std::mutex> lock(mutex);
    tellLocked({What::Moved, nullptr, {}});
    return capture.refuse(what);
  }
  Status launch(const CaptureMember &queue, VirtualGraph &graph, VirtualCommand command);
  void tellLocked(VirtualEntry entry) {
    entry.thread = std::this_thread::get_id();
    if (watcher)
      watcher(entry);
  }

  void threadMain();
  // Whether there is something to run, and somebody who wants it.
  bool isDue() const {
    return failure.ok() &&
           (asked > 0 || std::any_of(awaited.begin(), awaited.end(),
                                     [](const VirtualMark *mark) { return !mark->passed; })) &&
           std::any_of(lists.begin(), lists.end(),
                       [](auto &list) { return !list.commands.empty(); });
  }
  // The list whose head runs next, and the queue that it belongs to; nulls if none can.
  struct Choice {
    VirtualList *list = nullptr, *queue = nullptr;
  };
  Choice choose();
  void collect(VirtualList &list, VirtualList &queue);
  void takeHead(const Choice &choice);
  Status run(const VirtualCommand &command);
  static void describeHead(const VirtualList &list, std::string &text);
  std::string describeHeads() const;

  std::unique_ptr<HostDevice> kernels;
  std::unique_ptr<Lane> lane; // of the device's thread
  SeedOrder seedOrder;
  std::vector<std::thread> threads;

  std::mutex mutex; // guards what follows
  std::condition_variable wake, changed;
  std::deque<VirtualList> lists; // by queue; addresses stay
  size_t places = 0;             // of queues and of parts of graphs
  std::vector<const VirtualCommand *> ready;
  std::vector<Choice> choices; // that are ready
  Captures capture;
  std::vector<VirtualGraph::Captured> captured; // of the capture under way
  uint64_t sequence = 0, taken = 0xcbf29ce484222325;
  int64_t work = 0;
  std::vector<const VirtualMark *> awaited; // by threads of the host
  uint64_t asked = 0;                       // commands to run without anybody waiting
  const VirtualList *running = nullptr;     // the queue whose command the thread runs
  bool stopping = false;
  Status failure; // of what was enqueued; nothing runs after it
  std::function<void(const VirtualEntry &)> watcher;
};

class MarkedEvent : public Event {
public:
  explicit MarkedEvent(SeededDevice &device) : device(device) {}

  bool fired() override {
    std::lock_guard<std::mutex> lock(device.mutex);
    if (!hasFired() && !record.isInternal()) {
      ++device.asked;
      device.wake.notify_all();
    }
    return hasFired();
  }

  Status wait(int64_t deadline) override {
    std::unique_lock<std::mutex> lock(device.mutex);
    device.tellLocked({What::Waited, nullptr, {}});
    if (Status s = Captures::checkHostWait(record); !s.ok())
      return s;
    // By now all queues there will be have been made.
    if (Status s = device.seedOrder.order.checkQueues(device.lists.size()); !s.ok())
      return s;
    if (hasFired())
      return device.failure;
    std::shared_ptr<VirtualMark> mark = latest;
    device.awaited.push_back(mark.get());
    device.wake.notify_all();
    auto over = [&] { return mark->passed || !device.failure.ok(); };
    if (deadline == noDeadline)
      device.changed.wait(lock, over);
    else
      device.changed.wait_until(
          lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline)), over);
    device.awaited.erase(std::find(device.awaited.begin(), device.awaited.end(), mark.get()));
    return device.failure;
  }

  int64_t time() const override {
    std::lock_guard<std::mutex> lock(device.mutex);
    return latest ? latest->time : 0;
  }

  std::shared_ptr<VirtualMark> latest; // guarded by the device's mutex
  CaptureRecord record;                // as well

private:
  bool hasFired() const { return !latest || latest->passed; }
  SeededDevice &device;
};

class CommandQueue : public Queue {
public:
  CommandQueue(SeededDevice &device, size_t number, const std::string &name)
      : member(name), device(device), number(number) {}
  ~CommandQueue() override { device.close(number); }

  Status launch(const PreparedLaunch &kernel, const DeviceAddress *buffers, size_t count) override {
    VirtualCommand command = make(Kind::Launch);
    command.launch = &kernel;
    command.buffers.assign(buffers, buffers + count);
    return device.enqueue(member, std::move(command));
  }
  Status call(const PreparedCall &call, const DeviceAddress *buffers, size_t count) override {
    VirtualCommand command = make(Kind::Call);
    command.call = &call;
    command.buffers.assign(buffers, buffers + count);
    return device.enqueue(member, std::move(command));
  }
  Status copy(DeviceAddress dst, DeviceAddress src, uint64_t bytes) override {
    VirtualCommand command = make(Kind::Copy);
    command.buffers = {dst, src};
    command.bytes = bytes;
    return device.enqueue(member, std::move(command));
  }
  Status fill(DeviceAddress dst, uint32_t pattern, uint64_t bytes) override {
    VirtualCommand command = make(Kind::Fill);
    command.buffers = {dst};
    command.pattern = pattern;
    command.bytes = bytes;
    return device.enqueue(member, std::move(command));
  }
  Status reduce(DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount, uint64_t count,
                Element dtype) override {
    VirtualCommand command = make(Kind::Reduce);
    command.buffers = {dst};
    command.buffers.insert(command.buffers.end(), sources, sources + sourceCount);
    command.bytes = count;
    command.dtype = dtype;
    return device.enqueue(member, std::move(command));
  }
  Status forget(DeviceAddress address, uint64_t bytes) override {
    VirtualCommand command = make(Kind::Forget);
    command.buffers = {address};
    command.bytes = bytes;
    return device.enqueue(member, std::move(command));
  }
  Status record(Event &given) override {
    auto &event = static_cast<MarkedEvent &>(given);
    VirtualCommand command = make(Kind::Record);
    command.mark = std::make_shared<VirtualMark>();
    command.mark->queue = member.name;
    std::lock_guard<std::mutex> lock(device.mutex);
    if (Status s = device.capture.record(member, event.record); !s.ok())
      return s;
    event.latest = command.mark;
    return device.enqueueLocked(member, std::move(command));
  }
  Status wait(Event &given) override {
    auto &event = static_cast<MarkedEvent &>(given);
    VirtualCommand command = make(Kind::Wait);
    std::lock_guard<std::mutex> lock(device.mutex);
    if (Status s = device.capture.wait(member, event.record); !s.ok())
      return s;
    command.mark = event.latest;
    return device.enqueueLocked(member, std::move(command));
  }
  Status launchGraph(Graph &graph) override {
    VirtualCommand command = make(Kind::Graph);
    std::lock_guard<std::mutex> lock(device.mutex);
    return device.launch(member, static_cast<VirtualGraph &>(graph), std::move(command));
  }

  CaptureMember member; // guarded by the device's mutex

private:
  VirtualCommand make(Kind kind) const {
    VirtualCommand command{};
    command.kind = kind;
    command.queue = number;
    return command;
  }
  SeededDevice &device;
  size_t number;
};

SeededDevice::~SeededDevice() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
    wake.notify_all();
  }
  for (std::thread &t : threads)
    t.join();
}

Status SeededDevice::chooseOrder(const std::string &text) {
  Result<SeedOrder> parsed = SeedOrder::parse(text);
  if (!parsed.ok())
    return parsed.status();
  seedOrder = *parsed;
  return {};
}

Status SeededDevice::finishPreparation() {
  if (Status s = kernels->finishPreparation(); !s.ok() || !threads.empty())
    return s;
  return startThread(threads, 1, "the virtual device", [this] { threadMain(); });
}

std::string SeededDevice::orderTaken() {
  std::lock_guard<std::mutex> lock(mutex);
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, taken);
  return text;
}

std::unique_ptr<Queue> SeededDevice::makeQueue(fb::StreamKind, const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  lists.push_back({name, places++, {}});
  return std::make_unique<CommandQueue>(*this, lists.size() - 1, name);
}

std::unique_ptr<Event> SeededDevice::makeEvent(bool) {
  return std::make_unique<MarkedEvent>(*this);
}

Status SeededDevice::enqueueLocked(const CaptureMember &queue, VirtualCommand command) {
  if (!failure.ok())
    return failure;
  if (capture.holds(queue)) {
    if (command.isWork() || command.kind == Kind::Forget)
      if (Status s = capture.work(queue); !s.ok())
        return s;
    captured.push_back({capture.partOf(queue), std::move(command)});
    tellLocked({What::Captured, &captured.back().command, {}});
    return {};
  }
  VirtualList &list = lists[command.queue];
  command.place = list.place;
  command.sequence = sequence++;
  if (command.isWork())
    command.work = work++;
  list.commands.push_back(std::move(command));
  tellLocked({What::Enqueued, &list.commands.back(), {}});
  return {};
}

Status SeededDevice::launch(const CaptureMember &queue, VirtualGraph &graph,
                            VirtualCommand command) {
  if (capture.holds(queue))
    return capture.refuse("a graph is launched in a captured queue");
  if (!failure.ok())
    return failure;
  graph.launch(command, queue.name, sequence, work);
  return enqueueLocked(queue, std::move(command));
}

Status SeededDevice::beginCapture(Queue &origin) {
  std::lock_guard<std::mutex> lock(mutex);
  Status s = capture.begin(static_cast<CommandQueue &>(origin).member);
  if (s.ok())
    captured.clear();
  return s;
}

Status SeededDevice::endCapture(Queue &origin, std::unique_ptr<Graph> &out) {
  std::lock_guard<std::mutex> lock(mutex);
  if (Status s = capture.end(static_cast<CommandQueue &>(origin).member); !s.ok())
    return s;
  auto graph = std::make_unique<VirtualGraph>(std::exchange(captured, {}), capture.names(), places);
  places += capture.names().size();
  out = std::move(graph);
  return {};
}

// What a closed queue holds is never run, unless it is being run.
void SeededDevice::close(size_t queue) {
  std::unique_lock<std::mutex> lock(mutex);
  VirtualList &list = lists[queue];
  changed.wait(lock, [&] { return running != &list; });
  list.commands.clear();
}

// What could run of a queue: its head or, of a graph that has begun, the heads of its lists.
void SeededDevice::collect(VirtualList &list, VirtualList &queue) {
  if (list.commands.empty())
    return;
  const VirtualCommand &head = list.commands.front();
  if (head.graph && head.graph->hasBegun) {
    for (VirtualList &part : head.graph->lists)
      collect(part, queue);
  } else if (head.ready()) {
    ready.push_back(&head);
    choices.push_back({&list, &queue});
  }
}

SeededDevice::Choice SeededDevice::choose() {
  ready.clear();
  choices.clear();
  for (VirtualList &list : lists)
    collect(list, list);
  return ready.empty() ? Choice() : choices[seedOrder.order.choose(ready)];
}

void SeededDevice::describeHead(const VirtualList &list, std::string &text) {
  if (list.commands.empty())
    return;
  const VirtualCommand &head = list.commands.front();
  if (head.graph && head.graph->hasBegun) {
    for (const VirtualList &part : head.graph->lists)
      describeHead(part, text);
    return;
  }
  text += "\n  " + list.name + ": at command " + std::to_string(head.sequence) + ", a " +
          nameOf(head.kind);
  if (!head.ready())
    text += (head.graph ? " whose launch before, on '" + head.mark->queue + "', is not over"
                        : " for an event that '" + head.mark->queue + "' has not passed");
}

std::string SeededDevice::describeHeads() const {
  std::string text;
  for (const VirtualList &list : lists)
    describeHead(list, text);
  return text;
}

// Behind a command that has run: it goes, and with it the graph whose last one it was. A graph
// stays for as long as its own commands run.
void SeededDevice::takeHead(const Choice &choice) {
  VirtualCommand &command = choice.list->commands.front();
  if (command.graph) {
    command.graph->hasBegun = true;
  } else {
    if (command.kind == Kind::Record) {
      command.mark->time = nowNs();
      command.mark->passed = true;
    }
    taken = (taken ^ command.queue) * 0x100000001b3; // FNV-1a
    tellLocked({What::Ran, &command, {}});
    choice.list->commands.pop_front();
  }
  std::deque<VirtualCommand> &queue = choice.queue->commands;
  if (queue.empty() || !queue.front().graph || !queue.front().graph->isOver())
    return;
  queue.front().graph->over->passed = true;
  tellLocked({What::Ran, &queue.front(), {}});
  queue.pop_front();
}

void SeededDevice::threadMain() {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    wake.wait(lock, [&] { return stopping || isDue(); });
    if (stopping)
      return;
    Choice choice = choose();
    if (!choice.list) {
      failure = error(Code::Internal, "no queue of the device can go on:", describeHeads());
      changed.notify_all();
      continue;
    }
    running = choice.queue;
    asked -= asked > 0;
    // Stays while others come behind.
    const VirtualCommand &command = choice.list->commands.front();
    Status status;
    lock.unlock();
    try {
      status = run(command);
    } catch (const std::bad_alloc &) {
      status = Status(Code::OutOfMemory, "out of memory");
    } catch (const std::exception &e) {
      status = Status(Code::Internal, e.what());
    }
    lock.lock();
    running = nullptr;
    if (status.ok())
      takeHead(choice);
    else
      failure = status.within(choice.list->name);
    changed.notify_all();
  }
}

Status SeededDevice::run(const VirtualCommand &c) {
  if (c.kind > Kind::Forget)
    return {};
  lane->enter();
  struct Leave {
    Lane &lane;
    ~Leave() { lane.leave(); }
  } leave{*lane};
  const std::vector<DeviceAddress> &b = c.buffers;
  switch (c.kind) {
  case Kind::Launch:
    kernels->launch(*lane, *c.launch, b.data(), b.size());
    return {};
  case Kind::Call:
    return kernels->call(*lane, *c.call, b.data());
  case Kind::Copy:
    kernels->copy(*lane, b[0], b[1], c.bytes);
    return {};
  case Kind::Fill:
    kernels->fill(*lane, b[0], c.pattern, c.bytes);
    return {};
  case Kind::Reduce:
    kernels->reduce(*lane, b[0], b.data() + 1, b.size() - 1, c.bytes, c.dtype);
    return {};
  default: { // forgotten: NaN of every floating type, in whole words
    uint64_t skip = std::min<uint64_t>((4 - b[0] % 4) % 4, c.bytes);
    kernels->fill(*lane, b[0] + skip, UINT32_MAX, (c.bytes - skip) / 4 * 4);
    return {};
  }
  }
}
} // namespace

std::unique_ptr<VirtualDevice> makeVirtualDevice(std::unique_ptr<HostDevice> kernels) {
  return std::make_unique<SeededDevice>(std::move(kernels));
}

} // namespace dpcrt
