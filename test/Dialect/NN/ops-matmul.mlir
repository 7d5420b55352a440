// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every matmul operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<32x64xf32>, %w: tensor<64x8xf32>, %q: tensor<1x16x4x8xf32>, %v: tensor<1x4x16x16xf32>) {
  // CHECK: nn.matmul %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<32x64xf32>, tensor<64x8xf32> to tensor<32x8xf32>
  %0 = nn.matmul %x, %w : tensor<32x64xf32>, tensor<64x8xf32> to tensor<32x8xf32>
  // CHECK: nn.matmul %{{[^ ,]+}}, %{{[^ ,]+}} lhs [0, 2, 1, 3] rhs [0, 2, 3, 1] : tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32> to tensor<1x4x16x16xf32>
  %1 = nn.matmul %q, %q lhs [0, 2, 1, 3] rhs [0, 2, 3, 1] : tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32> to tensor<1x4x16x16xf32>
  // CHECK: nn.matmul %{{[^ ,]+}}, %{{[^ ,]+}} rhs [0, 2, 1, 3] result [0, 2, 1, 3] : tensor<1x4x16x16xf32>, tensor<1x16x4x8xf32> to tensor<1x16x4x8xf32>
  %2 = nn.matmul %v, %q rhs [0, 2, 1, 3] result [0, 2, 1, 3] : tensor<1x4x16x16xf32>, tensor<1x16x4x8xf32> to tensor<1x16x4x8xf32>
  return
}
