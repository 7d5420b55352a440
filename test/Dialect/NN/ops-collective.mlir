// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every collective operation prints as it is written, and parses from its generic form.

// CHECK: module attributes {nn.mesh = {ep = 2 : i64, tp = 3 : i64}}
module attributes {nn.mesh = {ep = 2 : i64, tp = 3 : i64}} {
// CHECK-LABEL: func.func @collective
func.func @collective(%x: tensor<4x6xf32>) {
  // CHECK: nn.all_to_all %{{[^ ,]+}} over "ep" split 0 concat 1 : tensor<4x6xf32> to tensor<2x12xf32>
  %0 = nn.all_to_all %x over "ep" split 0 concat 1 : tensor<4x6xf32> to tensor<2x12xf32>
  // CHECK: nn.all_gather %{{[^ ,]+}} over "tp" axis 1 : tensor<4x6xf32> to tensor<4x18xf32>
  %1 = nn.all_gather %x over "tp" axis 1 : tensor<4x6xf32> to tensor<4x18xf32>
  // CHECK: nn.reduce_scatter %{{[^ ,]+}} over "tp" axis 1 : tensor<4x6xf32> to tensor<4x2xf32>
  %2 = nn.reduce_scatter %x over "tp" axis 1 : tensor<4x6xf32> to tensor<4x2xf32>
  // CHECK: nn.all_reduce %{{[^ ,]+}} over "ep" : tensor<4x6xf32>
  %3 = nn.all_reduce %x over "ep" : tensor<4x6xf32>
  return
}
}
