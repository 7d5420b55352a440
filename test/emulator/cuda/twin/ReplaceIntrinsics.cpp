// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The intrinsics of device code, and what stands for each of them: a field of the thread, a
// call of the engine, an operation of the host. One that is not in a table here is refused
// by checkDeviceCode.
#include "Steps.h"

#include "../engine/Twin.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Intrinsics.h"

#include <functional>

using namespace llvm;

namespace dpc::emulator {

namespace {

struct Replacer {
  IRBuilder<> b;
  EngineCalls calls;
  std::vector<SiteInfo> &sites;
  const std::vector<std::string> &kernels;

  Replacer(CallInst &call, std::vector<SiteInfo> &sites, const std::vector<std::string> &kernels)
      : b(&call), calls(b, *call.getFunction()), sites(sites), kernels(kernels) {}

  Value *site(CallInst &call) {
    sites.push_back(
        {call.getCalledFunction()->getName().str(), call.getFunction()->getName().str(), kernels});
    return b.getInt32(sites.size() - 1);
  }
  Value *u32(uint32_t value) { return b.getInt32(value); }
};

using Replacement = std::function<Value *(Replacer &, CallInst &)>;

Replacement field(uint64_t offset) {
  return [=](Replacer &r, CallInst &) { return r.calls.number(offset); };
}

Replacement nothing() {
  return [](Replacer &, CallInst &) -> Value * { return nullptr; };
}

// A barrier of the block: operands are its number and, if `counted`, how many threads.
Replacement barrier(bool aligned, bool counted) {
  return [=](Replacer &r, CallInst &call) -> Value * {
    r.calls.call(offsetof(Services, barrier), r.b.getVoidTy(),
                 {r.site(call), r.u32(aligned), call.getArgOperand(0),
                  counted ? call.getArgOperand(1) : r.u32(0)});
    return nullptr;
  };
}

Value *warpBarrier(Replacer &r, CallInst &call) {
  r.calls.call(offsetof(Services, warpBarrier), r.b.getVoidTy(),
               {r.site(call), call.getArgOperand(0)});
  return nullptr;
}

// The value, or the value and whether its lane was in range.
Replacement shuffle(Shuffle mode, bool withPredicate) {
  return [=](Replacer &r, CallInst &call) -> Value * {
    Type *type = call.getArgOperand(1)->getType();
    Value *bits = r.b.CreateBitCast(call.getArgOperand(1), r.b.getInt32Ty());
    Value *both =
        r.calls.call(offsetof(Services, shuffle), r.b.getInt64Ty(),
                     {r.site(call), r.u32(static_cast<uint32_t>(mode)), call.getArgOperand(0), bits,
                      call.getArgOperand(2), call.getArgOperand(3)});
    Value *value = r.b.CreateBitCast(r.b.CreateTrunc(both, r.b.getInt32Ty()), type);
    if (!withPredicate)
      return value;
    Value *inRange = r.b.CreateTrunc(r.b.CreateLShr(both, 32), r.b.getInt1Ty());
    Value *pair = r.b.CreateInsertValue(PoisonValue::get(call.getType()), value, 0);
    return r.b.CreateInsertValue(pair, inRange, 1);
  };
}

Replacement vote(Vote kind) {
  return [=](Replacer &r, CallInst &call) {
    Value *predicate = r.b.CreateZExt(call.getArgOperand(1), r.b.getInt32Ty());
    Value *result = r.calls.call(
        offsetof(Services, vote), r.b.getInt32Ty(),
        {r.site(call), r.u32(static_cast<uint32_t>(kind)), call.getArgOperand(0), predicate});
    return kind == Vote::Ballot ? result : r.b.CreateTrunc(result, r.b.getInt1Ty());
  };
}

Replacement approximation(Approximation function, bool flush) {
  return [=](Replacer &r, CallInst &call) {
    return r.calls.call(
        offsetof(Services, approximate), r.b.getFloatTy(),
        {r.u32(static_cast<uint32_t>(function)), call.getArgOperand(0), r.u32(flush)}, false);
  };
}

Replacement operation(Instruction::BinaryOps opcode) {
  return [=](Replacer &r, CallInst &call) {
    return r.b.CreateBinOp(opcode, call.getArgOperand(0), call.getArgOperand(1));
  };
}

// An intrinsic of LLVM's own on the same operands.
Replacement generic(Intrinsic::ID id) {
  return [=](Replacer &r, CallInst &call) {
    SmallVector<Value *> operands(call.args());
    return r.b.CreateIntrinsic(id, {call.getType()}, operands);
  };
}

Value *reciprocal(Replacer &r, CallInst &call) {
  return r.b.CreateFDiv(ConstantFP::get(call.getType(), 1), call.getArgOperand(0));
}

Value *toBFloat(Replacer &r, CallInst &call) {
  return r.b.CreateFPTrunc(call.getArgOperand(0), r.b.getBFloatTy());
}

// The first operand is the high half.
Value *toTwoBFloats(Replacer &r, CallInst &call) {
  Value *pair = PoisonValue::get(call.getType());
  for (unsigned i : {0, 1})
    pair = r.b.CreateInsertElement(
        pair, r.b.CreateFPTrunc(call.getArgOperand(1 - i), r.b.getBFloatTy()), i);
  return pair;
}

const StringMap<Replacement> &replacements() {
  static const StringMap<Replacement> table = [] {
    StringMap<Replacement> t;
    for (unsigned i = 0; i < 3; ++i) {
      std::string axis(1, "xyz"[i]), prefix = "llvm.nvvm.read.ptx.sreg.";
      t[prefix + "tid." + axis] = field(offsetof(Thread, tid) + 4 * i);
      t[prefix + "ntid." + axis] = field(offsetof(Thread, ntid) + 4 * i);
      t[prefix + "ctaid." + axis] = field(offsetof(Thread, ctaid) + 4 * i);
      t[prefix + "nctaid." + axis] = field(offsetof(Thread, nctaid) + 4 * i);
    }
    t["llvm.nvvm.read.ptx.sreg.laneid"] = field(offsetof(Thread, lane));
    t["llvm.nvvm.read.ptx.sreg.warpsize"] = [](Replacer &r, CallInst &) { return r.u32(32); };

    t["llvm.nvvm.barrier.cta.sync.aligned.all"] = barrier(true, false);
    t["llvm.nvvm.barrier.cta.sync.aligned.count"] = barrier(true, true);
    t["llvm.nvvm.barrier.cta.sync.all"] = barrier(false, false);
    t["llvm.nvvm.barrier.cta.sync.count"] = barrier(false, true);
    t["llvm.nvvm.bar.warp.sync"] = warpBarrier;
    for (auto [name, mode] : {std::pair("bfly", Shuffle::Butterfly),
                              {"idx", Shuffle::Index},
                              {"up", Shuffle::Up},
                              {"down", Shuffle::Down}})
      for (StringRef type : {"i32", "f32"}) {
        std::string full = (Twine("llvm.nvvm.shfl.sync.") + name + "." + type).str();
        t[full] = shuffle(mode, false);
        t[full + "p"] = shuffle(mode, true);
      }
    t["llvm.nvvm.vote.all.sync"] = vote(Vote::All);
    t["llvm.nvvm.vote.any.sync"] = vote(Vote::Any);
    t["llvm.nvvm.vote.uni.sync"] = vote(Vote::Uniform);
    t["llvm.nvvm.vote.ballot.sync"] = vote(Vote::Ballot);
    // Threads of a block take turns, and blocks do: memory is always the same for all.
    for (StringRef scope : {"cta", "gl", "sys"})
      t[("llvm.nvvm.membar." + scope).str()] = nothing();

    t["llvm.nvvm.ex2.approx.f32"] = approximation(Approximation::Exp2, false);
    t["llvm.nvvm.ex2.approx.ftz.f32"] = approximation(Approximation::Exp2, true);
    t["llvm.exp2.f32"] = approximation(Approximation::Exp2, false);
    t["llvm.nvvm.lg2.approx.f"] = approximation(Approximation::Log2, false);
    t["llvm.nvvm.lg2.approx.ftz.f"] = approximation(Approximation::Log2, true);
    t["llvm.nvvm.rcp.approx.ftz.f"] = approximation(Approximation::Reciprocal, true);
    t["llvm.nvvm.rsqrt.approx.f"] = approximation(Approximation::ReciprocalSqrt, false);
    t["llvm.nvvm.rsqrt.approx.ftz.f"] = approximation(Approximation::ReciprocalSqrt, true);
    t["llvm.nvvm.sqrt.approx.f"] = approximation(Approximation::Sqrt, false);
    t["llvm.nvvm.sqrt.approx.ftz.f"] = approximation(Approximation::Sqrt, true);

    for (StringRef type : {"f", "d"}) {
      auto set = [&](StringRef name, Replacement replacement) {
        t[("llvm.nvvm." + name + "." + type).str()] = std::move(replacement);
      };
      set("add.rn", operation(Instruction::FAdd));
      set("mul.rn", operation(Instruction::FMul));
      set("div.rn", operation(Instruction::FDiv));
      set("rcp.rn", reciprocal);
      set("sqrt.rn", generic(Intrinsic::sqrt));
      set("fma.rn", generic(Intrinsic::fma));
      set("fmin", generic(Intrinsic::minnum));
      set("fmax", generic(Intrinsic::maxnum));
    }
    for (StringRef type : {"f16", "f16x2", "bf16", "bf16x2"}) {
      t[("llvm.nvvm.fma.rn." + type).str()] = generic(Intrinsic::fma);
      t[("llvm.nvvm.fmin." + type).str()] = generic(Intrinsic::minnum);
      t[("llvm.nvvm.fmax." + type).str()] = generic(Intrinsic::maxnum);
    }
    for (StringRef type : {"f", "bf16", "bf16x2", "f16", "f16x2"}) {
      t[("llvm.nvvm.fmin.nan." + type).str()] = generic(Intrinsic::minimum);
      t[("llvm.nvvm.fmax.nan." + type).str()] = generic(Intrinsic::maximum);
    }
    t["llvm.nvvm.f2bf16.rn"] = toBFloat;
    t["llvm.nvvm.ff2bf16x2.rn"] = toTwoBFloats;
    return t;
  }();
  return table;
}

// What says nothing of values.
bool isRemark(Intrinsic::ID id) {
  return is_contained({Intrinsic::lifetime_start, Intrinsic::lifetime_end, Intrinsic::assume,
                       Intrinsic::experimental_noalias_scope_decl, Intrinsic::donothing,
                       Intrinsic::sideeffect},
                      id);
}

bool movesBytes(Intrinsic::ID id) {
  return is_contained({Intrinsic::memcpy, Intrinsic::memmove, Intrinsic::memset}, id);
}

// What the host computes to the last bit as the device does.
bool isExact(Intrinsic::ID id) {
  static constexpr Intrinsic::ID ids[] = {Intrinsic::sqrt,
                                          Intrinsic::floor,
                                          Intrinsic::ceil,
                                          Intrinsic::trunc,
                                          Intrinsic::rint,
                                          Intrinsic::nearbyint,
                                          Intrinsic::roundeven,
                                          Intrinsic::fabs,
                                          Intrinsic::copysign,
                                          Intrinsic::minnum,
                                          Intrinsic::maxnum,
                                          Intrinsic::minimum,
                                          Intrinsic::maximum,
                                          Intrinsic::minimumnum,
                                          Intrinsic::maximumnum,
                                          Intrinsic::fma,
                                          Intrinsic::is_fpclass,
                                          Intrinsic::fptosi_sat,
                                          Intrinsic::fptoui_sat,
                                          Intrinsic::abs,
                                          Intrinsic::smax,
                                          Intrinsic::smin,
                                          Intrinsic::umax,
                                          Intrinsic::umin,
                                          Intrinsic::ctpop,
                                          Intrinsic::ctlz,
                                          Intrinsic::cttz,
                                          Intrinsic::bswap,
                                          Intrinsic::bitreverse,
                                          Intrinsic::fshl,
                                          Intrinsic::fshr,
                                          Intrinsic::scmp,
                                          Intrinsic::ucmp,
                                          Intrinsic::sadd_sat,
                                          Intrinsic::uadd_sat,
                                          Intrinsic::ssub_sat,
                                          Intrinsic::usub_sat,
                                          Intrinsic::expect,
                                          Intrinsic::sadd_with_overflow,
                                          Intrinsic::uadd_with_overflow,
                                          Intrinsic::ssub_with_overflow,
                                          Intrinsic::usub_with_overflow,
                                          Intrinsic::smul_with_overflow,
                                          Intrinsic::umul_with_overflow,
                                          Intrinsic::vector_extract,
                                          Intrinsic::vector_insert,
                                          Intrinsic::vector_reduce_add,
                                          Intrinsic::vector_reduce_mul,
                                          Intrinsic::vector_reduce_and,
                                          Intrinsic::vector_reduce_or,
                                          Intrinsic::vector_reduce_xor,
                                          Intrinsic::vector_reduce_smax,
                                          Intrinsic::vector_reduce_smin,
                                          Intrinsic::vector_reduce_umax,
                                          Intrinsic::vector_reduce_umin};
  return is_contained(ids, id);
}

void moveBytes(Replacer &r, CallInst &call) {
  Value *bytes = r.b.CreateZExt(call.getArgOperand(2), r.b.getInt64Ty());
  Value *second = call.getArgOperand(1);
  if (call.getIntrinsicID() == Intrinsic::memset)
    r.calls.call(offsetof(Services, fill), r.b.getVoidTy(),
                 {call.getArgOperand(0), r.b.CreateZExt(second, r.b.getInt32Ty()), bytes});
  else
    r.calls.call(offsetof(Services, copy), r.b.getVoidTy(), {call.getArgOperand(0), second, bytes});
}

Value *fmaByEngine(Replacer &r, CallInst &call) {
  bool isFloat = elementOf(call.getType())->isFloatTy();
  uint64_t offset = isFloat ? offsetof(Services, fmaFloat) : offsetof(Services, fmaDouble);
  return perElement(r.b, call.getType(), SmallVector<Value *>(call.args()), [&](auto operands) {
    return r.calls.call(offset, elementOf(call.getType()), operands, false);
  });
}

} // namespace

bool isMasked(Intrinsic::ID id) {
  return is_contained({Intrinsic::masked_load, Intrinsic::masked_store, Intrinsic::masked_gather,
                       Intrinsic::masked_scatter},
                      id);
}

bool knowsIntrinsic(const Function &intrinsic) {
  Intrinsic::ID id = intrinsic.getIntrinsicID();
  return replacements().count(intrinsic.getName()) || isRemark(id) || movesBytes(id) ||
         isMasked(id) || isExact(id);
}

std::vector<SiteInfo> replaceIntrinsics(Module &host, bool hasFma, const KernelNames &kernels) {
  std::vector<SiteInfo> sites;
  for (Function &function : host)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      auto *call = dyn_cast<CallInst>(&instruction);
      Function *callee = call ? call->getCalledFunction() : nullptr;
      if (!callee || !callee->isIntrinsic())
        continue;
      Replacer r(*call, sites, kernels.find(function.getName())->second);
      Intrinsic::ID id = callee->getIntrinsicID();
      Value *result = nullptr;
      auto known = replacements().find(callee->getName());
      if (known != replacements().end()) {
        result = known->second(r, *call);
        // An operation of LLVM's own may be one that this host lacks.
        auto *other = dyn_cast_or_null<CallInst>(result);
        if (!hasFma && other && other->getIntrinsicID() == Intrinsic::fma &&
            !isSmallFloat(other->getType())) {
          r.b.SetInsertPoint(call);
          result = fmaByEngine(r, *other);
          other->eraseFromParent();
        }
      } else if (movesBytes(id)) {
        moveBytes(r, *call);
      } else if (id == Intrinsic::fma && !hasFma && !isSmallFloat(call->getType())) {
        result = fmaByEngine(r, *call);
      } else if (!isRemark(id)) {
        continue;
      }
      if (result)
        call->replaceAllUsesWith(result);
      call->eraseFromParent();
    }
  for (Function &function : make_early_inc_range(host))
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent();
  return sites;
}

} // namespace dpc::emulator
