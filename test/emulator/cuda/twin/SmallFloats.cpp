// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floats of 16 bits. The device rounds each of their operations once, to nearest, and keeps
// subnormal numbers; the host's code generator would call functions that a twin does not
// link, or use instructions that flush. So each operation is computed in a wider type and
// its result rounded here.
//
// Sums, products, quotients and square roots of two such numbers, rounded to a float of 24
// digits and then to 8 or 11, are what one rounding gives: 24 is at least twice 11 and two.
// For a fused product and sum that does not hold; it is rounded to odd first.
#include "Steps.h"

#include "../engine/Twin.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;

namespace dpc::emulator {

static bool touchesSmallFloats(const Instruction &instruction) {
  return isSmallFloat(instruction.getType()) ||
         any_of(instruction.operands(),
                [](const Use &operand) { return isSmallFloat(operand->getType()); });
}

// Those that only move bits.
static bool movesOnly(const Instruction &instruction) {
  return isa<LoadInst, StoreInst, PHINode, SelectInst, BitCastInst, InsertElementInst,
             ExtractElementInst, InsertValueInst, ExtractValueInst, ShuffleVectorInst, FreezeInst,
             ReturnInst>(instruction);
}

// On operands of any float type, exact but for the last rounding.
static bool isWidenedIntrinsic(Intrinsic::ID id) {
  return is_contained({Intrinsic::sqrt, Intrinsic::minnum, Intrinsic::maxnum, Intrinsic::minimum,
                       Intrinsic::maximum, Intrinsic::minimumnum, Intrinsic::maximumnum,
                       Intrinsic::floor, Intrinsic::ceil, Intrinsic::trunc, Intrinsic::rint,
                       Intrinsic::nearbyint, Intrinsic::roundeven},
                      id);
}

bool knowsSmallFloats(const Instruction &instruction) {
  if (!touchesSmallFloats(instruction) || movesOnly(instruction))
    return true;
  switch (instruction.getOpcode()) {
  case Instruction::FAdd:
  case Instruction::FSub:
  case Instruction::FMul:
  case Instruction::FDiv:
  case Instruction::FNeg:
  case Instruction::FCmp:
  case Instruction::FPExt:
  case Instruction::FPTrunc:
  case Instruction::FPToSI:
  case Instruction::FPToUI:
    return true;
  case Instruction::SIToFP:
  case Instruction::UIToFP:
    return instruction.getOperand(0)->getType()->getScalarSizeInBits() <= 32;
  default:
    break;
  }
  auto *call = dyn_cast<CallInst>(&instruction);
  const Function *callee = call ? call->getCalledFunction() : nullptr;
  if (!callee)
    return false;
  if (!callee->isIntrinsic())
    return true;
  Intrinsic::ID id = callee->getIntrinsicID();
  if (isMasked(id)) // moves only
    return true;
  return isWidenedIntrinsic(id) || id == Intrinsic::fma || id == Intrinsic::fabs ||
         id == Intrinsic::copysign || callee->getName().starts_with("llvm.nvvm.");
}

namespace {

class Expander {
public:
  Expander(Instruction &instruction)
      : instruction(instruction), b(&instruction), calls(b, *instruction.getFunction()) {}

