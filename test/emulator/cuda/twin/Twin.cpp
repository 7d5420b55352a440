// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Twin.h; the steps are in Steps.h.
#include "Twin.h"

#include "Steps.h"

#include "MachineCode.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Scalar/ScalarizeMaskedMemIntrin.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

namespace dpc::emulator {

// How many threads a block of this kernel has at most; 0 where it does not say.
static uint64_t maxThreads(const Function &kernel) {
  for (StringRef name : {"nvvm.maxntid", "nvvm.reqntid"}) {
    SmallVector<StringRef> parts;
    kernel.getFnAttribute(name).getValueAsString().split(parts, ',', -1, false);
    uint64_t count = parts.empty() ? 0 : 1;
    for (StringRef part : parts) {
      uint64_t size = 0;
      count *= part.trim().getAsInteger(10, size) ? 0 : size;
    }
    if (count)
      return count;
  }
  return 0;
}

void takeMasksApart(Module &device) {
  // Without a machine, whose instructions could have masks.
  PassBuilder builder;
  FunctionAnalysisManager functions;
  builder.registerFunctionAnalyses(functions);
  for (Function &function : device)
    if (!function.isDeclaration())
      ScalarizeMaskedMemIntrinPass().run(function, functions);
}

Expected<std::unique_ptr<Module>> retarget(const Module &original, const TargetMachine &host) {
  if (Error error = checkDeviceCode(original))
    return std::move(error);
  std::unique_ptr<Module> device = CloneModule(original);
  StripDebugInfo(*device);
  takeMasksApart(*device);
  Expected<SharedMemory> shared = placeSharedMemory(*device);
  if (!shared)
    return shared.takeError();
  KernelNames names;
  for (const auto &[function, kernels] : kernelsOf(*device))
    for (const Function *kernel : kernels)
      names[function->getName()].push_back(kernel->getName().str());
  // What no kernel reaches was not checked either.
  for (Function &function : make_early_inc_range(*device))
    if (!function.isDeclaration() && !names.count(function.getName()))
      function.deleteBody();
  std::vector<KernelInfo> kernels;
  for (const Function &function : *device)
    if (isKernel(function))
      kernels.push_back(
          {function.getName().str(), maxThreads(function), shared->lookup(function.getName())});
  if (kernels.empty())
    return createStringError(inconvertibleErrorCode(), "the module has no kernels");

  auto twin = std::make_unique<Module>("twin", device->getContext());
  twin->setTargetTriple(host.getTargetTriple());
  twin->setDataLayout(host.createDataLayout());
  cloneForHost(*device, *twin);
  checkAccesses(*twin);
  addressSharedMemory(*twin);
  bool hasFma = !host.getTargetTriple().isX86() || host.getMCSubtargetInfo()->checkFeatures("+fma");
  std::vector<SiteInfo> sites = replaceIntrinsics(*twin, hasFma, names);
  expandSmallFloats(*twin);
  addTable(*twin, kernels, sites);
  std::string why;
  raw_string_ostream stream(why);
  if (verifyModule(*twin, &stream))
    return createStringError(inconvertibleErrorCode(), "the twin is no valid module: " + why);
  return std::move(twin);
}

Error writeTwin(const Module &device, StringRef output) {
  Expected<codegen::Target> target = codegen::Target::get("cpu:native");
  if (!target)
    return target.takeError();
  std::unique_ptr<TargetMachine> machine = target->createMachine();
  Expected<std::unique_ptr<Module>> twin = retarget(device, *machine);
  if (!twin)
    return twin.takeError();
  SmallString<0> object;
  raw_svector_ostream stream(object);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::ObjectFile))
    return createStringError(inconvertibleErrorCode(), "this LLVM cannot write object files for " +
                                                           machine->getTargetTriple().str());
  passes.run(**twin);
  return codegen::linkSharedObject({std::string(object)}, output);
}

} // namespace dpc::emulator
