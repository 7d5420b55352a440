// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tables of functions of Device.h and HostDevice.h for a CPU.
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"
#include "devices/cpu/LibraryPlan.h"
#include "devices/cpu/Matmul.h"
#include "program/format/Half.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>

namespace dpcrt {

using KernelFunction = void (*)(void *const *buffers, int64_t begin, int64_t end);

namespace {
struct CpuLaunch : PreparedLaunch {
  KernelFunction function;
  uint64_t range, piece, scratch;
  bool share; // long enough that helpers pay
};

struct CpuCall : PreparedCall {
  std::unique_ptr<LibraryPlan> plan;
};

// How long a lane keeps its core while others wait: short against a micro-batch,
// long against a change of threads.
constexpr int64_t quantumNs = 200'000;

class CpuLane : public Lane {
public:
  explicit CpuLane(Cores &cores) : cores(cores) {}
  ~CpuLane() override { leave(); }
  int64_t enter() override {
    if (core >= 0)
      return 0;
    omp_set_num_threads(1); // per calling thread
    int64_t begin = nowNs();
    core = cores.acquire();
    since = nowNs();
    return since - begin;
  }
  void leave() override {
    if (core >= 0)
      cores.release(core);
    core = -1;
  }
  bool yield() override {
    if (core < 0 || !cores.contended())
      return false;
    if (nowNs() - since < quantumNs)
      return false;
    leave();
    return true;
  }

  Cores &cores;
  int core = -1;
  int64_t since = 0;
};

struct Unmap {
  uint64_t bytes;
  void operator()(void *p) const { munmap(p, bytes); }
};
using Mapping = std::unique_ptr<void, Unmap>;

class CpuDevice : public HostDevice {
public:
  explicit CpuDevice(unsigned threads) : cores(threads), libraries(threads) {}
  ~CpuDevice() override {
    if (kernels)
      dlclose(kernels);
  }
  const char *name() const override { return "cpu"; }

  Status allocate(uint64_t bytes, MemoryKind, DeviceAddress &out) override {
    // From 1 MiB on in pages of 2 MiB, if the system has some: a matmul touches
    // hundreds of small pages at a time.
    constexpr uint64_t smallPage = 4096, hugePage = 2 << 20;
    uint64_t page = bytes >= hugePage / 2 ? hugePage : smallPage;
    uint64_t size = std::max<uint64_t>((bytes + page - 1) / page * page, page);
    // What lies before the first page boundary and behind the end is given back.
    uint64_t reserved = size + page - smallPage;
    if (size < bytes || reserved < size)
      return error(Code::OutOfMemory, "an arena of ", bytes, " bytes is too large");
    void *p = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      return error(Code::OutOfMemory, "out of memory: an arena needs ", bytes, " bytes");
    auto begin = reinterpret_cast<uintptr_t>(p), aligned = (begin + page - 1) / page * page;
    if (aligned > begin)
      munmap(p, aligned - begin);
    if (uint64_t rest = begin + reserved - (aligned + size))
      munmap(reinterpret_cast<void *>(aligned + size), rest);
    p = reinterpret_cast<void *>(aligned);
    if (page == hugePage)
      madvise(p, size, MADV_HUGEPAGE);
    memory.emplace_back(p, Unmap{size});
    out = addressOf(p);
    return {};
  }

  Status upload(DeviceAddress dst, const void *src, uint64_t bytes) override {
    std::memcpy(pointerTo(dst), src, bytes);
    return {};
  }
  Status download(void *dst, DeviceAddress src, uint64_t bytes) override {
    std::memcpy(dst, pointerTo(src), bytes);
    return {};
  }

