// RUN: dpc-opt %s --split-input-file --nn-drop-empty --verify-diagnostics | FileCheck %s

// A join with nothing is what else is joined; the input that held nothing is gone.

// CHECK-LABEL: func.func @cache(%arg0: tensor<2x3x4xf32> {nn.name = "x"}) -> tensor<2x3x4xf32> {
// CHECK-NEXT: return %arg0
func.func @cache(%past: tensor<2x0x4xf32> {nn.name = "past"}, %x: tensor<2x3x4xf32> {nn.name = "x"}) -> tensor<2x3x4xf32> {
  %y = nn.concat 1, %past, %x : tensor<2x0x4xf32>, tensor<2x3x4xf32> to tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// Parts that hold something stay joined.

// CHECK-LABEL: func.func @parts(%arg0: tensor<3xf32>, %arg1: tensor<2xf32>) -> tensor<5xf32> {
// CHECK-NEXT: nn.concat 0, %arg0, %arg1 : tensor<3xf32>, tensor<2xf32> to tensor<5xf32>
// CHECK-NEXT: return
func.func @parts(%a: tensor<3xf32>, %none: tensor<0xf32>, %b: tensor<2xf32>) -> tensor<5xf32> {
  %y = nn.concat 0, %a, %none, %b : tensor<3xf32>, tensor<0xf32>, tensor<2xf32> to tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

// Sums of no terms are zeros, padding around nothing is padding.

// CHECK-LABEL: func.func @sums()
// CHECK-DAG: %[[PRODUCT:.*]] = nn.constant dense<0.000000e+00> : tensor<4x6xf32>
// CHECK-DAG: %[[SUM:.*]] = nn.constant dense<0> : tensor<6xi64>
// CHECK-DAG: %[[PAD:.*]] = nn.constant dense<2.500000e+00> : tensor<2x6xf32>
// CHECK-NOT: nn.matmul
// CHECK: return %[[PRODUCT]], %[[SUM]], %[[PAD]]
func.func @sums(%x: tensor<4x0xf32>, %w: tensor<0x6xf32>, %n: tensor<0x6xi64>) -> (tensor<4x6xf32>, tensor<6xi64>, tensor<2x6xf32>) {
  %0 = nn.matmul %x, %w : tensor<4x0xf32>, tensor<0x6xf32> to tensor<4x6xf32>
  %1 = nn.reduce_sum %n [0] : tensor<0x6xi64> to tensor<6xi64>
  %2 = nn.exp %w : tensor<0x6xf32>
  %3 = nn.pad %2 low [2, 0] high [0, 0] interior [0, 0] with 2.5 : f32 : tensor<0x6xf32> to tensor<2x6xf32>
  return %0, %1, %3 : tensor<4x6xf32>, tensor<6xi64>, tensor<2x6xf32>
}

// -----

// What no rule defines is an error.

func.func @mean(%x: tensor<0xf32>) -> tensor<f32> {
  // expected-error @+1 {{has no value: it is computed from a tensor without elements, 'tensor<0xf32>'}}
  %mean, %den = nn.weighted_mean %x, %x : tensor<0xf32>
  return %mean : tensor<f32>
}

// -----

// Nothing to do.

// CHECK-LABEL: func.func @full(%arg0: tensor<2xf32>) -> tensor<2xf32> {
// CHECK-NEXT: nn.exp
// CHECK-NEXT: return
func.func @full(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = nn.exp %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
// CHECK-LABEL: func.func private @declared(tensor<0xf32>)
func.func private @declared(tensor<0xf32>)
