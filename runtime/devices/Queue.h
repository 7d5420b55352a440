// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device that takes orders and reports later, as a GPU does: commands are put into
// queues and run some time after, those of one queue in order, those of different queues
// in any order that events allow. Whoever calls these functions waits for nothing but in
// Event::wait, and what goes wrong after a command was enqueued is told there.
#pragma once
#include "devices/Device.h"
#include <memory>

namespace dpcrt {

// A point that a queue passes, marked anew by each Queue::record.
class Event {
public:
  virtual ~Event();
  // For the host. Whether everything before the latest record has run; of an event that
  // was never recorded, true; of one that was recorded in a capture, false.
  virtual bool fired() = 0;
  // Sleeps until fired() or the deadline (of the monotonic clock, Wait.h). An error of
  // what was enqueued before, or of the device.
  virtual Status wait(int64_t deadline) = 0;
  // When the latest record was passed, in nanoseconds of the monotonic clock (Wait.h); of a
  // timed event that has fired.
  virtual int64_t time() const = 0;
};

// What has been captured (QueueDevice::beginCapture), to be launched as often as wanted. It ends
// before its device, when no launch of it is under way.
class Graph {
public:
  virtual ~Graph();
};

// All functions return as soon as the command is enqueued, and may be called by one
// thread at a time. Addresses are copied, what they point to is read when the command runs.
class Queue {
public:
  virtual ~Queue();

  // buffers: the arguments in order.
  virtual Status launch(const PreparedLaunch &kernel, const DeviceAddress *buffers,
                        size_t count) = 0;
  // buffers: the call's operands in order.
  virtual Status call(const PreparedCall &call, const DeviceAddress *buffers, size_t count) = 0;
  // Either side may lie in memory of any kind.
  virtual Status copy(DeviceAddress dst, DeviceAddress src, uint64_t bytes) = 0;
  virtual Status fill(DeviceAddress dst, uint32_t pattern, uint64_t bytes) = 0;
  // As HostDevice::reduce: sources are added in this order.
  virtual Status reduce(DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
                        uint64_t count, Element dtype) = 0;
  // Marks the event: it fires when all commands before have run.
  virtual Status record(Event &event) = 0;
  // Commands behind run after the latest record of the event that was enqueued before
  // this call, on whatever queue. There need not be one: then this is no wait.
  virtual Status wait(Event &event) = 0;
  // Runs what was captured as one command of this queue: behind all commands before, and before
  // all behind. Launches of one graph run one after another, on whatever queues. Of devices that
  // capture.
  virtual Status launchGraph(Graph &graph);
  // These bytes hold nothing until a command writes them: a device that looks for mistakes
  // spoils them. For others nobody calls it.
  virtual Status forget(DeviceAddress, uint64_t) { return {}; }
  // The queue is occupied for this long; all else takes no time. For devices of given times
  // (below); of others nobody calls it.
  virtual Status spend(int64_t /*nanoseconds*/) { return {}; }
};

// What a device that is told by Queue::spend how long things take has beside its queues. It
// computes nothing, its memory holds nothing, and what is read of it is zero.
class GivenTimes {
public:
  virtual ~GivenTimes();
  // Multiplies all times by at least this. Before the first step.
  virtual void slowDown(double atLeast) = 0;
  // By which they are; at least 1.
  virtual double factor() const = 0;
};

// What a message between two queues of a device waits for.
enum class MessageOrder : uint8_t {
  Rendezvous, // either end for the other; nothing is buffered
  Eager,      // the receiver for the sender, which goes on once its bytes lie in a buffer
  Serialised  // as Rendezvous; and a rank's communications run one after another, in list order
};

// Within steps `upload` and `download` are called for memory of kind Host alone, whose
// bytes no command under way touches; they wait for no queue.
class QueueDevice : public Device {
public:
  QueueDevice *queue() override { return this; }

  // `name`: for messages, "rank 0, stream compute". Queues and events end before their
  // device, when nothing enqueued names them any more.
  virtual std::unique_ptr<Queue> makeQueue(fb::StreamKind kind, const std::string &name) = 0;
  // `timed`: whether it is to know when it fired, which may cost the device something.
  virtual std::unique_ptr<Event> makeEvent(bool timed = false) = 0;
  // Whether it wants to be told by Queue::forget what holds nothing any more.
  virtual bool spoils() const { return false; }
  // What transports between its queues do of what a program allows.
  virtual MessageOrder messageOrder() const { return MessageOrder::Rendezvous; }
  // Of a device of given times; else null.
  virtual GivenTimes *givenTimes() { return nullptr; }

  // Whether commands can be captured: enqueued once, and run by each launch of a graph. From
  // beginCapture to endCapture what is enqueued into `origin` is recorded and not run, and so it
  // is in every queue that joins, as one does by waiting for an event recorded in a queue of the
  // capture. Queues and events order the commands of a graph as they would have ordered the
  // commands themselves. Addresses are copied then, what they point to is read at each launch.
  //   - In the end `origin` must have waited for all that was recorded in others, be it by way of
  //     further queues.
  //   - A queue of the capture waits for no event that was recorded outside of it.
  //   - An event recorded in a capture is internal to it: nobody outside can wait for it, neither
  //     a queue nor the host, before it has been recorded outside anew.
  //   - There is one capture at a time; meanwhile nothing is uploaded or downloaded, and no graph
  //     is launched in a queue of the capture.
  // What breaks a rule within the capture is an error that endCapture gives once more, instead of
  // a graph. Behind endCapture all queues are as before.
  virtual bool captures() const { return false; }
  virtual Status beginCapture(Queue &origin);
  virtual Status endCapture(Queue &origin, std::unique_ptr<Graph> &out);
};

} // namespace dpcrt