  Status openKernels(const std::string &path, KernelTable given,
                     const std::vector<std::string> &features) override {
    if (Status s = checkCpuFeatures(features); !s.ok())
      return s;
    // An absolute path, or the dynamic loader would search for it.
    std::string file = path[0] == '/' ? path : "./" + path;
    kernels = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!kernels)
      return error(Code::Artifact, "cannot load the artifact's kernels: ", dlerror());
    table = std::move(given);
    return {};
  }

  Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) override {
    auto launch = std::make_unique<CpuLaunch>();
    std::string symbol(text(kernel.symbol()));
    void *address = kernels ? dlsym(kernels, symbol.c_str()) : nullptr;
    if (!address)
      return error(Code::Artifact, "the artifact's kernels have no '", symbol, "'");
    const fb::LoopShape *loops = table.findLoops(symbol);
    if (!loops)
      return error(Code::Artifact, "the artifact's kernel table does not say how '", symbol,
                   "' is run");
    launch->function = reinterpret_cast<KernelFunction>(address);
    launch->range = loops->range();
    launch->piece = loops->grain();
    launch->scratch = loops->scratch_bytes();
    double seconds = double(kernel.flops()) / 20e9 + double(kernel.bytes()) / 15e9;
    launch->share = seconds > kShareSeconds && launch->range > launch->piece;
    kernelScratch = std::max(kernelScratch, launch->scratch);
    launches.push_back(std::move(launch));
    out = launches.back().get();
    return {};
  }

  Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) override {
    auto prepared = std::make_unique<CpuCall>();
    if (Status s = planLibraryCall(call, libraries, prepared->plan); !s.ok())
      return s;
    calls.push_back(std::move(prepared));
    out = calls.back().get();
    return {};
  }

  Status finishPreparation() override {
    scratchPerCore = (std::max(kernelScratch, libraries.scratchBytes()) + 4095) / 4096 * 4096;
    scratch.assign(cores.count(), {});
    for (CallScratch &core : scratch) {
      DeviceAddress memory;
      if (Status s = allocate(scratchPerCore, MemoryKind::Device, memory); !s.ok())
        return s;
      core.memory = pointerTo(memory);
    }
    return cores.start();
  }
  uint64_t scratchBytes() const override { return scratchPerCore * cores.count(); }

  std::unique_ptr<Lane> makeLane() override { return std::make_unique<CpuLane>(cores); }
  void *hostPointer(DeviceAddress address) override { return pointerTo(address); }

  void launch(Lane &lane, const PreparedLaunch &prepared, const DeviceAddress *buffers,
              size_t count) override {
    auto &kernel = static_cast<const CpuLaunch &>(prepared);
    int core = static_cast<CpuLane &>(lane).core;
    Launching job{this, &kernel, pointersTo(buffers), count};
    if (kernel.share)
      cores.share(core, (kernel.range + kernel.piece - 1) / kernel.piece, &CpuDevice::launchPiece,
                  &job);
    else
      launchRange(job, core, 0, kernel.range);
  }

  Status call(Lane &lane, const PreparedCall &prepared, const DeviceAddress *buffers) override {
    auto &call = static_cast<const CpuCall &>(prepared);
    int core = static_cast<CpuLane &>(lane).core;
    Calling job{this, call.plan.get(), 0, pointersTo(buffers), ++callCount};
    for (size_t steps = call.plan->steps(); job.step < steps && !job.failed; ++job.step) {
      size_t pieces = call.plan->pieces(job.step);
      if (call.plan->isShared(job.step))
        cores.share(core, pieces, &CpuDevice::callPiece, &job);
      else
        for (size_t i = 0; i < pieces; ++i)
          callPiece(&job, core, i);
    }
    if (job.failed)
      return error(Code::Internal, "oneDNN failed in ", call.plan->implementation());
    return {};
  }

  void copy(Lane &, DeviceAddress dst, DeviceAddress src, uint64_t bytes) override {
    std::memmove(pointerTo(dst), pointerTo(src), bytes);
  }

  void fill(Lane &, DeviceAddress dst, uint32_t pattern, uint64_t bytes) override {
    if (pattern == 0) {
      std::memset(pointerTo(dst), 0, bytes);
      return;
    }
    auto *p = reinterpret_cast<uint32_t *>(pointerTo(dst));
    for (uint64_t i = 0; i < bytes / 4; ++i)
      p[i] = pattern;
  }

  void reduce(Lane &, DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
              uint64_t count, Element dtype) override {
    switch (dtype) {
    case Element::F32:
      return reduceAs<float>(dst, sources, sourceCount, count);
    case Element::F64:
      return reduceAs<double>(dst, sources, sourceCount, count);
    case Element::I64:
      return reduceAs<int64_t>(dst, sources, sourceCount, count);
    case Element::I32:
      return reduceAs<int32_t>(dst, sources, sourceCount, count);
    case Element::BF16:
    case Element::F16:
      return reduceHalf(dtype, dst, sources, sourceCount, count);
    default:
      assert(false && "refused at load");
    }
  }

