// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Executes every kernel of a module as a GPU's threads would, on the emulator, and compares
// it with the CPU's: dpc-cuda-kernel-test MODULE.mlir. The module is a dump after the
// kernels phase, so that kernels are tested as models really make them.
//
// Under all orders of threads a kernel must give the same bits; no byte beside its outputs
// may change, nothing outside of its buffers be read. Integers equal the CPU's. Floats are
// within a millionth of the tensor's largest number, or within four times what the CPU's
// kernel itself is away from the interpreter, which computes in doubles; those of 16 bits
// within a hundredth.
//
// With --leave-out each barrier and each shuffle is left out, one at a time, which must be
// noticed: by other bits, or by the engine. Operands are drawn anew for that with every
// order of threads, some of them so that what one thread has decides. --idle KERNEL:COUNT says
// of how many in a kernel it is known that they have nothing to do, no more and no less. A barrier
// of a warp that only orders accesses to global memory cannot show in bits here, where threads stop
// at shuffles, too; for those races are looked for.
//
// With --races two uses of one place in global memory are refused where no barrier lies
// between, one of them writing, whether or not a result can depend on it.
#include "GuardedBuffers.h"
#include "HostKernels.h"
#include "KernelOperands.h"
#include "Launch.h"
#include "Twin.h"
#include "TwinFile.h"

#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "dpc/Driver/Registry.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

#include <cmath>

using namespace mlir;
using dpc::reference::Tensor;

namespace dpc::emulator {
namespace {

struct Options {
  uint64_t seeds = 8;
  bool leavesOut = false;
  bool findsRaces = false;
  llvm::StringMap<uint64_t> idle; ///< barriers and shuffles that have nothing to do, by kernel
};

/// What leaving out each barrier and shuffle has shown.
struct LeftOut {
  uint64_t sites = 0, unnoticed = 0;
};

/// What one execution of a kernel gave: its buffers, or why it stopped.
struct Outcome {
  std::vector<Bytes> buffers;
  std::string error;
  bool operator==(const Outcome &other) const {
    return error == other.error && buffers == other.buffers;
  }
};

class KernelTester {
public:
  KernelTester(const TwinFile &twin, const codegen::CudaKernel &kernel, func::FuncOp function,
               const Options &options)
      : twin(twin), kernel(kernel), function(function), options(options),
        operands(test::drawOperands(function, kernel.bufferBytes, 1)) {}

  /// Everything that is wrong, one sentence each.
  std::vector<std::string> compare(const HostKernels &host, size_t index) {
    Outcome first = run(0);
    for (uint64_t seed = 1; seed < options.seeds && first.error.empty(); ++seed) {
      Outcome other = run(seed);
      if (!other.error.empty())
        first.error = other.error;
      else if (!(other == first))
        first.error = "gives other bits with seed " + std::to_string(seed) + " than with 0";
    }
    if (!first.error.empty())
      return {first.error};
    std::vector<std::string> wrong;
    std::vector<Bytes> want = host.run(index, operands.buffers);
    for (auto [r, type] : llvm::enumerate(function.getResultTypes())) {
      size_t buffer = operands.bufferOfResult[r];
      std::string error = compareResult(r, type, want[buffer], first.buffers[buffer]);
      if (!error.empty())
        wrong.push_back("result " + std::to_string(r) + ": " + error);
    }
    return wrong;
  }

  /// Everything that is wrong, as above.
  std::vector<std::string> leaveOutEach(LeftOut &count) {
    std::vector<std::string> wrong;
    // Other operands with every order: a maximum does not need each shuffle each time.
    std::vector<test::KernelOperands> drawn;
    std::vector<Outcome> right;
    for (uint64_t seed = 0; seed < options.seeds; ++seed) {
      drawn.push_back(test::drawOperands(function, kernel.bufferBytes, seed + 1));
      if (seed % 2)
        spoil(drawn.back(), seed);
      if (seed % 4 > 1)
        widen(drawn.back(), seed, seed == 7);
      if (seed % 3 == 2)
        magnify(drawn.back(), seed);
      operands = drawn.back();
      right.push_back(run(seed));
    }
    const TwinTable &table = twin.table();
    for (uint64_t site = 0; site < table.siteCount; ++site) {
      if (!reaches(table.sites[site]))
        continue;
      ++count.sites;
      std::string instruction = table.sites[site].instruction;
      bool findsRaces = StringRef(instruction).contains(".bar.warp.");
      bool isNoticed = false;
      for (uint64_t seed = 0; seed < options.seeds && !isNoticed; ++seed) {
        operands = drawn[seed];
        isNoticed = !(run(seed, site) == right[seed]);
        if (!isNoticed && findsRaces)
          isNoticed =
              run(seed, std::nullopt, true).error.empty() && !run(seed, site, true).error.empty();
      }
      if (isNoticed)
        continue;
      ++count.unnoticed;
      wrong.push_back(instruction + ", number " + std::to_string(site) + ", can be left out");
    }
    return wrong;
  }

private:
  // A NaN somewhere in every operand of floats: what looks for such must find it.
  void spoil(test::KernelOperands &spoiled, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      if (!isa<FloatType>(tensor.getElementType()) || tensor.getNumElements() < 2)
        continue;
      size_t width = tensor.getElementType().getIntOrFloatBitWidth() / 8;
      size_t at = random() % tensor.getNumElements();
      std::fill_n(spoiled.buffers[i].begin() + at * width, width, '\xff');
    }
  }

