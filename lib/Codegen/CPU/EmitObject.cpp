// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM's optimiser and code generator, and the linker.
#include "../Optimize.h"
#include "MachineCode.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

namespace dpc::codegen {

llvm::Expected<std::string> emitObject(mlir::ModuleOp module, const Target &target) {
  auto error = [](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), message.str().c_str());
  };
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context, "kernels");
  if (!code)
    return error("kernels cannot be translated to LLVM IR");
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr("prefer-vector-width", target.vectorLanes == 16 ? "512" : "256");
    function.addFnAttr("min-legal-vector-width", target.vectorLanes == 16 ? "512" : "256");
    // No memset or memcpy in place of loops: the object has no undefined symbols.
    function.addFnAttr("no-builtins");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (function.hasInternalLinkage())
      function.addFnAttr(llvm::Attribute::AlwaysInline);
  }
  optimize(*code, *machine, llvm::OptimizationLevel::O2);
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return error("this LLVM cannot write object files for " + machine->getTargetTriple().str());
  passes.run(*code);
  return std::string(object);
}

llvm::Error linkSharedObject(llvm::ArrayRef<std::string> objects, llvm::StringRef output) {
  auto error = [](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
  };
  auto fileError = [](const llvm::Twine &message, std::error_code code) {
    return llvm::createStringError(code, message + ": " + code.message());
  };
  std::string linker;
  for (llvm::StringRef name : {"ld.lld-22", "ld.lld", "/usr/lib/llvm-22/bin/ld.lld"}) {
    if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name)) {
      linker = *found;
      break;
    }
  }
  if (linker.empty())
    return error(
        "the linker ld.lld-22 is needed to make kernels and was not found; the package is lld-22");
  // Beside the output, which lies in a folder that its owner removes: a compile that
  // is killed leaves nothing elsewhere.
  std::string folder = (output + ".parts").str();
  llvm::sys::fs::remove_directories(folder);
  if (std::error_code code = llvm::sys::fs::create_directory(folder))
    return fileError("cannot write " + output, code);
  std::vector<std::string> files;
  auto path = [&](llvm::StringRef name) { return (folder + "/" + name).str(); };
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(folder); });
  std::string messages = path("messages"), result = path("kernels.so");
  for (auto [i, object] : llvm::enumerate(objects)) {
    files.push_back(path("kernels" + std::to_string(i) + ".o"));
    std::error_code code;
    llvm::raw_fd_ostream stream(files.back(), code);
    if (!code) {
      stream << object;
      stream.close();
      code = stream.error();
    }
    stream.clear_error();
    if (code)
      return fileError("cannot write " + files.back(), code);
  }
  std::vector<llvm::StringRef> arguments = {
      linker,    "-shared",    "-nostdlib", "--no-undefined", "--build-id=none", "--hash-style=gnu",
      "-soname", "kernels.so", "-z",        "noexecstack",    "--strip-debug",   "-o",
      result};
  arguments.insert(arguments.end(), files.begin(), files.end());
  std::string why;
  int status = llvm::sys::ExecuteAndWait(
      linker, arguments, std::nullopt,
      {std::nullopt, llvm::StringRef(messages), llvm::StringRef(messages)}, 0, 0, &why);
  if (status != 0) {
    if (auto buffer = llvm::MemoryBuffer::getFile(messages))
      why += (*buffer)->getBuffer();
    return error("linking kernels failed: " + why);
  }
  if (std::error_code code = llvm::sys::fs::rename(result, output))
    return fileError("cannot write " + output, code);
  return llvm::Error::success();
}

} // namespace dpc::codegen
