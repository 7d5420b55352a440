// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Language server for dpc's IR in editors, with the dialects of dpc-opt.
#include "dpc/Driver/Registry.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  dpc::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
