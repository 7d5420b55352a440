// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads of a block: how they take turns and how they meet.
#include "Block.h"

#include <algorithm>
#include <cstring>

namespace dpc::emulator {

// The block whose fibers run on this host thread; a fiber begins without arguments.
static thread_local Block *current = nullptr;

bool Block::prepare(const TwinTable &table, const Launch &request) {
  twin = &table;
  launch = &request;
  const Kernel &kernel = *request.kernel;
  uint32_t threads = request.block.count();
  if (!stacks.reserve(threads))
    return false;
  if (lanes.size() != threads)
    lanes = std::vector<Lane>(threads);
  sharedBytes = std::max(kernel.sharedBytes, kernel.usesDynamic
                                                 ? kernel.dynamicOffset + request.dynamicSharedBytes
                                                 : uint64_t(0));
  sharedMemory.resize(sharedBytes + 64);
  char *shared = sharedMemory.data();
  shared += -reinterpret_cast<uintptr_t>(shared) & 63;
  for (uint32_t i = 0; i < threads; ++i) {
    Lane &lane = lanes[i];
    lane.block = this;
    lane.index = i;
    lane.lane = i % kWarp;
    lane.warp = i / kWarp;
    lane.shared = shared;
    lane.services = &services();
    const Dim3 &size = request.block;
    uint32_t tid[3] = {i % size.x, i / size.x % size.y, i / size.x / size.y};
    uint32_t ntid[3] = {size.x, size.y, size.z};
    uint32_t nctaid[3] = {request.grid.x, request.grid.y, request.grid.z};
    std::memcpy(lane.tid, tid, sizeof(tid));
    std::memcpy(lane.ntid, ntid, sizeof(ntid));
    std::memcpy(lane.nctaid, nctaid, sizeof(nctaid));
  }
  ranges.clear();
  lastRange = 0;
  uint64_t writable = 0;
  if (request.memory)
    for (const MemoryRange &range : *request.memory) {
      ranges.push_back({&range, std::nullopt});
      if (range.writable) {
        ranges.back().place = writable;
        writable += range.bytes;
      }
    }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range &a, const Range &b) { return a.memory->begin < b.memory->begin; });
  if (writable > request.findRacesUpTo) {
    for (Range &range : ranges)
      range.place.reset();
    writable = 0;
  }
  racesInMemory.begin(writable, true);
  racesInShared.begin(request.findRaces ? sharedBytes : 0, false);
  return true;
}

std::optional<Fault> Block::run(const Dim3 &block, uint64_t seed) {
  random = Random(seed);
  found.reset();
  ended = 0;
  ready.clear();
  readyBegin = 0;
  for (Meeting &meeting : meetings)
    meeting = Meeting();
  uint32_t warps = (lanes.size() + kWarp - 1) / kWarp;
  for (uint32_t warp = 0; warp < warps; ++warp)
    exchanges[warp].clear();
  // Bits of a NaN, and of an index that leads nowhere.
  std::memset(lanes[0].shared, 0xff, sharedBytes);
  racesInShared.beginBlock(warps);
  racesInMemory.beginBlock(warps);
  for (Lane &lane : lanes) {
    lane.ctaid[0] = block.x;
    lane.ctaid[1] = block.y;
    lane.ctaid[2] = block.z;
    lane.state = Lane::Runs;
    stacks.begin(lane.fiber, lane.index, enter);
    ready.push_back(lane.index);
  }
  policy = static_cast<Policy>(random.below(kPolicies));
  random.shuffle(ready.data(), ready.size());
  Block *outer = current;
  current = this;
  next(scheduler);
  current = outer;
  if (!found && ended < lanes.size())
    found = deadlock();
  return found;
}

void Block::enter() {
  Block &block = *current;
  Lane &lane = block.lanes[block.running];
  block.launch->kernel->run(&lane, block.launch->arguments);
  lane.state = Lane::Ended;
  ++block.ended;
  block.next(lane.fiber);
  __builtin_unreachable();
}

// Goes on with a thread that can, or else with the scheduler: all have ended, or none can.
void Block::next(Fiber &from) {
  Fiber *to = &scheduler;
  if (readyBegin < ready.size()) {
    switch (policy) {
    case OldestFirst:
      running = ready[readyBegin++];
      break;
    case NewestFirst:
      running = ready.back();
      ready.pop_back();
      break;
    default:
      std::swap(ready.back(), ready[readyBegin + random.below(ready.size() - readyBegin)]);
      running = ready.back();
      ready.pop_back();
    }
    if (readyBegin == ready.size()) {
      ready.clear();
      readyBegin = 0;
    }
    to = &lanes[running].fiber;
  }
  if (to != &from)
    switchFiber(from, *to);
}

void Block::wake(uint32_t *threads, uint32_t count) {
  random.shuffle(threads, count);
  for (uint32_t i = 0; i < count; ++i)
    lanes[threads[i]].state = Lane::Runs;
  ready.insert(ready.end(), threads, threads + count);
}

