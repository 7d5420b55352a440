// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every indexing operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @indexing
func.func @indexing(%t: tensor<4x6xf32>, %i: tensor<3xi64>, %u: tensor<3x6xf32>, %j: tensor<5x1xi32>, %k: tensor<4x2xi64>, %e: tensor<4x2xf32>, %b: tensor<4x2x1xi64>) {
  // CHECK: nn.gather %{{[^ ,]+}}, %{{[^ ,]+}} axis 0 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  %0 = nn.gather %t, %i axis 0 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  // CHECK: nn.scatter_add %{{[^ ,]+}}, %{{[^ ,]+}} axis 0 : tensor<3xi64>, tensor<3x6xf32> to tensor<4x6xf32>
  %1 = nn.scatter_add %i, %u axis 0 : tensor<3xi64>, tensor<3x6xf32> to tensor<4x6xf32>
  // CHECK: nn.gather %{{[^ ,]+}}, %{{[^ ,]+}} axis 0 padding 2 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  %padded = nn.gather %t, %i axis 0 padding 2 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  // CHECK: nn.gather_nd %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4x6xf32>, tensor<5x1xi32> to tensor<5x6xf32>
  %2 = nn.gather_nd %t, %j : tensor<4x6xf32>, tensor<5x1xi32> to tensor<5x6xf32>
  // CHECK: nn.gather_nd %{{[^ ,]+}}, %{{[^ ,]+}} {batch_dims = 1 : i64} : tensor<4x6xf32>, tensor<4x2x1xi64> to tensor<4x2xf32>
  %3 = nn.gather_nd %t, %b {batch_dims = 1 : i64} : tensor<4x6xf32>, tensor<4x2x1xi64> to tensor<4x2xf32>
  // CHECK: nn.scatter_nd_add %{{[^ ,]+}}, %{{[^ ,]+}} {batch_dims = 1 : i64} : tensor<4x2x1xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  %4 = nn.scatter_nd_add %b, %e {batch_dims = 1 : i64} : tensor<4x2x1xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  // CHECK: nn.gather_elements %{{[^ ,]+}}, %{{[^ ,]+}} axis 1 : tensor<4x6xf32>, tensor<4x2xi64> to tensor<4x2xf32>
  %5 = nn.gather_elements %t, %k axis 1 : tensor<4x6xf32>, tensor<4x2xi64> to tensor<4x2xf32>
  // CHECK: nn.scatter_elements_add %{{[^ ,]+}}, %{{[^ ,]+}} axis 1 : tensor<4x2xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  %6 = nn.scatter_elements_add %k, %e axis 1 : tensor<4x2xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  // CHECK: nn.top_k %{{[^ ,]+}}, 2 : tensor<4x6xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  %7:2 = nn.top_k %t, 2 : tensor<4x6xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  // CHECK: nn.top_k %{{[^ ,]+}}, 2 smallest : tensor<4x6xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  %8:2 = nn.top_k %t, 2 smallest : tensor<4x6xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  return
}