  Value *expand() {
    SmallVector<Value *> operands(instruction.operands());
    if (auto *call = dyn_cast<CallInst>(&instruction))
      operands.assign(call->arg_begin(), call->arg_end());
    return perElement(b, instruction.getType(), operands,
                      [&](ArrayRef<Value *> elements) { return element(elements); });
  }

private:
  Value *element(ArrayRef<Value *> x) {
    Type *type = elementOf(instruction.getType());
    switch (instruction.getOpcode()) {
    case Instruction::FNeg:
      return fromBits(b.CreateXor(bits(x[0]), 0x8000), type);
    case Instruction::FCmp:
      return b.CreateFCmp(cast<FCmpInst>(instruction).getPredicate(), widen(x[0]), widen(x[1]));
    case Instruction::FPExt:
      return b.CreateFPExt(widen(x[0]), type);
    case Instruction::FPToSI:
      return b.CreateFPToSI(widen(x[0]), type);
    case Instruction::FPToUI:
      return b.CreateFPToUI(widen(x[0]), type);
    case Instruction::FPTrunc:
      return narrow(x[0], type);
    case Instruction::SIToFP:
      return narrow(b.CreateSIToFP(x[0], b.getDoubleTy()), type);
    case Instruction::UIToFP:
      return narrow(b.CreateUIToFP(x[0], b.getDoubleTy()), type);
    case Instruction::Call:
      return call(cast<CallInst>(instruction).getIntrinsicID(), x, type);
    default:
      return narrow(b.CreateBinOp(static_cast<Instruction::BinaryOps>(instruction.getOpcode()),
                                  widen(x[0]), widen(x[1])),
                    type);
    }
  }

  Value *call(Intrinsic::ID id, ArrayRef<Value *> x, Type *type) {
    if (id == Intrinsic::fabs)
      return fromBits(b.CreateAnd(bits(x[0]), 0x7fff), type);
    if (id == Intrinsic::copysign)
      return fromBits(b.CreateOr(b.CreateAnd(bits(x[0]), 0x7fff), b.CreateAnd(bits(x[1]), 0x8000)),
                      type);
    SmallVector<Value *> wide;
    for (Value *operand : x)
      wide.push_back(id == Intrinsic::fma ? b.CreateFPExt(widen(operand), b.getDoubleTy())
                                          : widen(operand));
    if (id == Intrinsic::fma)
      return narrow(calls.call(offsetof(Services, fmaToOdd), b.getDoubleTy(), wide, false), type);
    return narrow(b.CreateIntrinsic(id, {b.getFloatTy()}, wide), type);
  }

  Value *bits(Value *x) { return b.CreateBitCast(x, b.getInt16Ty()); }
  Value *fromBits(Value *x, Type *type) { return b.CreateBitCast(x, type); }

  Value *widen(Value *x) {
    if (!isSmallFloat(x->getType()))
      return x;
    Value *wide = b.CreateZExt(bits(x), b.getInt32Ty());
    if (x->getType()->isHalfTy())
      return calls.call(offsetof(Services, halfToFloat), b.getFloatTy(), {wide}, false);
    return b.CreateBitCast(b.CreateShl(wide, 16), b.getFloatTy());
  }

  Value *narrow(Value *x, Type *type) {
    if (type->isBFloatTy() && x->getType()->isFloatTy()) {
      Value *raw = b.CreateBitCast(x, b.getInt32Ty());
      Value *isOdd = b.CreateAnd(b.CreateLShr(raw, 16), 1);
      Value *rounded = b.CreateAdd(b.CreateAdd(raw, b.getInt32(0x7fff)), isOdd);
      Value *high = b.CreateTrunc(b.CreateLShr(rounded, 16), b.getInt16Ty());
      return fromBits(b.CreateSelect(b.CreateFCmpUNO(x, x), b.getInt16(0x7fff), high), type);
    }
    uint64_t service =
        type->isHalfTy() ? offsetof(Services, doubleToHalf) : offsetof(Services, doubleToBFloat);
    Value *wide = b.CreateFPExt(x, b.getDoubleTy());
    return fromBits(calls.call(service, b.getInt16Ty(), {wide}, false), type);
  }

  Instruction &instruction;
  IRBuilder<> b;
  EngineCalls calls;
};

} // namespace

void expandSmallFloats(Module &host) {
  for (Function &function : host)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      if (!touchesSmallFloats(instruction) || movesOnly(instruction))
        continue;
      if (auto *call = dyn_cast<CallInst>(&instruction);
          call && (!call->getCalledFunction() || !call->getCalledFunction()->isIntrinsic()))
        continue;
      instruction.replaceAllUsesWith(Expander(instruction).expand());
      instruction.eraseFromParent();
    }
}

} // namespace dpc::emulator
