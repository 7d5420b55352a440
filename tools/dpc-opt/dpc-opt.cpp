// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads IR, runs passes, prints IR: the tool of the FileCheck tests.
#include "dpc/Driver/Registry.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  dpc::registerAllDialects(registry);
  dpc::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "dpc optimizer driver\n", registry));
}
