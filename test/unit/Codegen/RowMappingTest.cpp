// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// That a target differs from another in its RowMapping alone: rows walked in another way
// than a core's give the same numbers, up to the order of additions. Threads of a team
// are played one after the other: thread t of four takes the elements t, t + 4, ...
#include "CPU/MachineCode.h"
#include "CPU/Target.h"
#include "KernelRunner.h"
#include "LowerKernel.h"
#include "RowPasses.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/Support/FileSystem.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace mlir;

namespace dpc::codegen::test {
namespace {

constexpr int64_t kTeam = 4;

struct TeamRows : RowMapping {
  int stored = 0;

  FailureOr<SmallVector<Value>> emitStrips(KernelEmitter &e, int64_t extent,
                                           ArrayRef<linalg::GenericOp> reductions, bool /*writes*/,
                                           StripBody body) override {
    std::vector<SmallVector<Value>> ofThread;
    for (int64_t thread = 0; thread < kTeam; ++thread) {
      SmallVector<Value> start;
      for (linalg::GenericOp reduction : reductions)
        start.push_back(e.identity(reduction, 1));
      auto loop = scf::ForOp::create(e.b, e.constantIndex(thread), e.constantIndex(extent),
                                     e.constantIndex(kTeam), start);
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> inside(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
      if (failed(body({loop.getInductionVar(), 0, {}}, {}, inside)))
        return failure();
      if (!reductions.empty())
        scf::YieldOp::create(e.b, inside);
      ofThread.emplace_back(loop.getResults().begin(), loop.getResults().end());
    }
    SmallVector<Value> results = ofThread[0];
    for (int64_t thread = 1; thread < kTeam; ++thread)
      for (auto [i, reduction] : llvm::enumerate(reductions))
        results[i] = e.combine(reduction, results[i], ofThread[thread][i]);
    return results;
  }

  // By one of the team.
  void storeScalar(KernelEmitter &e, Value buffer, const Index &at, Value scalar) override {
    ++stored;
    for (int64_t thread = 0; thread < kTeam; ++thread) {
      Value first = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, e.constantIndex(thread),
                                          e.constantIndex(0));
      auto one = scf::IfOp::create(e.b, first, /*withElseRegion=*/false);
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(one.thenBlock());
      e.store(buffer, at, scalar, {});
    }
  }
};

// The function of the kernel's buffers, begin and end that CPU/LowerToLLVM.cpp gives an
// entry point.
LogicalResult emitTeam(func::FuncOp kernel, nn::KernelForm asked, TeamRows &mapping,
                       KernelBuffers &buffers, int64_t &scratch) {
  FailureOr<KernelForm> form = chooseForm(kernel, asked);
  FailureOr<KernelBuffers> found = KernelBuffers::get(kernel);
  if (failed(form) || failed(found) || form->kind != KernelForm::Rows)
    return failure();
  buffers = *found;
  scratch = form->scratch;
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(kernel);
  SmallVector<Type> types = buffers.types;
  if (scratch)
    types.push_back(MemRefType::get({scratch}, builder.getF32Type()));
  types.append(2, builder.getIndexType());
  auto function =
      func::FuncOp::create(builder, kernel.getLoc(), (kernel.getName() + "__loops").str(),
                           builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  auto end = func::ReturnOp::create(builder, kernel.getLoc());
  builder.setInsertionPointToStart(entry);
  KernelOutputs outputs;
  outputs.values = buffers.results;
  for (unsigned i : buffers.resultBuffers)
    outputs.buffers.push_back(entry->getArgument(i));
  KernelEmitter e(kernel, builder,
                  ValueRange(entry->getArguments()).take_front(kernel.getNumArguments()), 8);
  e.b.setInsertionPoint(end);
  auto rows = scf::ForOp::create(e.b, entry->getArgument(types.size() - 2),
                                 entry->getArgument(types.size() - 1), e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(rows.getBody());
  Value memory = scratch ? Value(entry->getArgument(types.size() - 3)) : Value();
  if (failed(emitRow(e, *form, outputs, memory, mapping, rows.getInductionVar())))
    return failure();
  kernel.erase();
  return success();
}

// All results of the first kernel of `text` for these arguments.
std::vector<std::vector<float>> runTeam(const std::string &text, int64_t rows,
                                        const std::vector<std::vector<float>> &arguments,
                                        TeamRows &mapping) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, dualpipe::DualPipeDialect>();
  registerLoweringModels(registry);
  registerCodegenDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  auto kernel = *module->getOps<func::FuncOp>().begin();
  std::string name = kernel.getName().str();
  KernelBuffers buffers;
  int64_t scratch = 0;
  FailureOr<nn::KernelForm> form = lowerToLinalg(kernel);
  Target target = llvm::cantFail(Target::get("cpu"));
  if (failed(form) || failed(emitTeam(kernel, *form, mapping, buffers, scratch)) ||
      failed(expandMath(*module)) || failed(lowerToLLVM(*module))) {
    ADD_FAILURE() << "the kernel cannot be lowered";
    return {};
  }
  llvm::SmallString<128> path;
  llvm::sys::fs::createTemporaryFile("dpc-test", "so", path);
  llvm::cantFail(linkSharedObject({llvm::cantFail(emitObject(*module, target))}, path));
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  llvm::sys::fs::remove(path);
  auto function = library ? reinterpret_cast<void (*)(void *const *, int64_t, int64_t)>(
                                dlsym(library, name.c_str()))
                          : nullptr;
  if (!function) {
    ADD_FAILURE() << dlerror();
    return {};
  }
  std::vector<void *> memory;
  for (unsigned i = 0; i < buffers.types.size() + (scratch != 0); ++i) {
    uint64_t bytes = i < buffers.types.size() ? buffers.bytesOf(i) : scratch * sizeof(float);
    memory.push_back(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
    if (i < arguments.size())
      std::memcpy(memory[i], arguments[i].data(), bytes);
  }
  function(memory.data(), 0, rows);
  std::vector<std::vector<float>> results;
  for (unsigned i : buffers.resultBuffers) {
    auto *values = static_cast<float *>(memory[i]);
    results.emplace_back(values, values + buffers.bytesOf(i) / sizeof(float));
  }
  for (void *block : memory)
    std::free(block);
  dlclose(library);
  return results;
}

void compare(const std::string &text, int64_t rows,
             const std::vector<std::vector<float>> &arguments, int scalars) {
  KernelRunner core(text);
  TeamRows mapping;
  std::vector<std::vector<float>> team = runTeam(text, rows, arguments, mapping);
  EXPECT_EQ(mapping.stored, scalars);
  std::vector<Bytes> bytes;
  for (const std::vector<float> &argument : arguments)
    bytes.push_back(toBytes(argument));
  std::vector<Bytes> expected = core.run("k_0", bytes);
  ASSERT_EQ(team.size(), expected.size());
  for (size_t r = 0; r < team.size(); ++r) {
    std::vector<float> want = fromBytes<float>(expected[r]);
    ASSERT_EQ(team[r].size(), want.size());
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(team[r][i], want[i], 2e-6f * (1 + std::abs(want[i]))) << r << ", " << i;
  }
}

TEST(RowMapping, SoftmaxOfEveryLength) {
  for (int64_t n : {1, 3, 8, 37, 100}) {
    std::string t = "tensor<5x" + std::to_string(n) + "xf32>";
    compare("func.func private @k_0(%x: " + t + ") -> " + t +
                " attributes {dualpipe.kernel} {\n  %0 = nn.softmax %x : " + t +
                "\n  return %0 : " + t + "\n}\n",
            5, {randomFloats(5 * n, 3)}, 0);
  }
}

TEST(RowMapping, LayerNormAndItsStatistics) {
  compare(R"(
func.func private @k_0(%x: tensor<6x37xf32>, %s: tensor<37xf32>, %b: tensor<37xf32>)
    -> (tensor<6x37xf32>, tensor<6xf32>, tensor<6xf32>) attributes {dualpipe.kernel} {
  %y, %mean, %rstd = nn.layer_norm %x, %s, %b epsilon 1.0e-05 : tensor<6x37xf32>, tensor<37xf32>, tensor<37xf32>
  return %y, %mean, %rstd : tensor<6x37xf32>, tensor<6xf32>, tensor<6xf32>
})",
          6, {randomFloats(6 * 37, 5), randomFloats(37, 6), randomFloats(37, 7)}, 2);
}

} // namespace
} // namespace dpc::codegen::test
