// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What carries bytes between the processes of a world, and knows nothing above that: MPI is
// one, a plug-in (EnginePlugin.h); tests have one whose processes are threads. One thread
// opens an engine, calls all of its functions and closes it. None but open and close waits.
#pragma once
#include "program/format/Status.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dpcrt {

// A message under way, at one of its ends. Who started it owns it, and keeps it and its bytes
// until it has ended. Nobody ends one early: a world that gives up leaves its process.
class EngineRequest {
public:
  virtual ~EngineRequest();
};

class Engine {
public:
  virtual ~Engine();
  virtual const char *name() const = 0;    // "mpi:openmpi"
  virtual std::string version() const = 0; // "Open MPI 4.1.4", for messages
  virtual uint32_t processes() const = 0;
  virtual uint32_t self() const = 0;

  // Tags of data are below this.
  virtual uint32_t tagLimit() const = 0;
  // The k-th send to a process with a tag meets that one's k-th receive from this process with
  // the tag. Both say the same number of bytes, which may be 0. A send may end before anybody
  // receives it, or only then. A process may send to itself.
  virtual Status send(const void *data, uint64_t bytes, uint32_t to, uint32_t tag,
                      std::unique_ptr<EngineRequest> &out) = 0;
  virtual Status receive(void *data, uint64_t bytes, uint32_t from, uint32_t tag,
                         std::unique_ptr<EngineRequest> &out) = 0;
  // Which of `requests` have ended: adds their indices, in ascending order, to `ended`. What
  // has ended is said once: the caller takes it out. Messages move while somebody asks.
  virtual Status testSome(const std::vector<EngineRequest *> &requests,
                          std::vector<size_t> &ended) = 0;

  // Messages of any length up to kControlBytes, beside the data and in order between two
  // processes. The bytes are copied.
  static constexpr uint64_t kControlBytes = uint64_t(64) << 20;
  virtual Status sendControl(uint32_t to, const std::string &message) = 0;
  // The next one that is there, from whomever; `there` is false if none is now.
  virtual Status receiveControl(bool &there, uint32_t &from, std::string &message) = 0;

  // Once, after the last message, by all processes; waits for them. An engine that is not
  // closed is left as it is when its process ends: who closes one of a world that has lost a
  // process may wait for ever.
  virtual Status close() = 0;
};

// How an engine is made.
struct EngineKind {
  const char *name; // as --transport says it
  // Joins the world that the launcher has made, which may take as long as its slowest process.
  // Called by the thread that will use the engine.
  Status (*open)(std::unique_ptr<Engine> &out);
  // Of what it is made on, as Engine::version() says it; joins nothing.
  std::string (*version)();
};

} // namespace dpcrt
