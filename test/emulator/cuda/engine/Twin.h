// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a twin is: the form that the retargeting writes and the engine reads.
//
// A twin is a shared object of this host that computes what a module of device code
// computes. It has no undefined symbol and no state: every kernel gets a Thread, which
// says who it is, where its block's shared memory lies, and which functions serve it. So
// one twin may be executed by several engines at once. It exports one symbol, the
// TwinTable, with everything that a launch must know.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_TWIN_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_TWIN_H

#include <cstdint>

namespace dpc::emulator {

constexpr uint32_t kTwinVersion = 1;
constexpr char kTwinSymbol[] = "dpc_cuda_twin";
/// What ptxas lets a kernel declare.
constexpr uint64_t kStaticSharedLimit = 48 * 1024;

enum class Shuffle : uint32_t { Butterfly, Index, Up, Down };
enum class Vote : uint32_t { All, Any, Uniform, Ballot };
enum class Approximation : uint32_t { Exp2, Log2, Reciprocal, ReciprocalSqrt, Sqrt };

struct Thread;

/// What device code asks of the engine. `site` is the number of the asking instruction in
/// the twin's table.
struct Services {
  /// bar.sync: all threads of the block, or `count` of them where that is not zero.
  void (*barrier)(Thread *, uint32_t site, uint32_t aligned, uint32_t id, uint32_t count);
  /// bar.warp.sync.
  void (*warpBarrier)(Thread *, uint32_t site, uint32_t mask);
  /// shfl.sync: the value in the low half, the predicate in bit 32.
  uint64_t (*shuffle)(Thread *, uint32_t site, Shuffle mode, uint32_t mask, uint32_t value,
                      uint32_t lane, uint32_t clamp);
  /// vote.sync; `predicate` is 0 or 1.
  uint32_t (*vote)(Thread *, uint32_t site, Vote kind, uint32_t mask, uint32_t predicate);
  /// Called before every access to memory. Does not return if the access is not allowed.
  void (*access)(Thread *, const void *address, uint64_t bytes, uint32_t alignment, uint32_t write);
  void (*copy)(Thread *, void *to, const void *from, uint64_t bytes);
  void (*fill)(Thread *, void *to, uint32_t value, uint64_t bytes);
  /// The functions that the device has no exact form of. They are correctly rounded here or
  /// nearly; the device's bits may differ by as much as its manual says.
  float (*approximate)(Approximation function, float x, uint32_t flush);
  float (*halfToFloat)(uint32_t bits);
  uint16_t (*doubleToHalf)(double);   ///< to nearest, ties to even
  uint16_t (*doubleToBFloat)(double); ///< to nearest, ties to even
  /// a * b + c rounded to odd: rounding it once more to a float of at most half as many
  /// digits is as rounding once.
  double (*fmaToOdd)(double a, double b, double c);
  float (*fmaFloat)(float, float, float); ///< for processors without the instruction
  double (*fmaDouble)(double, double, double);
};

/// A thread of the device, as its code sees it.
struct Thread {
  uint32_t tid[3], ntid[3], ctaid[3], nctaid[3];
  uint32_t lane; ///< in its warp
  uint32_t warp; ///< in its block
  char *shared;  ///< the block's
  const Services *services;
};

struct SharedArray {
  const char *name;
  uint64_t offset, bytes;
};

struct Kernel {
  const char *name;
  /// Calls the kernel with parameters that lie where `arguments` point to.
  void (*run)(Thread *, void *const *arguments);
  const uint64_t *parameterBytes;
  uint64_t parameters;
  uint64_t buffers; ///< parameters that are pointers
  const SharedArray *arrays;
  uint64_t arrayCount;
  uint64_t sharedBytes;   ///< from the first array to the end of the last
  uint64_t dynamicOffset; ///< where shared memory begins whose size the launch says
  uint64_t usesDynamic;   ///< 0 or 1
  uint64_t maxThreads;    ///< of a block; 0 where the kernel does not say
};

/// An instruction at which threads wait for each other.
struct Site {
  const char *instruction; ///< "llvm.nvvm.shfl.sync.bfly.f32"
  const char *function;
  const char *const *kernels; ///< that reach it
  uint64_t kernelCount;
};

struct ReadOnlyData {
  const void *address;
  uint64_t bytes;
};

struct TwinTable {
  uint64_t version;
  const Kernel *kernels;
  uint64_t kernelCount;
  const Site *sites;
  uint64_t siteCount;
  const ReadOnlyData *constants;
  uint64_t constantCount;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_TWIN_H
