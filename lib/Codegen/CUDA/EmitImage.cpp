// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM's optimiser and its generator of PTX.
#include "../Optimize.h"
#include "DeviceCode.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"

namespace dpc::codegen {

static llvm::Error error(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static std::string writeBitcode(const llvm::Module &module) {
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(module, stream);
  return bytes;
}

llvm::Expected<std::string> translateToBitcode(mlir::gpu::GPUModuleOp module) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context, "kernels");
  if (!code)
    return error("kernels cannot be translated to LLVM IR");
  return writeBitcode(*code);
}

llvm::Error emitPtx(llvm::StringRef bitcode, const Architecture &architecture, bool keepsModule,
                    CudaImage &image) {
  llvm::LLVMContext context;
  llvm::Expected<std::unique_ptr<llvm::Module>> module =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "kernels"), context);
  if (!module)
    return module.takeError();
  std::unique_ptr<llvm::TargetMachine> machine = architecture.createMachine();
  if (!machine)
    return error("this LLVM cannot generate code for " + architecture.name);
  (*module)->setTargetTriple(machine->getTargetTriple());
  (*module)->setDataLayout(machine->createDataLayout());
  optimize(**module, *machine, llvm::OptimizationLevel::O3);
  if (keepsModule)
    image.bitcode = writeBitcode(**module);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return error("this LLVM cannot write PTX for " + architecture.name);
  passes.run(**module);
  image.ptx = std::string(text);
  return llvm::Error::success();
}

} // namespace dpc::codegen
