// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of a twin, its constants being the structures of engine/Twin.h in their order.
#include "Steps.h"

#include "../engine/Twin.h"

#include "llvm/IR/Constants.h"

using namespace llvm;

namespace dpc::emulator {

namespace {

class TableWriter {
public:
  explicit TableWriter(Module &host)
      : host(host), context(host.getContext()), pointer(PointerType::get(context, Generic)) {}

  Constant *number(uint64_t value) { return ConstantInt::get(Type::getInt64Ty(context), value); }
  Constant *text(StringRef value) {
    return variable(ConstantDataArray::getString(context, value), "text");
  }
  Constant *structure(ArrayRef<Constant *> fields) { return ConstantStruct::getAnon(fields); }
  /// A pointer to the elements one after the other; null if there are none.
  Constant *array(ArrayRef<Constant *> elements, StringRef name) {
    if (elements.empty())
      return ConstantPointerNull::get(pointer);
    auto *type = ArrayType::get(elements.front()->getType(), elements.size());
    return variable(ConstantArray::get(type, elements), name);
  }

  Constant *kernel(Function &function, uint64_t maxThreads, const KernelSharedMemory &shared) {
    SmallVector<Constant *> parameters, arrays;
    uint64_t buffers = 0;
    for (Argument &argument : drop_begin(function.args())) {
      parameters.push_back(number(host.getDataLayout().getTypeAllocSize(argument.getType())));
      buffers += argument.getType()->isPointerTy();
    }
    for (const KernelSharedMemory::Array &each : shared.arrays)
      arrays.push_back(structure({text(each.name), number(each.offset), number(each.bytes)}));
    return structure({text(function.getName()), entry(function), array(parameters, "parameters"),
                      number(parameters.size()), number(buffers), array(arrays, "arrays"),
                      number(arrays.size()), number(shared.bytes), number(shared.dynamicOffset),
                      number(shared.usesDynamic), number(maxThreads)});
  }

  Constant *site(const SiteInfo &info) {
    SmallVector<Constant *> kernels;
    for (const std::string &kernel : info.kernels)
      kernels.push_back(text(kernel));
    return structure({text(info.instruction), text(info.function), array(kernels, "kernels"),
                      number(kernels.size())});
  }

private:
  GlobalVariable *variable(Constant *value, StringRef name) {
    return new GlobalVariable(host, value->getType(), true, GlobalValue::InternalLinkage, value,
                              "table." + name);
  }

  // Loads each parameter from where its pointer says and calls the kernel.
  Function *entry(Function &kernel) {
    auto *type = FunctionType::get(Type::getVoidTy(context), {pointer, pointer}, false);
    auto *function =
        Function::Create(type, GlobalValue::InternalLinkage, kernel.getName() + ".entry", host);
    function->addFnAttr(Attribute::NoUnwind);
    IRBuilder<> b(BasicBlock::Create(context, "", function));
    SmallVector<Value *> arguments = {function->getArg(0)};
    for (Argument &argument : drop_begin(kernel.args())) {
      Value *place = b.CreateLoad(
          pointer, b.CreateConstGEP1_64(pointer, function->getArg(1), argument.getArgNo() - 1));
      arguments.push_back(b.CreateLoad(argument.getType(), place));
    }
    b.CreateCall(&kernel, arguments);
    b.CreateRetVoid();
    return function;
  }

  Module &host;
  LLVMContext &context;
  PointerType *pointer;
};

} // namespace

void addTable(Module &host, const std::vector<KernelInfo> &kernels, ArrayRef<SiteInfo> sites) {
  SmallVector<Constant *> constants;
  TableWriter writer(host);
  for (GlobalVariable &variable : host.globals())
    constants.push_back(writer.structure(
        {&variable,
         writer.number(host.getDataLayout().getTypeAllocSize(variable.getValueType()))}));
  SmallVector<Constant *> kernelConstants, siteConstants;
  for (const KernelInfo &kernel : kernels)
    kernelConstants.push_back(
        writer.kernel(*host.getFunction(kernel.name), kernel.maxThreads, kernel.shared));
  for (const SiteInfo &site : sites)
    siteConstants.push_back(writer.site(site));
  Constant *table =
      writer.structure({writer.number(kTwinVersion), writer.array(kernelConstants, "kernels"),
                        writer.number(kernelConstants.size()), writer.array(siteConstants, "sites"),
                        writer.number(siteConstants.size()), writer.array(constants, "constants"),
                        writer.number(constants.size())});
  new GlobalVariable(host, table->getType(), true, GlobalValue::ExternalLinkage, table,
                     kTwinSymbol);
}

} // namespace dpc::emulator
