// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a twin cannot follow is refused here, all at once and by name: every later step may
// rely on it.
#include "Steps.h"
#include "Twin.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Operator.h"

using namespace llvm;

namespace dpc::emulator {

bool isKernel(const Function &function) {
  return !function.isDeclaration() && function.getCallingConv() == CallingConv::PTX_Kernel;
}

KernelsOf kernelsOf(const Module &module) {
  KernelsOf result;
  for (const Function &kernel : module) {
    if (!isKernel(kernel))
      continue;
    SmallPtrSet<const Function *, 8> seen = {&kernel};
    SmallVector<const Function *> left = {&kernel};
    while (!left.empty()) {
      const Function *function = left.pop_back_val();
      result[function].push_back(&kernel);
      for (const Instruction &instruction : instructions(*function))
        if (auto *call = dyn_cast<CallBase>(&instruction))
          if (const Function *callee = call->getCalledFunction())
            if (!callee->isDeclaration() && seen.insert(callee).second)
              left.push_back(callee);
    }
  }
  return result;
}

namespace {

class Checker {
public:
  explicit Checker(const Module &module) : module(module), kernels(kernelsOf(module)) {}

  std::vector<std::string> run() {
    if (!module.getTargetTriple().isNVPTX())
      say("the module is not made for NVIDIA GPUs, but for '" + module.getTargetTriple().str() +
          "'");
    for (const GlobalVariable &variable : module.globals())
      checkVariable(variable);
    for (const Function &function : module) {
      if (function.isDeclaration() || !kernels.contains(&function))
        continue;
      where = "kernel '" + kernels[&function].front()->getName().str() + "': ";
      checkFunction(function);
    }
    if (!module.alias_empty() || !module.ifunc_empty())
      say("aliases of functions are not known");
    return std::move(errors);
  }

private:
  void say(const Twine &message) {
    std::string text = (where + message).str();
    if (!is_contained(errors, text))
      errors.push_back(text);
  }

  void checkVariable(const GlobalVariable &variable) {
    if (variable.getAddressSpace() == Shared)
      return;
    std::string name = "variable '" + variable.getName().str() + "': ";
    if (!variable.isConstant())
      say(name + "memory that outlives a launch is not known");
    else if (variable.isDeclaration())
      say(name + "it is defined nowhere");
  }

  void checkFunction(const Function &function) {
    for (StringRef attribute : {"denormal-fp-math", "denormal-fp-math-f32"}) {
      StringRef mode = function.getFnAttribute(attribute).getValueAsString();
      if (!mode.empty() && mode != "ieee,ieee" && mode != "ieee")
        say("it flushes subnormal numbers to zero (" + attribute + " = " + mode +
            "), which the emulator does not");
    }
    if (function.isVarArg())
      say("functions of any number of arguments are not known");
    for (const Argument &argument : function.args()) {
      checkType(argument.getType());
      if (argument.hasPassPointeeByValueCopyAttr())
        say("parameter " + Twine(argument.getArgNo()) +
            " is passed as a structure, which is not known");
    }
    for (const Instruction &instruction : instructions(function))
      checkInstruction(instruction);
  }

  void checkType(Type *type) {
    if (auto *pointer = dyn_cast<PointerType>(type->getScalarType()))
      if (!is_contained({Generic, Global, Shared, Constants, Local}, pointer->getAddressSpace()))
        say("address space " + Twine(pointer->getAddressSpace()) + " is not known");
  }

  void checkInstruction(const Instruction &instruction) {
    checkType(instruction.getType());
    for (const Value *operand : instruction.operands())
      checkType(operand->getType());
    if (auto *math = dyn_cast<FPMathOperator>(&instruction)) {
      // The device's back end may choose what these flags allow, and the host's another.
      FastMathFlags flags = math->getFastMathFlags();
      for (auto [set, name] : {std::pair(flags.allowContract(), "contract"),
                               {flags.allowReassoc(), "reassoc"},
                               {flags.allowReciprocal(), "arcp"},
                               {flags.approxFunc(), "afn"}})
        if (set)
          say(Twine(describe(instruction)) + " has the flag '" + name +
              "', by which its bits are not fixed");
    }
    if (auto *call = dyn_cast<CallBase>(&instruction))
      checkCall(*call);
    else if (instruction.getOpcode() == Instruction::FRem)
      say("the remainder of floats is not known");
    else if (isa<InvokeInst, CallBrInst, VAArgInst, LandingPadInst>(instruction))
      say("the instruction " + StringRef(instruction.getOpcodeName()) + " is not known");
    if (!knowsSmallFloats(instruction))
      say(Twine(describe(instruction)) + " on floats of 16 bits is not known");
  }

  static std::string describe(const Instruction &instruction) {
    if (auto *call = dyn_cast<CallBase>(&instruction))
      if (const Function *callee = call->getCalledFunction())
        return callee->getName().str();
    return instruction.getOpcodeName();
  }

  void checkCall(const CallBase &call) {
    if (call.isInlineAsm())
      return say("inline assembly is not known");
    const Function *callee = call.getCalledFunction();
    if (!callee)
      return say("calls of functions through pointers are not known");
    if (!callee->isDeclaration())
      return;
    if (!callee->isIntrinsic())
      say("the function '" + callee->getName() + "' is defined nowhere");
    else if (!knowsIntrinsic(*callee))
      say("the emulator does not know the intrinsic " + callee->getName());
  }

  const Module &module;
  KernelsOf kernels;
  std::string where;
  std::vector<std::string> errors;
};

} // namespace

Error checkDeviceCode(const Module &device) {
  std::vector<std::string> errors = Checker(device).run();
  if (errors.empty())
    return Error::success();
  return createStringError(inconvertibleErrorCode(), join(errors, "\n"));
}

} // namespace dpc::emulator
