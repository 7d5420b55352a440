// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls to the engine, and the two steps that are little more: see Steps.h.
#include "Steps.h"

#include "../engine/Twin.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace dpc::emulator {

Value *EngineCalls::field(uint64_t offset, Type *type) {
  return b.CreateLoad(type, b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), thread, offset));
}

Value *EngineCalls::call(uint64_t offset, Type *result, ArrayRef<Value *> arguments,
                         bool withThread) {
  Value *services = field(offsetof(Thread, services), b.getPtrTy());
  Value *service =
      b.CreateLoad(b.getPtrTy(), b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), services, offset));
  SmallVector<Value *> all;
  if (withThread)
    all.push_back(thread);
  append_range(all, arguments);
  SmallVector<Type *> types;
  for (Value *argument : all)
    types.push_back(argument->getType());
  return b.CreateCall(FunctionType::get(result, types, false), service, all);
}

Value *perElement(IRBuilder<> &b, Type *result, ArrayRef<Value *> operands,
                  function_ref<Value *(ArrayRef<Value *>)> compute) {
  auto *vector = dyn_cast<FixedVectorType>(result);
  if (!vector)
    return compute(operands);
  Value *whole = PoisonValue::get(result);
  for (uint64_t i = 0; i < vector->getNumElements(); ++i) {
    SmallVector<Value *> elements;
    for (Value *operand : operands)
      elements.push_back(operand->getType()->isVectorTy() ? b.CreateExtractElement(operand, i)
                                                          : operand);
    whole = b.CreateInsertElement(whole, compute(elements), i);
  }
  return whole;
}

// The device takes an access of several elements apart unless it may rely on alignment, so
// what must be a multiple is what the instruction says, up to what one access can have.
static uint64_t neededAlignment(Align stated, uint64_t bytes) {
  constexpr uint64_t kMost = 16;
  return std::min({stated.value(), PowerOf2Ceil(bytes), kMost});
}

void checkAccesses(Module &host) {
  const DataLayout &layout = host.getDataLayout();
  for (Function &function : host)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      Value *address = getLoadStorePointerOperand(&instruction);
      Type *type = address ? getLoadStoreType(&instruction) : nullptr;
      bool write = !isa<LoadInst>(instruction);
      Align alignment = address ? getLoadStoreAlignment(&instruction) : Align();
      if (auto *atomic = dyn_cast<AtomicRMWInst>(&instruction)) {
        address = atomic->getPointerOperand();
        type = atomic->getType();
        alignment = atomic->getAlign();
      } else if (auto *exchange = dyn_cast<AtomicCmpXchgInst>(&instruction)) {
        address = exchange->getPointerOperand();
        type = exchange->getNewValOperand()->getType();
        alignment = exchange->getAlign();
      }
      if (!address)
        continue;
      uint64_t bytes = layout.getTypeStoreSize(type);
      IRBuilder<> b(&instruction);
      EngineCalls(b, function)
          .call(offsetof(Services, access), b.getVoidTy(),
                {address, b.getInt64(bytes), b.getInt32(neededAlignment(alignment, bytes)),
                 b.getInt32(write)});
    }
}

} // namespace dpc::emulator
