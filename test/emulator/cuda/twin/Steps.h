// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps from device code to a twin, in their order:
//
//   1. checkDeviceCode      refuses what the steps below do not know (CheckDeviceCode.cpp)
//   2. takeMasksApart       accesses of several elements under a mask become one each
//   3. placeSharedMemory    shared arrays become places in the block's memory
//   4. cloneForHost         no address spaces, no attributes; a Thread for every function
//   5. checkAccesses        a call before each access to memory
//   6. addressSharedMemory  places of step 3 become addresses
//   7. replaceIntrinsics    calls to the engine in their place
//   8. expandSmallFloats    arithmetic on 16 bits
//   9. addTable             what the engine reads
#ifndef DPC_TEST_EMULATOR_CUDA_TWIN_STEPS_H
#define DPC_TEST_EMULATOR_CUDA_TWIN_STEPS_H

#include "llvm/ADT/MapVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace dpc::emulator {

/// Address spaces of device code.
enum AddressSpace : unsigned { Generic = 0, Global = 1, Shared = 3, Constants = 4, Local = 5 };

bool isKernel(const llvm::Function &function);
/// The kernels that call each function, themselves included, in the module's order.
using KernelsOf = llvm::MapVector<const llvm::Function *, std::vector<const llvm::Function *>>;
KernelsOf kernelsOf(const llvm::Module &module);

/// Whether takeMasksApart makes plain accesses of this intrinsic.
bool isMasked(llvm::Intrinsic::ID id);
/// As the device's back end does.
void takeMasksApart(llvm::Module &device);

/// What the table says of a kernel's shared memory.
struct KernelSharedMemory {
  struct Array {
    std::string name;
    uint64_t offset = 0, bytes = 0;
  };
  std::vector<Array> arrays;
  uint64_t bytes = 0, dynamicOffset = 0;
  bool usesDynamic = false;
};
/// By the kernel's name.
using SharedMemory = llvm::MapVector<llvm::StringRef, KernelSharedMemory>;

/// Replaces variables of shared memory by calls of a function that addressSharedMemory
/// replaces: the accesses between are device code's own.
llvm::Expected<SharedMemory> placeSharedMemory(llvm::Module &device);
inline constexpr llvm::StringLiteral kSharedPlace = "dpc.shared.place";

/// The functions and constants of `device` in `host`, which is empty but for its layout.
void cloneForHost(const llvm::Module &device, llvm::Module &host);

void checkAccesses(llvm::Module &host);
void addressSharedMemory(llvm::Module &host);

/// An instruction at which threads wait for each other.
struct SiteInfo {
  std::string instruction, function;
  std::vector<std::string> kernels;
};
/// Whether there is a replacement for the intrinsic of this name.
bool knowsIntrinsic(const llvm::Function &intrinsic);
/// The names of the kernels that reach each function, by its name.
using KernelNames = std::map<llvm::StringRef, std::vector<std::string>>;
std::vector<SiteInfo> replaceIntrinsics(llvm::Module &host, bool hasFma,
                                        const KernelNames &kernels);

/// Whether expandSmallFloats can do without this instruction, or knows it.
bool knowsSmallFloats(const llvm::Instruction &instruction);
void expandSmallFloats(llvm::Module &host);

struct KernelInfo {
  std::string name;
  uint64_t maxThreads = 0;
  KernelSharedMemory shared;
};
void addTable(llvm::Module &host, const std::vector<KernelInfo> &kernels,
              llvm::ArrayRef<SiteInfo> sites);

/// Writes calls to the engine.
class EngineCalls {
public:
  EngineCalls(llvm::IRBuilder<> &builder, llvm::Function &function)
      : b(builder), thread(function.getArg(0)) {}
  /// A number of the thread's, `offset` bytes into it.
  llvm::Value *field(uint64_t offset, llvm::Type *type);
  llvm::Value *number(uint64_t offset) { return field(offset, b.getInt32Ty()); }
  /// Calls the service at `offset` of Services; `withThread` if it takes the thread first.
  llvm::Value *call(uint64_t offset, llvm::Type *result, llvm::ArrayRef<llvm::Value *> arguments,
                    bool withThread = true);

private:
  llvm::IRBuilder<> &b;
  llvm::Value *thread;
};

/// The type of each element of a vector, or the type itself.
inline llvm::Type *elementOf(llvm::Type *type) { return type->getScalarType(); }
inline bool isSmallFloat(llvm::Type *type) {
  return type->getScalarType()->isHalfTy() || type->getScalarType()->isBFloatTy();
}
/// Computes a value of `result`'s type element by element from the elements of `operands`.
llvm::Value *perElement(llvm::IRBuilder<> &b, llvm::Type *result,
                        llvm::ArrayRef<llvm::Value *> operands,
                        llvm::function_ref<llvm::Value *(llvm::ArrayRef<llvm::Value *>)> compute);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_TWIN_STEPS_H
