// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelFiles.h.
#include "KernelFiles.h"

#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "dpc/Dialect/Library/Library.h"
#include "dpc/Dialect/NN/Element.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/NN.h"
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

std::unique_ptr<dpcrt::fb::DeviceFunctionT>
functionOf(const codegen::DeviceLaunch &launch, const codegen::CompiledCudaKernels &compiled) {
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
  return function;
}

dpcrt::fb::KernelTableT tableOf(const codegen::CompiledCudaKernels &compiled) {
  dpcrt::fb::KernelTableT table;
  table.target = "cuda";
  for (const codegen::CudaKernel &kernel : compiled.kernels) {
    dpcrt::fb::DeviceShapeT shape;
    shape.scratch_bytes = kernel.scratchBytes;
    for (const codegen::DeviceLaunch &launch : kernel.launches)
      shape.functions.push_back(functionOf(launch, compiled));
    table.kernels.push_back(entryOf(kernel.symbol));
    table.kernels.back()->shape.Set(std::move(shape));
  }
  for (const codegen::CudaSum &sum : compiled.sums) {
    table.sums.push_back(std::make_unique<dpcrt::fb::SumFunctionT>());
    table.sums.back()->element = uint8_t(sum.element);
    table.sums.back()->sources = sum.sources;
    table.sums.back()->function = functionOf(sum.launch, compiled);
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

// The sums that collectives of the programs make, each once, ascending.
FailureOr<std::vector<codegen::CudaSum>> sumsOf(ModuleOp module) {
  const uint64_t dp = nn::getMeshSize(module, "dp").value_or(1),
                 ep = nn::getMeshSize(module, "ep").value_or(1);
  std::map<std::pair<dpcrt::Element, uint32_t>, codegen::CudaSum> sums;
  bool fits = true;
  module.walk([&](prog::CollectiveOp collective) {
    if (collective.getKind() != prog::CollectiveKind::AllReduce &&
        collective.getKind() != prog::CollectiveKind::ReduceScatter)
      return;
    auto group =
        SymbolTable::lookupNearestSymbolFrom<prog::GroupOp>(collective, collective.getGroupAttr());
    prog::Axes over = group.getOver().value_or(prog::Axes());
    uint64_t members = group.getMembers().size();
    for (auto [axis, size] : {std::pair(prog::Axes::Dp, dp), std::pair(prog::Axes::Ep, ep)})
      if (bitEnumContainsAll(over, axis))
        members *= size;
    if (members < 2)
      return; // a copy
    if (members > dpcrt::kMaxSumSources) {
      if (fits)
        collective.emitError() << "adds the values of " << members << " ranks, more than the "
                               << dpcrt::kMaxSumSources << " that a CUDA device adds at once";
      fits = false;
      return;
    }
    codegen::CudaSum sum;
    sum.element = *nn::getElement(collective.getSrc().getType().getElementType());
    sum.sources = uint32_t(members);
    sums.try_emplace({sum.element, sum.sources}, sum);
  });
  if (!fits)
    return failure();
  std::vector<codegen::CudaSum> each;
  for (const auto &[key, sum] : sums)
    each.push_back(sum);
  return each;
}

// Cubins for the architectures that were asked for, newest first, then PTX of the oldest, which
// all devices from there on take. The table is one for all of them.
int compileForGpus(ModuleOp module, const std::vector<std::string> &names,
                   const std::string &directory, bool keepsDeviceCode, KernelFiles &out) {
  if (failed(checkCalls(module)))
    return 3;
  codegen::CudaOptions options;
  for (StringRef name : names)
    options.architectures.push_back(name.split(':').second.str());
  llvm::sort(options.architectures,
             [](StringRef a, StringRef b) { return numberOf(a) > numberOf(b); });
  options.folder = directory;
  options.keepsModules = keepsDeviceCode;
  FailureOr<std::vector<codegen::CudaSum>> sums = sumsOf(module);
  if (failed(sums))
    return 3;
  options.sums = std::move(*sums);
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
    if (keepsDeviceCode)
      out.deviceCode.push_back({image.architecture, image.bitcode});
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
  if (keepsDeviceCode)
    out.deviceCode.push_back({architecture, oldest.bitcode});
  if (compiled->ptxas.empty())
    out.note = "no ptxas was found: the artifact has PTX alone, which the GPU's driver compiles at "
               "load";
  return 0;
}

} // namespace

int compileTargets(ModuleOp module, const std::vector<std::string> &names,
                   const std::string &directory, bool keepsDeviceCode, KernelFiles &out) {
  if (StringRef(names.front()).starts_with("cuda:"))
    return compileForGpus(module, names, directory, keepsDeviceCode, out);
  for (const std::string &name : names)
    if (int status = compileForProcessor(module, name, directory, out))
      return status;
  return 0;
}

} // namespace dpc::artifact
