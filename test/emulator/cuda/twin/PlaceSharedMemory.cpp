// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a block's shared arrays lie. An array that several kernels use, by a function that
// they all call, lies at one place for all of them; others may share places. Between two
// arrays of a kernel are some bytes that belong to neither.
#include "Steps.h"

#include "../engine/Twin.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace llvm;

namespace dpc::emulator {

static constexpr uint64_t kGap = 64;

namespace {
struct Placed {
  GlobalVariable *variable;
  uint64_t offset = 0, bytes = 0;
  std::set<const Function *> kernels;
};
} // namespace

static bool isDynamic(const GlobalVariable &variable) { return variable.isDeclaration(); }

// The lowest place that no array of the same kernels has.
static uint64_t place(const Placed &array, Align alignment, ArrayRef<Placed> others) {
  uint64_t offset = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Placed &other : others) {
      bool together = any_of(array.kernels, [&](auto *k) { return other.kernels.count(k); });
      if (together && offset < other.offset + other.bytes + kGap &&
          other.offset < offset + array.bytes + kGap) {
        offset = alignTo(other.offset + other.bytes + kGap, alignment);
        moved = true;
      }
    }
  }
  return offset;
}

Expected<SharedMemory> placeSharedMemory(Module &device) {
  SmallVector<GlobalVariable *> variables;
  SmallVector<Constant *> constants;
  for (GlobalVariable &variable : device.globals())
    if (variable.getAddressSpace() == Shared) {
      variables.push_back(&variable);
      constants.push_back(&variable);
    }
  convertUsersOfConstantsToInstructions(constants);
  KernelsOf kernels = kernelsOf(device);
  SmallVector<Placed> placed;
  SmallVector<std::pair<GlobalVariable *, std::set<const Function *>>> dynamic;
  SharedMemory result;
  for (Function &function : device)
    if (isKernel(function))
      result[function.getName()];
  for (GlobalVariable *variable : variables) {
    Placed array{variable};
    for (User *user : variable->users())
      if (auto *instruction = dyn_cast<Instruction>(user))
        for (const Function *kernel : kernels.lookup(instruction->getFunction()))
          array.kernels.insert(kernel);
    if (isDynamic(*variable)) {
      dynamic.push_back({variable, array.kernels});
      continue;
    }
    const DataLayout &layout = device.getDataLayout();
    array.bytes = layout.getTypeAllocSize(variable->getValueType());
    Align alignment = std::max(variable->getAlign().valueOrOne(),
                               layout.getABITypeAlign(variable->getValueType()));
    array.offset = place(array, alignment, placed);
    placed.push_back(array);
  }
  uint64_t end = 0;
  for (const Placed &array : placed)
    end = std::max(end, alignTo(array.offset + array.bytes + kGap, kGap));
  auto replace = [&](GlobalVariable *variable, uint64_t offset) {
    FunctionCallee callee =
        device.getOrInsertFunction(kSharedPlace, PointerType::get(device.getContext(), Shared),
                                   Type::getInt64Ty(device.getContext()));
    for (Function &function : device) {
      if (function.isDeclaration())
        continue;
      Instruction *pointer = nullptr;
      for (Use &use : make_early_inc_range(variable->uses())) {
        auto *user = dyn_cast<Instruction>(use.getUser());
        if (!user || user->getFunction() != &function)
          continue;
        if (!pointer) {
          IRBuilder<> b(&*function.getEntryBlock().getFirstInsertionPt());
          pointer = b.CreateCall(callee, b.getInt64(offset));
        }
        use.set(pointer);
      }
    }
  };
  for (const Placed &array : placed) {
    for (Function &function : device) {
      if (!isKernel(function) || !array.kernels.count(&function))
        continue;
      KernelSharedMemory &memory = result[function.getName()];
      memory.arrays.push_back({array.variable->getName().str(), array.offset, array.bytes});
      memory.bytes = std::max(memory.bytes, array.offset + array.bytes);
      uint64_t declared = 0;
      for (const auto &each : memory.arrays)
        declared += each.bytes;
      if (declared > kStaticSharedLimit)
        return createStringError(inconvertibleErrorCode(),
                                 "kernel '%s': it declares more than %llu bytes of shared memory",
                                 function.getName().str().c_str(),
                                 (unsigned long long)kStaticSharedLimit);
    }
    replace(array.variable, array.offset);
  }
  for (auto &[variable, users] : dynamic) {
    for (const Function *kernel : users) {
      result[kernel->getName()].usesDynamic = true;
      result[kernel->getName()].dynamicOffset = end;
    }
    replace(variable, end);
  }
  for (GlobalVariable *variable : variables) {
    variable->removeDeadConstantUsers();
    if (!variable->use_empty())
      return createStringError(inconvertibleErrorCode(),
                               "variable '%s': shared memory in a constant is not known",
                               variable->getName().str().c_str());
    variable->eraseFromParent();
  }
  return result;
}

void addressSharedMemory(Module &host) {
  Function *place = host.getFunction(kSharedPlace);
  if (!place)
    return;
  for (User *user : make_early_inc_range(place->users())) {
    auto *call = cast<CallInst>(user);
    IRBuilder<> b(call);
    Value *shared =
        EngineCalls(b, *call->getFunction()).field(offsetof(Thread, shared), b.getPtrTy());
    call->replaceAllUsesWith(b.CreateGEP(b.getInt8Ty(), shared, call->getArgOperand(0)));
    call->eraseFromParent();
  }
  place->eraseFromParent();
}

} // namespace dpc::emulator
