// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shows what the kernels of modules become on GPUs: dpc-cuda-test MODULE.mlir... OPTION...
// Each module is a dump after the kernels phase or a later one; of kernels with one name, which
// compute the same, the first is compiled. A line for each device function says how it is
// launched; options add to that:
//   --arch=A      compile for this architecture; several times for several. Default: sm_80
//   --sum=f32:3     also the sum of three sources of f32; several times for several
//   --no-cubin    run no ptxas
//   --print=ptx   also the PTX of each architecture; =llvm: the optimised LLVM IR
//   --print=figures  also registers, spills, stack and shared memory by ptxas
//   --quiet       not the lines, only how many there are
// dpc-cuda-test --find-ptxas prints where ptxas is.
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Driver/Registry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "program/format/KernelTable.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace dpc::codegen;

namespace {

int usage() {
  llvm::errs()
      << "usage: dpc-cuda-test MODULE.mlir... [--arch=A]... [--sum=TYPE:SOURCES]... [--no-cubin] "
         "[--print=ptx|llvm|figures]... [--quiet]\n";
  return 2;
}

void printLaunch(const DeviceLaunch &launch) {
  llvm::outs() << "  " << launch.symbol << ": grid " << launch.grid << ", block " << launch.block
               << ", shared " << launch.sharedBytes << ", " << launch.mapping << "\n";
}

void printKernel(const CudaKernel &kernel) {
  llvm::outs() << kernel.symbol << ": " << kernel.bufferBytes.size() << " buffers, scratch "
               << kernel.scratchBytes << "\n";
  for (const DeviceLaunch &launch : kernel.launches)
    printLaunch(launch);
}

/// "f32:3"; none for what is no such sum.
std::optional<CudaSum> readSum(StringRef text) {
  auto [element, sources] = text.split(':');
  CudaSum sum;
  std::optional<dpcrt::Element> type = dpcrt::elementNamed(element.str());
  if (!type || !dpcrt::isSummed(*type) || sources.getAsInteger(10, sum.sources) ||
      sum.sources < 2 || sum.sources > dpcrt::kMaxSumSources)
    return std::nullopt;
  sum.element = *type;
  return sum;
}

bool printModule(const CudaImage &image) {
  llvm::LLVMContext context;
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(image.bitcode, "kernels"), context);
  if (!module) {
    llvm::errs() << llvm::toString(module.takeError()) << "\n";
    return false;
  }
  (*module)->print(llvm::outs(), nullptr);
  return true;
}

void printFigures(const CudaImage &image) {
  for (const DeviceFigures &f : image.figures)
    llvm::outs() << image.architecture << " " << f.symbol << ": registers " << f.registers
                 << ", spills " << f.spillBytes << ", stack " << f.stackBytes << ", shared "
                 << f.sharedBytes << "\n";
}

// The kernels of all files; null if one cannot be read.
OwningOpRef<ModuleOp> readKernels(const std::vector<std::string> &files, MLIRContext *context) {
  OwningOpRef<ModuleOp> all = parseSourceFile<ModuleOp>(files.front(), context);
  for (const std::string &file : ArrayRef(files).drop_front()) {
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, context);
    if (!all || !module)
      return nullptr;
    SymbolTable known(*all);
    for (auto function : llvm::make_early_inc_range(module->getOps<func::FuncOp>()))
      if (function->hasAttr(dpc::dualpipe::kKernelAttr) && !known.lookup(function.getName())) {
        function->remove();
        known.insert(function);
      }
  }
  return all;
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && StringRef(argv[1]) == "--find-ptxas") {
    llvm::Expected<std::string> found = findPtxas();
    if (!found) {
      llvm::errs() << llvm::toString(found.takeError()) << "\n";
      return 1;
    }
    llvm::outs() << *found << "\n";
    return 0;
  }
  CudaOptions options;
  std::vector<std::string> files;
  bool ptx = false, llvmIR = false, figures = false, quiet = false;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument.consume_front("--arch="))
      options.architectures.push_back(argument.str());
    else if (argument.consume_front("--sum=")) {
      std::optional<CudaSum> sum = readSum(argument);
      if (!sum)
        return usage();
      options.sums.push_back(*sum);
    } else if (argument == "--no-cubin")
      options.cubins = false;
    else if (argument == "--print=ptx")
      ptx = true;
    else if (argument == "--print=llvm")
      llvmIR = options.keepsModules = true;
    else if (argument == "--print=figures")
      figures = true;
    else if (argument == "--quiet")
      quiet = true;
    else if (!argument.starts_with("--"))
      files.push_back(argument.str());
    else
      return usage();
  }
  if (files.empty())
    return usage();
  if (options.architectures.empty())
    options.architectures = {"sm_80"};
  DialectRegistry registry;
  dpc::registerAllDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = readKernels(files, &context);
  if (!module)
    return 1;
  FailureOr<CompiledCudaKernels> compiled = compileCudaKernels(*module, options);
  if (failed(compiled))
    return 1;
  size_t launches = 0;
  for (const CudaKernel &kernel : compiled->kernels) {
    launches += kernel.launches.size();
    if (!quiet)
      printKernel(kernel);
  }
  launches += compiled->sums.size();
  for (const CudaSum &sum : compiled->sums)
    if (!quiet)
      printLaunch(sum.launch);
  for (const CudaImage &image : compiled->images) {
    if (ptx)
      llvm::outs() << image.ptx;
    if (llvmIR && !printModule(image))
      return 1;
    if (figures)
      printFigures(image);
    llvm::outs() << image.architecture << ": PTX " << image.ptxVersion << ", cubin "
                 << (image.cubin.empty() ? "no" : "yes") << "\n";
  }
  llvm::outs() << compiled->kernels.size() << " kernels, " << launches << " device functions\n";
  return 0;
}