  // A quarter of the numbers so large that exponentials of their differences overflow: a
  // softmax does not tell which maximum was subtracted as long as it is near enough.
  void magnify(test::KernelOperands &drawn, uint64_t seed) {
    constexpr float kFactor = 256;
    std::mt19937_64 random(seed);
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      bool isShort = tensor.getElementType().isBF16();
      if (!isShort && !tensor.getElementType().isF32())
        continue;
      const size_t width = isShort ? 2 : 4;
      for (int64_t at = 0; at < tensor.getNumElements(); ++at) {
        if (random() % 4 != 0)
          continue;
        // A bf16 is the upper half of a float.
        float value = 0;
        char *high = reinterpret_cast<char *>(&value) + sizeof(value) - width;
        char *place = drawn.buffers[i].data() + at * width;
        std::memcpy(high, place, width);
        value *= kFactor;
        std::memcpy(place, high, width);
      }
    }
  }

  // Integers of a wider range, so that as indices they lead to what other threads have; and
  // numbers of no class among them, as cross entropies ignore. `isWide`: of both halves of 64
  // bits, which are exchanged apart.
  void widen(test::KernelOperands &drawn, uint64_t seed, bool isWide) {
    constexpr int64_t kRange = 64, kNoClass = -100;
    std::mt19937_64 random(seed);
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      if (!tensor.getElementType().isInteger(64))
        continue;
      for (int64_t at = 0; at < tensor.getNumElements(); ++at) {
        int64_t value = isWide              ? int64_t(random() >> 8)
                        : random() % 4 == 0 ? kNoClass
                                            : int64_t(random() % kRange);
        std::memcpy(drawn.buffers[i].data() + at * sizeof(value), &value, sizeof(value));
      }
    }
  }

  bool reaches(const Site &site) const {
    for (uint64_t i = 0; i < site.kernelCount; ++i)
      for (const codegen::DeviceLaunch &launch : kernel.launches)
        if (launch.symbol == site.kernels[i])
          return true;
    return false;
  }

  Outcome run(uint64_t seed, std::optional<uint64_t> leaveOut = std::nullopt,
              bool findsRaces = false) {
    GuardedBuffers buffers;
    for (auto [i, bytes] : llvm::enumerate(operands.buffers))
      if (kernel.access[i] == codegen::Access::Read)
        buffers.addInput(bytes.data(), bytes.size());
      else
        buffers.addInOut(bytes.data(), bytes.size());
    if (kernel.scratchBytes)
      buffers.addOutput(kernel.scratchBytes);
    std::vector<void *> arguments = buffers.arguments();
    std::vector<MemoryRange> ranges = buffers.ranges();
    Outcome outcome;
    for (const codegen::DeviceLaunch &each : kernel.launches) {
      Launch launch;
      launch.kernel = twin.find(each.symbol);
      if (!launch.kernel || launch.kernel->parameters != arguments.size()) {
        outcome.error = "function '" + each.symbol + "' is not what the table says";
        return outcome;
      }
      launch.grid.x = each.grid;
      launch.block.x = each.block;
      launch.arguments = arguments.data();
      launch.memory = &ranges;
      launch.seed = seed;
      launch.leaveOut = leaveOut;
      launch.findRacesUpTo = findsRaces || options.findsRaces ? 4 << 20 : 0;
      if (std::optional<Fault> fault = engine.launch(twin.table(), launch)) {
        outcome.error = fault->message();
        return outcome;
      }
    }
    outcome.error = buffers.findDamage();
    for (size_t i = 0; i < operands.buffers.size(); ++i) {
      const char *data = static_cast<const char *>(buffers.data(i));
      outcome.buffers.push_back(Bytes(data, data + buffers.bytes(i)));
    }
    return outcome;
  }

  std::string compareResult(size_t index, Type type, const Bytes &want, const Bytes &got) {
    auto element = cast<RankedTensorType>(type).getElementType();
    if (!isa<FloatType>(element))
      return want == got ? "" : "its integers are not the CPU's";
    Tensor cpu = Tensor::fromBytes(type, want), device = Tensor::fromBytes(type, got);
    double difference = test::compareTensors(cpu, device);
    if (difference <= (element.getIntOrFloatBitWidth() <= 16 ? 1e-2 : 1e-6))
      return "";
    auto exact = reference::evaluate(function, operands.arguments);
    if (failed(exact))
      return "the interpreter cannot evaluate it";
    double away = test::compareTensors((*exact)[index], cpu);
    double awayHere = test::compareTensors((*exact)[index], device);
    if (std::isfinite(away) && awayHere <= 4 * away)
      return "";
    std::string text;
    llvm::raw_string_ostream(text)
        << "it is " << difference << " away from the CPU's, " << awayHere
        << " from the interpreter's; the CPU's is " << away << " from that";
    return text;
  }

  const TwinFile &twin;
  const codegen::CudaKernel &kernel;
  func::FuncOp function;
  const Options &options;
  test::KernelOperands operands;
  Engine engine;
};