private:
  struct Launching {
    CpuDevice *device;
    const CpuLaunch *kernel;
    void *const *buffers;
    size_t count;
  };
  struct Calling {
    CpuDevice *device;
    const LibraryPlan *plan;
    size_t step;
    void *const *buffers;
    uint64_t number; // of all calls
    std::atomic<bool> failed{false};
  };

  static void launchRange(Launching &job, int core, uint64_t begin, uint64_t end) {
    if (!job.kernel->scratch) {
      job.kernel->function(job.buffers, int64_t(begin), int64_t(end));
      return;
    }
    void *buffers[kMaxKernelBuffers + 1]; // its scratch
    std::memcpy(buffers, job.buffers, job.count * sizeof(void *));
    CallScratch &scratch = job.device->scratch[size_t(core)];
    scratch.forget();
    buffers[job.count] = scratch.memory;
    job.kernel->function(buffers, int64_t(begin), int64_t(end));
  }
  static void launchPiece(void *context, int core, uint64_t piece) {
    auto &job = *static_cast<Launching *>(context);
    uint64_t begin = piece * job.kernel->piece;
    launchRange(job, core, begin, std::min(begin + job.kernel->piece, job.kernel->range));
  }
  static void callPiece(void *context, int core, uint64_t piece) {
    auto &job = *static_cast<Calling *>(context);
    CallScratch &scratch = job.device->scratch[size_t(core)];
    if (scratch.call != job.number)
      scratch.forget();
    scratch.call = job.number;
    if (!job.plan->run(job.step, piece, core, scratch, job.buffers))
      job.failed = true;
  }

  // Blocks that stay in the cache, every source added in turn.
  template <typename T>
  static void reduceAs(DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
                       uint64_t count) {
    auto elements = [](DeviceAddress a) { return reinterpret_cast<T *>(pointerTo(a)); };
    constexpr uint64_t block = 1024;
    T sum[block];
    for (uint64_t begin = 0; begin < count; begin += block) {
      uint64_t n = std::min(block, count - begin);
      std::memcpy(sum, elements(sources[0]) + begin, n * sizeof(T));
      for (size_t s = 1; s < sourceCount; ++s) {
        const T *from = elements(sources[s]) + begin;
        for (uint64_t i = 0; i < n; ++i)
          sum[i] += from[i];
      }
      std::memcpy(elements(dst) + begin, sum, n * sizeof(T));
    }
  }

  // Added in f32, rounded once.
  static void reduceHalf(Element dtype, DeviceAddress dst, const DeviceAddress *sources,
                         size_t sourceCount, uint64_t count) {
    auto elements = [](DeviceAddress a) { return reinterpret_cast<uint16_t *>(pointerTo(a)); };
    constexpr uint64_t block = 1024;
    float sum[block], next[block];
    for (uint64_t begin = 0; begin < count; begin += block) {
      uint64_t n = std::min(block, count - begin);
      widenHalf(dtype, elements(sources[0]) + begin, sum, n);
      for (size_t s = 1; s < sourceCount; ++s) {
        widenHalf(dtype, elements(sources[s]) + begin, next, n);
        for (uint64_t i = 0; i < n; ++i)
          sum[i] += next[i];
      }
      narrowHalf(dtype, sum, elements(dst) + begin, n);
    }
  }

  Cores cores;
  CpuLibraries libraries;
  void *kernels = nullptr;
  KernelTable table;
  uint64_t kernelScratch = 0, scratchPerCore = 0;
  std::vector<CallScratch> scratch; // per core
  std::atomic<uint64_t> callCount{0};
  std::vector<Mapping> memory;
  std::vector<std::unique_ptr<CpuLaunch>> launches;
  std::vector<std::unique_ptr<CpuCall>> calls;
};
} // namespace

std::unique_ptr<HostDevice> makeCpuDevice(unsigned threads) {
  return std::make_unique<CpuDevice>(std::max(threads, 1u));
}

} // namespace dpcrt
