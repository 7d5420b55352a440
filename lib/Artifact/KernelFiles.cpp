// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelFiles.h.
#include "KernelFiles.h"

#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "dpc/Dialect/Library/Library.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/Prog/Prog.h"
#include "program/format/KernelTable.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dpc::artifact {
namespace {

std::unique_ptr<dpcrt::fb::KernelEntryT> entryOf(const std::string &symbol) {
  auto entry = std::make_unique<dpcrt::fb::KernelEntryT>();
  entry->symbol = symbol;
  return entry;
}

std::string bytesOf(dpcrt::fb::KernelTableT table) {
  std::vector<uint8_t> bytes = dpcrt::writeKernelTable(std::move(table));
  return {bytes.begin(), bytes.end()};
}

// A shared object for each target, and a table: how far loops go differs with vectors.
int compileForProcessor(ModuleOp module, const std::string &name, const std::string &directory,
                        KernelFiles &out) {
  codegen::TargetOptions target;
  target.target = name;
  std::string stem = "kernels/" + name;
  llvm::replace(stem, ':', '-');
  std::string code = stem + ".so", shapes = stem + ".table";
  std::error_code fileError;
  FailureOr<codegen::CompiledKernels> compiled =
      codegen::compileKernels(module, target, directory + "/" + code, &fileError);
  if (failed(compiled)) {
    // What no kernel computes is the model's matter; all else would be ours.
    ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
    return fileError ? 11 : failed(codegen::checkKernels(module, target)) ? 3 : 70;
  }
  dpcrt::fb::KernelTableT table;
  table.target = name;
  for (const codegen::CompiledKernel &kernel : compiled->kernels) {
    out.work[kernel.symbol] = {kernel.flops, kernel.bytes};
    dpcrt::fb::LoopShapeT loops;
    loops.range = kernel.range;
    loops.grain = kernel.grain;
    loops.scratch_bytes = kernel.scratchBytes;
    table.kernels.push_back(entryOf(kernel.symbol));
    table.kernels.back()->shape.Set(std::move(loops));
  }
  out.contents.push_back({shapes, bytesOf(std::move(table))});
  out.written.push_back(code);
  out.targets.push_back({name, "cpu", code, shapes, compiled->features});
  out.kernels = compiled->kernels.size();
  return 0;
}

dpcrt::fb::KernelTableT tableOf(const codegen::CompiledCudaKernels &compiled) {
  dpcrt::fb::KernelTableT table;
  table.target = "cuda";
  for (const codegen::CudaKernel &kernel : compiled.kernels) {
    dpcrt::fb::DeviceShapeT shape;
    shape.scratch_bytes = kernel.scratchBytes;
    for (const codegen::DeviceLaunch &launch : kernel.launches) {
      auto function = std::make_unique<dpcrt::fb::DeviceFunctionT>();
      function->symbol = launch.symbol;
      function->grid = launch.grid;
      function->block = launch.block;
      function->shared_bytes = uint32_t(launch.sharedBytes);
      for (const codegen::CudaImage &image : compiled.images)
        for (const codegen::DeviceFigures &figures : image.figures)
          if (figures.symbol == launch.symbol) {
            auto use = std::make_unique<dpcrt::fb::DeviceUseT>();
            use->architecture = image.architecture;
            use->registers = figures.registers;
            use->spill_bytes = figures.spillBytes;
            use->stack_bytes = figures.stackBytes;
            function->uses.push_back(std::move(use));
          }
      shape.functions.push_back(std::move(function));
    }
    table.kernels.push_back(entryOf(kernel.symbol));
    table.kernels.back()->shape.Set(std::move(shape));
  }
  return table;
}

// "sm_90" is 90.
unsigned numberOf(StringRef architecture) {
  unsigned number = 0;
  architecture.substr(architecture.find('_') + 1).getAsInteger(10, number);
  return number;
}

// Each library function that GPUs have none of, once, by a node that calls it.
LogicalResult checkCalls(ModuleOp module) {
  llvm::StringSet<> told;
  module.walk([&](prog::CallOp call) {
    if (isa<library::MatmulAttr>(call.getFunction()))
      return;
    const std::string node = nn::describe(call.getLoc());
    if (told.insert(node).second)
      call.emitError() << "node '" << node << "' is a convolution, which is not computed on CUDA "
                       << "devices; --target cpu computes it";
  });
  return success(told.empty());
}

// Cubins for the architectures that were asked for, newest first, then PTX of the oldest, which
// all devices from there on take. The table is one for all of them.
int compileForGpus(ModuleOp module, const std::vector<std::string> &names,
                   const std::string &directory, KernelFiles &out) {
  if (failed(checkCalls(module)))
    return 3;
  codegen::CudaOptions options;
  for (StringRef name : names)
    options.architectures.push_back(name.split(':').second.str());
  llvm::sort(options.architectures,
             [](StringRef a, StringRef b) { return numberOf(a) > numberOf(b); });
  options.folder = directory;
  FailureOr<codegen::CompiledCudaKernels> compiled = codegen::compileCudaKernels(module, options);
  if (failed(compiled))
    return 3;
  for (const codegen::CudaKernel &kernel : compiled->kernels)
    out.work[kernel.symbol] = {kernel.flops, kernel.bytes};
  out.kernels = compiled->kernels.size();
  const std::string table = "kernels/cuda.table";
  out.contents.push_back({table, bytesOf(tableOf(*compiled))});
  for (const codegen::CudaImage &image : compiled->images) {
    if (image.cubin.empty())
      continue;
    std::string file = "kernels/" + image.architecture + ".cubin";
    out.contents.push_back({file, image.cubin});
    out.targets.push_back(
        {"cuda:" + image.architecture, "cuda", file, table, {image.architecture}});
  }
  const codegen::CudaImage &oldest = compiled->images.back();
  const std::string architecture = "compute_" + std::to_string(numberOf(oldest.architecture)),
                    file = "kernels/" + architecture + ".ptx";
  out.contents.push_back({file, oldest.ptx});
  out.targets.push_back({"cuda:" + architecture, "cuda", file, table, {architecture}});
  if (compiled->ptxas.empty())
    out.note = "no ptxas was found: the artifact has PTX alone, which the GPU's driver compiles at "
               "load";
  return 0;
}

} // namespace

int compileTargets(ModuleOp module, const std::vector<std::string> &names,
                   const std::string &directory, KernelFiles &out) {
  if (StringRef(names.front()).starts_with("cuda:"))
    return compileForGpus(module, names, directory, out);
  for (const std::string &name : names)
    if (int status = compileForProcessor(module, name, directory, out))
      return status;
  return 0;
}

} // namespace dpc::artifact