std::unique_ptr<TwinFile> makeTwin(const codegen::CudaImage &image) {
  llvm::LLVMContext context;
  auto device =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(image.bitcode, image.architecture), context);
  llvm::SmallString<128> path;
  llvm::sys::fs::createTemporaryFile("dpc-twin", "so", path);
  llvm::Error error = device ? writeTwin(**device, path) : device.takeError();
  std::unique_ptr<TwinFile> twin;
  std::string why;
  if (error)
    why = llvm::toString(std::move(error));
  else
    twin = TwinFile::open(std::string(path), why);
  llvm::sys::fs::remove(path);
  if (!twin)
    llvm::errs() << "error: " << image.architecture << ": " << why << '\n';
  return twin;
}

int testModule(ModuleOp module, const codegen::CudaOptions &cuda, const Options &options) {
  auto compiled = codegen::compileCudaKernels(module, cuda);
  std::optional<HostKernels> host = HostKernels::compile(module);
  if (failed(compiled) || !host)
    return 1;
  SymbolTable symbols(module);
  uint64_t wrong = 0;
  for (const codegen::CudaImage &image : compiled->images) {
    std::unique_ptr<TwinFile> twin = makeTwin(image);
    if (!twin)
      return 1;
    uint64_t launches = 0;
    LeftOut leftOut;
    for (auto [i, kernel] : llvm::enumerate(compiled->kernels)) {
      KernelTester tester(*twin, kernel, symbols.lookup<func::FuncOp>(kernel.symbol), options);
      std::vector<std::string> errors = tester.compare(*host, i);
      if (options.leavesOut && errors.empty()) {
        errors = tester.leaveOutEach(leftOut);
        if (uint64_t idle = options.idle.lookup(kernel.symbol); idle == errors.size())
          errors.clear();
        else if (idle != 0)
          errors.push_back("of its barriers and shuffles " + std::to_string(idle) +
                           " have nothing to do, not " + std::to_string(errors.size()));
      }
      for (const std::string &error : errors) {
        llvm::outs() << image.architecture << " " << kernel.symbol;
        for (const codegen::DeviceLaunch &launch : kernel.launches)
          llvm::outs() << " [" << launch.mapping << ", grid " << launch.grid << ", block "
                       << launch.block << "]";
        llvm::outs() << ": " << error << '\n';
      }
      wrong += errors.size();
      launches += kernel.launches.size();
    }
    llvm::outs() << image.architecture << ": " << compiled->kernels.size() << " kernels, "
                 << launches << " launches under " << options.seeds << " orders";
    if (options.leavesOut)
      llvm::outs() << "; " << leftOut.sites << " barriers and shuffles left out, "
                   << leftOut.unnoticed << " unnoticed";
    llvm::outs() << '\n';
  }
  llvm::outs() << wrong << " results wrong\n";
  return wrong != 0;
}

} // namespace
} // namespace dpc::emulator

int main(int argc, char **argv) {
  using namespace llvm;
  InitLLVM init(argc, argv);
  cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("<module>"));
  cl::list<std::string> architectures(
      "arch", cl::desc("Architectures; sm_80, sm_90 and sm_100 if there are none"),
      cl::value_desc("sm_90"));
  cl::opt<uint64_t> seeds("seeds", cl::desc("Orders of threads to try"), cl::init(8));
  cl::opt<bool> leavesOut("leave-out", cl::desc("Leave out each barrier and each shuffle, too"));
  cl::list<std::string> idle("idle", cl::desc("How many have nothing to do in a kernel"),
                             cl::value_desc("kernel:count"));
  cl::opt<bool> findsRaces("races", cl::desc("Look for races in global memory, too"));
  cl::ParseCommandLineOptions(argc, argv, "executes kernels for GPUs without one\n");
  DialectRegistry registry;
  dpc::registerAllDialects(registry);
  MLIRContext context(registry);
  auto module = parseSourceFile<ModuleOp>(input, &context);
  if (!module)
    return 1;
  dpc::codegen::CudaOptions cuda;
  cuda.architectures.assign(architectures.begin(), architectures.end());
  if (cuda.architectures.empty())
    cuda.architectures = {"sm_80", "sm_90", "sm_100"};
  cuda.cubins = false;
  cuda.keepsModules = true;
  dpc::emulator::Options options{seeds, leavesOut, findsRaces, {}};
  for (StringRef each : idle) {
    auto [kernel, count] = each.rsplit(':');
    if (count.getAsInteger(10, options.idle[kernel])) {
      WithColor::error() << "--idle " << each << ": no number\n";
      return 2;
    }
  }
  return dpc::emulator::testModule(*module, cuda, options);
}
