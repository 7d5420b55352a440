// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Target.h.
#include "Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

#include <mutex>

namespace dpc::codegen {

static constexpr llvm::StringLiteral kTriple = "x86_64-unknown-linux-gnu";

static const llvm::Target *lookupTarget(std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
}

std::unique_ptr<llvm::TargetMachine> Target::createMachine() const {
  std::string error;
  const llvm::Target *target = lookupTarget(error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // A product and a sum stay two roundings: fusing them would let the choice of
  // kernels change bits.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(llvm::Triple(kTriple), cpu, features, options, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Default));
}

static constexpr llvm::StringLiteral kDefault = "cpu", kNative = "cpu:native";
// Levels of the x86-64 psABI, by the names that LLVM has for them too.
static constexpr llvm::StringLiteral kLevels[] = {"x86-64-v3", "x86-64-v4"};

std::vector<std::string> targetNames() {
  std::vector<std::string> names = {kDefault.str()};
  for (llvm::StringRef level : kLevels)
    names.push_back(("cpu:" + level).str());
  names.push_back(kNative.str());
  return names;
}

llvm::Expected<Target> Target::get(llvm::StringRef name) {
  Target target;
  llvm::StringRef level = name == kDefault ? llvm::StringRef(kLevels[0]) : name;
  level.consume_front("cpu:");
  if (llvm::is_contained(kLevels, level) && name != level) {
    target.cpu = level.str();
  } else if (name == kNative) {
    target.cpu = llvm::sys::getHostCPUName().str();
    std::vector<std::string> on, off;
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      (feature.second ? on : off).push_back((feature.second ? "+" : "-") + feature.first().str());
    llvm::sort(on);
    llvm::sort(off);
    on.insert(on.end(), off.begin(), off.end());
    target.features = llvm::join(on, ",");
  } else {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "there is no target '%s'; there are %s", name.str().c_str(),
                                   llvm::join(targetNames(), ", ").c_str());
  }
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  if (!machine)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "this LLVM cannot generate code for %s", kTriple.data());
  // Instruction sets that a loader must find on its machine; LLVM's list also has
  // tuning flags and modes, which are no instructions, and sets that no kernel uses.
  static constexpr llvm::StringLiteral sets[] = {
#define DPCRT_CPU_FEATURE(name) name,
#include "program/format/CpuFeatures.def"
  };
  const llvm::MCSubtargetInfo &info = *machine->getMCSubtargetInfo();
  for (llvm::StringRef set : sets)
    if (info.checkFeatures(("+" + set).str()))
      target.required.push_back(set.str());
  llvm::sort(target.required);
  if (info.checkFeatures("+avx512f"))
    target.vectorLanes = 16;
  return target;
}

} // namespace dpc::codegen