Fault Block::fault(const Lane &lane, FaultKind kind, std::string what) const {
  Fault result;
  result.kind = kind;
  result.what = std::move(what);
  result.kernel = launch->kernel->name;
  result.block = Dim3{lane.ctaid[0], lane.ctaid[1], lane.ctaid[2]};
  result.thread = Dim3{lane.tid[0], lane.tid[1], lane.tid[2]};
  return result;
}

// Nothing that is on a fiber's stack is destroyed: whoever comes here holds no memory.
void Block::stop(Lane &lane, FaultKind kind, std::string what) {
  found = fault(lane, kind, std::move(what));
  switchFiber(lane.fiber, scheduler);
  __builtin_unreachable();
}

void Block::barrier(Lane &lane, uint64_t site, bool aligned, uint32_t id, uint32_t count) {
  if (leftOut(site))
    return;
  if (id >= kBarriers)
    stop(lane, FaultKind::Synchronization,
         "waits at barrier " + std::to_string(id) + "; a block has " + std::to_string(kBarriers));
  if (count % kWarp || count > lanes.size())
    stop(lane, FaultKind::Synchronization,
         "waits at barrier " + std::to_string(id) + " for " + std::to_string(count) +
             " threads of a block of " + std::to_string(lanes.size()) +
             "; that must be a multiple of 32 and no more than there are");
  Meeting &meeting = meetings[id];
  if (!meeting.waiting.empty() && meeting.count != count)
    stop(lane, FaultKind::Synchronization,
         "comes to barrier " + std::to_string(id) + " with another count of threads than thread " +
             std::to_string(meeting.waiting[0]));
  if (aligned && meeting.arrivedOfWarp[lane.warp] && meeting.siteOfWarp[lane.warp] != site)
    stop(lane, FaultKind::Synchronization,
         "is at another barrier than threads of its own warp: " + std::string(instruction(site)) +
             " must be executed by a whole warp together");
  meeting.count = count;
  meeting.siteOfWarp[lane.warp] = site;
  meeting.arrivedOfWarp[lane.warp]++;
  meeting.waiting.push_back(lane.index);
  lane.state = Lane::AtBarrier;
  lane.site = site;
  if (meeting.waiting.size() == (count ? count : lanes.size())) {
    wake(meeting.waiting.data(), meeting.waiting.size());
    meeting.waiting.clear();
    std::memset(meeting.arrivedOfWarp, 0, sizeof(meeting.arrivedOfWarp));
    racesInShared.blockBarrier();
    racesInMemory.blockBarrier();
  }
  next(lane.fiber);
}

static std::string hexadecimal(uint32_t x) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08x", x);
  return text;
}

// What the manual of PTX calls shfl.sync: the source lane and whether it is in range.
static uint32_t sourceOf(Shuffle mode, uint32_t lane, uint32_t b, uint32_t c, bool &inRange) {
  uint32_t bits = b & 31, clamp = c & 31, segment = c >> 8 & 31;
  int32_t last = (lane & segment) | (clamp & ~segment), first = lane & segment;
  int32_t at = 0;
  switch (mode) {
  case Shuffle::Up:
    at = static_cast<int32_t>(lane) - static_cast<int32_t>(bits);
    inRange = at >= last;
    break;
  case Shuffle::Down:
    at = lane + bits;
    inRange = at <= last;
    break;
  case Shuffle::Butterfly:
    at = lane ^ bits;
    inRange = at <= last;
    break;
  case Shuffle::Index:
    at = first | (bits & ~segment);
    inRange = at <= last;
    break;
  }
  return inRange ? at : lane;
}

static uint32_t resultOfVote(const Exchange &exchange) {
  uint32_t ballot = 0;
  for (uint32_t lane = 0; lane < kWarp; ++lane)
    if (exchange.mask >> lane & 1 && exchange.value[lane])
      ballot |= 1u << lane;
  switch (static_cast<Vote>(exchange.mode)) {
  case Vote::All:
    return ballot == exchange.mask;
  case Vote::Any:
    return ballot != 0;
  case Vote::Uniform:
    return ballot == 0 || ballot == exchange.mask;
  case Vote::Ballot:
    break;
  }
  return ballot;
}

