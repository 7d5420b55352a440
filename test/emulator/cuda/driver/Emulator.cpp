// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Emulator.h.
#include "Emulator.h"

#include <atomic>
#include <chrono>
#include <cstdlib>

namespace dpc::emulator {

using namespace dpcrt::cuda;

Emulator &emulator() {
  // Never destroyed: threads may still call when the process ends.
  static Emulator *the = new Emulator;
  return *the;
}

void Emulator::readOptions() {
  const char *text = std::getenv("DPC_CUDA_EMULATOR");
  std::string error;
  if (!Options::parse(text ? text : "", options, error))
    fatalViolation("the emulator itself", error);
  if (!log.open(options.log))
    fatalViolation("the emulator itself", "cannot write the log '" + options.log + "'");
}

void Emulator::beginContext() {
  readOptions();
  ++context;
  callsOf.clear();
  scheduler.begin(options);
}

void Emulator::endContext() {
  if (std::string damage = memory.findDamage(); !damage.empty())
    violation("CUDA Driver API, Memory Management", damage);
  streams.clear();
  events.clear();
  graphs.clear();
  execs.clear();
  functions.clear();
  captures.forgetAll();
  scheduler.begin(options);
  modules.clear();
  memory.freeAll();
}

uint64_t threadNumber() {
  static std::atomic<uint64_t> threads{0};
  static thread_local uint64_t number = threads++;
  return number;
}

std::vector<uint64_t> &contextsOfThread() {
  static thread_local std::vector<uint64_t> contexts;
  return contexts;
}

Call::Call(const char *name, unsigned traits)
    : emulator(dpc::emulator::emulator()), name(name), isNested(traits & kNested),
      isWaiting(traits & kWaits), lock(emulator.mutex), began(now()) {
  if (emulator.calls++ == 0)
    emulator.readOptions();
  if (!isNested && isToldToFail())
    return;
  if (traits & kAnyTime)
    return;
  const std::vector<uint64_t> &contexts = contextsOfThread();
  if (!emulator.isInitialised)
    refused = CUDA_ERROR_NOT_INITIALIZED;
  else if (emulator.scheduler.failure != CUDA_SUCCESS)
    refused = emulator.scheduler.failure;
  else if (traits & kNoContext)
    ;
  else if (contexts.empty() || contexts.back() == 0)
    refused = CUDA_ERROR_INVALID_CONTEXT;
  else if (contexts.back() != emulator.context || emulator.retained == 0)
    refused = CUDA_ERROR_CONTEXT_IS_DESTROYED;
  else if (traits & kUnsafe)
    refused = emulator.captures.refuseUnsafe(threadNumber());
}

bool Call::isToldToFail() {
  uint64_t number = ++emulator.callsOf[name];
  auto isThis = [&](const Options::Failure &told) {
    return told.function == name && told.call == number;
  };
  auto call = [&] { return "call " + std::to_string(number) + " of " + name; };
  for (const Options::Failure &told : emulator.options.leftOut)
    if (isThis(told)) {
      explain(call() + " is left out, as DPC_CUDA_EMULATOR says");
      return isLeftOut = true;
    }
  for (const Options::Failure &told : emulator.options.failures)
    if (isThis(told)) {
      explain(call() + " fails, as DPC_CUDA_EMULATOR says");
      refused = static_cast<CUresult>(told.result);
      return true;
    }
  return false;
}

Call::~Call() {
  if (emulator.log.isOpen()) {
    JsonLine line;
    line.add("call", emulator.calls)
        .add("at", began)
        .add("until", now())
        .add("thread", threadNumber())
        .add("function", name)
        .addBool("waits", isWaiting);
    if (isNested)
      line.addBool("part", true);
    if (!details.empty())
      line.addRaw("with", "{" + details.fields() + "}");
    const char *known = nameOf(result);
    emulator.log.write(line.add("result", known ? known : std::to_string(result)));
  }
  emulator.changed.notify_all();
}

CUresult Call::violate(const char *chapter, const std::string &what, CUresult code) {
  violation(std::string("CUDA Driver API, ") + chapter, std::string(name) + ": " + what);
  return code;
}

std::shared_ptr<Stream> Call::stream(CUstream handle) {
  std::shared_ptr<Stream> found =
      handle ? emulator.streams.find(handle) : emulator.scheduler.legacy();
  if (!found)
    violate("Stream Management", "names " + emulator.streams.describe(handle),
            CUDA_ERROR_INVALID_HANDLE);
  else
    note("stream", found->number);
  return found;
}

std::shared_ptr<Event> Call::event(CUevent handle) {
  std::shared_ptr<Event> found = emulator.events.find(handle);
  if (!found)
    violate("Event Management", "names " + emulator.events.describe(handle),
            CUDA_ERROR_INVALID_HANDLE);
  else
    note("event", found->number);
  return found;
}

CUresult Call::submit(Stream &stream, Work work) {
  auto shared = std::make_shared<const Work>(std::move(work));
  if (stream.capture)
    return emulator.captures.add(stream, std::move(shared));
  if (stream.number == 0)
    if (CUresult wrong = emulator.captures.checkLegacy(); wrong != CUDA_SUCCESS)
      return wrong;
  note("command", emulator.scheduler.enqueue(stream, std::move(shared)));
  return CUDA_SUCCESS;
}

CUresult Call::checkBytes(uint64_t address, uint64_t bytes, const char *verb,
                          const Allocation *&place) {
  place = emulator.memory.find(address);
  bool isDevice = emulator.memory.isDevice(address);
  std::string range =
      std::string(verb) + " " + std::to_string(bytes) + " bytes at " + hexadecimal(address) + ", ";
  // Just behind pinned memory other memory may lie.
  if (place && !isDevice && (address == place->end() || !place->isPinned))
    place = nullptr;
  if (!place)
    return isDevice ? violate("Memory Management", range + "which lie in no allocation",
                              CUDA_ERROR_INVALID_VALUE)
                    : CUDA_SUCCESS;
  if (!place->isLive)
    return violate("Memory Management", range + "in " + place->describe(),
                   CUDA_ERROR_INVALID_VALUE);
  if (bytes > place->end() - address)
    return violate("Memory Management", range + "beyond the end of " + place->describe(),
                   CUDA_ERROR_INVALID_VALUE);
  return CUDA_SUCCESS;
}

// Nothing can go on: another thread may enqueue something, or the host write a word that a
// stream waits for.
void Call::sleep(const std::string &what) {
  if (idleSince == 0 || idleChanges != emulator.scheduler.changes) {
    idleSince = now();
    idleChanges = emulator.scheduler.changes;
  }
  if (now() - idleSince > int64_t(emulator.options.patienceSeconds) * 1000000000 &&
      !emulator.scheduler.isHanging())
    fatalViolation("CUDA Driver API, Stream Management",
                   std::string(name) + ": the host waits for " + what +
                       ", and nothing can go on: " + emulator.scheduler.describeWaiting());
  emulator.changed.wait_for(lock, std::chrono::milliseconds(1));
}

} // namespace dpc::emulator
