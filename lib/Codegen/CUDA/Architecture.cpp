// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Architecture.h.
#include "Architecture.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

#include <mutex>

namespace dpc::codegen {

static constexpr llvm::StringLiteral kTriple = "nvptx64-nvidia-cuda";

namespace {
// The version of PTX is 8.0, which drivers from 525 on read, or the least that knows the
// architecture if that is higher.
struct Known {
  llvm::StringLiteral name;
  unsigned ptxVersion;
};
} // namespace
static constexpr Known kKnown[] = {{"sm_80", 80},  {"sm_86", 80},  {"sm_87", 80},
                                   {"sm_89", 80},  {"sm_90", 80},  {"sm_100", 86},
                                   {"sm_103", 88}, {"sm_120", 87}, {"sm_121", 88}};

std::vector<std::string> cudaArchitectures() {
  std::vector<std::string> names;
  for (const Known &known : kKnown)
    names.push_back(known.name.str());
  return names;
}

llvm::Expected<Architecture> Architecture::get(llvm::StringRef name) {
  for (const Known &known : kKnown)
    if (known.name == name)
      return Architecture{name.str(), known.ptxVersion};
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 "there is no architecture '%s'; there are %s", name.str().c_str(),
                                 llvm::join(cudaArchitectures(), ", ").c_str());
}

std::unique_ptr<llvm::TargetMachine> Architecture::createMachine() const {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // Products and sums are written `mul.rn` and `add.rn`, which ptxas does not fuse either.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, name, "+ptx" + std::to_string(ptxVersion), options,
                                  std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

} // namespace dpc::codegen
