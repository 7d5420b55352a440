// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Importing a model of test/models, with what it reports.
#ifndef DPC_TEST_UNIT_IMPORT_MODEL_H
#define DPC_TEST_UNIT_IMPORT_MODEL_H

#include "dpc/Dialect/NN/NN.h"
#include "dpc/Import/Import.h"
#include "dpc/Import/Passes.h"
#include "dpc/Reference/Reference.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

namespace dpc::test {

struct Imported {
  mlir::DialectRegistry registry;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< null if it was refused
  import::ImportSummary summary;
  std::string errors;

  explicit Imported(llvm::StringRef path, const import::ImportOptions &options = {}) {
    registry.insert<nn::NNDialect, mlir::func::FuncDialect>();
    reference::registerReferenceModels(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    mlir::ScopedDiagnosticHandler handler(context.get(), [&](mlir::Diagnostic &diagnostic) {
      errors += diagnostic.str() + "\n";
      return mlir::success();
    });
    auto result = import::importModel(path, options, context.get(), summary);
    if (failed(result))
      return;
    mlir::PassManager pm(context.get());
    import::buildImportPipeline(pm, {});
    if (succeeded(pm.run(**result)))
      module = std::move(*result);
  }
};

inline std::string getModelPath(llvm::StringRef name) {
  return std::string(DPC_TEST_DIR "/models/") + name.str();
}

} // namespace dpc::test

#endif // DPC_TEST_UNIT_IMPORT_MODEL_H
