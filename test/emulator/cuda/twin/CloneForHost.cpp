// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The same functions with one address space and a Thread as first parameter.
//
// Attributes and metadata are left behind: what they promise (noalias, readonly, invariant)
// was spent by the optimiser that made this module, and the host's code generator must not
// move an access across a call of the engine because of them.
#include "Steps.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/ValueMapper.h"

using namespace llvm;

namespace dpc::emulator {

namespace {

class OneAddressSpace : public ValueMapTypeRemapper {
public:
  Type *remapType(Type *type) override {
    LLVMContext &context = type->getContext();
    if (isa<PointerType>(type))
      return PointerType::get(context, Generic);
    if (auto *vector = dyn_cast<FixedVectorType>(type))
      return FixedVectorType::get(remapType(vector->getElementType()), vector->getNumElements());
    if (auto *array = dyn_cast<ArrayType>(type))
      return ArrayType::get(remapType(array->getElementType()), array->getNumElements());
    if (auto *structure = dyn_cast<StructType>(type)) {
      SmallVector<Type *> elements;
      for (Type *element : structure->elements())
        elements.push_back(remapType(element));
      if (ArrayRef<Type *>(elements) == structure->elements())
        return type;
      return StructType::get(context, elements, structure->isPacked());
    }
    if (auto *function = dyn_cast<FunctionType>(type)) {
      SmallVector<Type *> parameters;
      for (Type *parameter : function->params())
        parameters.push_back(remapType(parameter));
      return FunctionType::get(remapType(function->getReturnType()), parameters,
                               function->isVarArg());
    }
    return type;
  }
};

} // namespace

// Casts between address spaces that constants contain become instructions: a constant of
// the host would have nothing to cast.
static void expandCasts(Module &device) {
  for (Function &function : device)
    for (Instruction &instruction : make_early_inc_range(instructions(function)))
      for (Use &operand : instruction.operands()) {
        SmallVector<Constant *> casts;
        SmallVector<Value *> left = {operand.get()};
        while (!left.empty()) {
          auto *expression = dyn_cast<ConstantExpr>(left.pop_back_val());
          if (!expression)
            continue;
          if (expression->getOpcode() == Instruction::AddrSpaceCast)
            casts.push_back(expression);
          append_range(left, expression->operands());
        }
        if (!casts.empty())
          convertUsersOfConstantsToInstructions(casts, &function, false, true);
      }
}

static Function *declare(const Function &device, Module &host, OneAddressSpace &types) {
  auto *type = cast<FunctionType>(types.remapType(device.getFunctionType()));
  if (device.isDeclaration()) {
    Function *function =
        Function::Create(type, GlobalValue::ExternalLinkage, device.getName(), host);
    // The names of some intrinsics tell the address spaces of their operands.
    if (std::optional<Function *> other = Intrinsic::remangleIntrinsicFunction(function)) {
      function->eraseFromParent();
      function = *other;
    }
    return function;
  }
  SmallVector<Type *> parameters = {PointerType::get(host.getContext(), Generic)};
  append_range(parameters, type->params());
  return Function::Create(FunctionType::get(type->getReturnType(), parameters, false),
                          GlobalValue::InternalLinkage, device.getName(), host);
}

// What the mapping of types leaves: casts from and to the one space, calls without a
// thread.
static void finish(Function &function) {
  for (Instruction &instruction : make_early_inc_range(instructions(function))) {
    instruction.dropUnknownNonDebugMetadata();
    if (auto *cast = dyn_cast<AddrSpaceCastInst>(&instruction)) {
      cast->replaceAllUsesWith(cast->getOperand(0));
      cast->eraseFromParent();
      continue;
    }
    auto *call = dyn_cast<CallInst>(&instruction);
    if (!call)
      continue;
    // Not getCalledFunction, to which a function with one parameter more is another.
    auto *callee = cast<Function>(call->getCalledOperand());
    if (callee->isIntrinsic())
      continue; // some must keep what their operands say
    if (callee->getName() == kSharedPlace)
      continue;
    IRBuilder<> b(call);
    SmallVector<Value *> arguments = {function.getArg(0)};
    append_range(arguments, call->args());
    Value *result = b.CreateCall(callee, arguments);
    call->replaceAllUsesWith(result);
    call->eraseFromParent();
  }
}

void cloneForHost(const Module &original, Module &host) {
  std::unique_ptr<Module> device = CloneModule(original);
  expandCasts(*device);
  OneAddressSpace types;
  ValueToValueMapTy values;
  SmallVector<std::pair<GlobalVariable *, GlobalVariable *>> variables;
  for (GlobalVariable &variable : device->globals()) {
    auto *copy =
        new GlobalVariable(host, types.remapType(variable.getValueType()), variable.isConstant(),
                           GlobalValue::InternalLinkage, nullptr, variable.getName());
    copy->setAlignment(variable.getAlign());
    values[&variable] = copy;
    variables.push_back({&variable, copy});
  }
  for (Function &function : *device)
    values[&function] = declare(function, host, types);
  for (auto [from, to] : variables)
    to->setInitializer(MapValue(from->getInitializer(), values, RF_None, &types));
  for (Function &function : *device) {
    if (function.isDeclaration())
      continue;
    auto *copy = cast<Function>(values[&function]);
    for (Argument &argument : function.args())
      values[&argument] = copy->getArg(argument.getArgNo() + 1);
    SmallVector<ReturnInst *> returns;
    CloneFunctionInto(copy, &function, values, CloneFunctionChangeType::DifferentModule, returns,
                      "", nullptr, &types);
    copy->setCallingConv(CallingConv::C);
    copy->setAttributes({});
    copy->setLinkage(GlobalValue::InternalLinkage);
    copy->setVisibility(GlobalValue::DefaultVisibility);
    copy->clearMetadata();
    copy->setComdat(nullptr);
    copy->addFnAttr(Attribute::NoUnwind);
    copy->addFnAttr("no-builtins");
    finish(*copy);
  }
}

} // namespace dpc::emulator