uint64_t Block::exchange(Lane &lane, uint64_t site, Exchange::Kind kind, uint32_t mode,
                         uint32_t mask, uint32_t value, uint32_t source, uint32_t clamp) {
  constexpr uint64_t kInRange = uint64_t(1) << 32;
  uint32_t self = 1u << lane.lane;
  if (leftOut(site))
    return kind != Exchange::Vote                    ? value | kInRange
           : static_cast<Vote>(mode) == Vote::Ballot ? (value ? self : 0)
                                                     : value;
  if (!(mask & self))
    stop(lane, FaultKind::Synchronization,
         "executes " + std::string(instruction(site)) + " with mask " + hexadecimal(mask) +
             ", which does not name its own lane " + std::to_string(lane.lane));
  uint32_t inWarp = std::min<uint32_t>(kWarp, lanes.size() - lane.warp * kWarp);
  if (inWarp < kWarp && mask >> inWarp)
    stop(lane, FaultKind::Synchronization,
         "executes " + std::string(instruction(site)) + " with mask " + hexadecimal(mask) +
             "; its warp has " + std::to_string(inWarp) + " threads");
  std::vector<Exchange> &pending = exchanges[lane.warp];
  size_t at = 0;
  for (; at < pending.size(); ++at) {
    if (!(pending[at].mask & mask))
      continue;
    if (pending[at].mask != mask)
      stop(lane, FaultKind::Synchronization,
           "executes " + std::string(instruction(site)) + " with mask " + hexadecimal(mask) +
               ", while lanes that it names wait with mask " + hexadecimal(pending[at].mask));
    if (pending[at].kind != kind || pending[at].mode != mode)
      stop(lane, FaultKind::Synchronization,
           "executes " + std::string(instruction(site)) +
               ", while lanes of its mask wait in another instruction");
    break;
  }
  if (at == pending.size()) {
    pending.emplace_back();
    pending[at].kind = kind;
    pending[at].mode = mode;
    pending[at].mask = mask;
  }
  Exchange &meeting = pending[at];
  meeting.arrived |= self;
  meeting.value[lane.lane] = value;
  meeting.lane[lane.lane] = source;
  meeting.clamp[lane.lane] = clamp;
  lane.state = Lane::InExchange;
  lane.site = site;
  if (meeting.arrived == mask) {
    finish(meeting, lane.warp);
    std::swap(pending[at], pending.back());
    pending.pop_back();
  }
  next(lane.fiber);
  return lane.result;
}

void Block::finish(Exchange &meeting, uint32_t warp) {
  uint32_t members[kWarp], count = 0;
  uint32_t ballot = meeting.kind == Exchange::Vote ? resultOfVote(meeting) : 0;
  for (uint32_t i = 0; i < kWarp; ++i) {
    if (!(meeting.mask >> i & 1))
      continue;
    Lane &lane = lanes[warp * kWarp + i];
    members[count++] = lane.index;
    if (meeting.kind == Exchange::Vote)
      lane.result = ballot;
    if (meeting.kind != Exchange::Shuffle)
      continue;
    bool inRange = false;
    uint32_t from =
        sourceOf(static_cast<Shuffle>(meeting.mode), i, meeting.lane[i], meeting.clamp[i], inRange);
    if (!(meeting.mask >> from & 1))
      stop(lane, FaultKind::Synchronization,
           "reads lane " + std::to_string(from) + " in " + instruction(lane.site) +
               ", which mask " + hexadecimal(meeting.mask) + " does not name");
    lane.result = meeting.value[from] | uint64_t(inRange) << 32;
  }
  if (meeting.kind == Exchange::Barrier) {
    racesInShared.warpBarrier(warp);
    racesInMemory.warpBarrier(warp);
  }
  wake(members, count);
}

std::string Block::describe(const Lane &lane) const {
  if (lane.state == Lane::Ended)
    return "has ended";
  return std::string("waits at ") + instruction(lane.site);
}

// None can go on: says of the first that waits for whom it waits in vain.
Fault Block::deadlock() const {
  const Lane &first = *std::find_if(lanes.begin(), lanes.end(), [](const Lane &lane) {
    return lane.state == Lane::AtBarrier || lane.state == Lane::InExchange;
  });
  auto blame = [&](const Lane &other) {
    return fault(first, FaultKind::Synchronization,
                 "waits at " + std::string(instruction(first.site)) + " for thread " +
                     std::to_string(other.index) + " of its block, which " + describe(other));
  };
  if (first.state == Lane::InExchange) {
    for (const Exchange &meeting : exchanges[first.warp])
      if (meeting.arrived >> first.lane & 1)
        for (uint32_t i = 0; i < kWarp; ++i)
          if ((meeting.mask & ~meeting.arrived) >> i & 1)
            return blame(lanes[first.warp * kWarp + i]);
  }
  // One that has ended explains more than one that waits elsewhere.
  for (const Lane &other : lanes)
    if (other.state == Lane::Ended)
      return blame(other);
  for (const Meeting &meeting : meetings)
    if (std::count(meeting.waiting.begin(), meeting.waiting.end(), first.index))
      for (const Lane &other : lanes)
        if (!std::count(meeting.waiting.begin(), meeting.waiting.end(), other.index))
          return blame(other);
  return fault(first, FaultKind::Synchronization,
               "waits at " + std::string(instruction(first.site)) + " for more threads than come");
}

} // namespace dpc::emulator
