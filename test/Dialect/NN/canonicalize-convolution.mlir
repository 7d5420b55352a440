// RUN: dpc-opt %s --canonicalize | FileCheck %s

// A sum of no terms is 0, or what it is added to; a convolution that has terms, or
// no elements, stays.

// CHECK-LABEL: func.func @no_channels
// CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<2x4x5xf32>
// CHECK: return %[[ZERO]]
func.func @no_channels(%x: tensor<2x0x5xf32>, %w: tensor<4x0x1xf32>) -> tensor<2x4x5xf32> {
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2x0x5xf32>, tensor<4x0x1xf32> to tensor<2x4x5xf32>
  return %y : tensor<2x4x5xf32>
}

// CHECK-LABEL: func.func @only_padding
// CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<2x4x1xf32>
// CHECK: return %[[ZERO]]
func.func @only_padding(%x: tensor<2x3x0xf32>, %w: tensor<4x3x2xf32>) -> tensor<2x4x1xf32> {
  %y = nn.conv %x, %w strides [1] dilations [1] low [1] high [1] groups 1 : tensor<2x3x0xf32>, tensor<4x3x2xf32> to tensor<2x4x1xf32>
  return %y : tensor<2x4x1xf32>
}

// CHECK-LABEL: func.func @no_outputs
// CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<2x3x5xf32>
// CHECK: return %[[ZERO]]
func.func @no_outputs(%g: tensor<2x0x5xf32>, %w: tensor<0x3x1xf32>) -> tensor<2x3x5xf32> {
  %y = nn.conv_input_grad %g, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2x0x5xf32>, tensor<0x3x1xf32> to tensor<2x3x5xf32>
  return %y : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @no_batch
// CHECK-SAME: %[[SUM:[^ ,]+]]: tensor<4x3x1xf32>)
// CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<4x3x1xf32>
// CHECK: return %[[ZERO]], %[[SUM]]
func.func @no_batch(%x: tensor<0x3x5xf32>, %g: tensor<0x4x5xf32>, %sum: tensor<4x3x1xf32>) -> (tensor<4x3x1xf32>, tensor<4x3x1xf32>) {
  %0 = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [0] high [0] groups 1 : tensor<0x3x5xf32>, tensor<0x4x5xf32> to tensor<4x3x1xf32>
  %1 = nn.conv_weight_grad %x, %g into %sum strides [1] dilations [1] low [0] high [0] groups 1 : tensor<0x3x5xf32>, tensor<0x4x5xf32>, tensor<4x3x1xf32> to tensor<4x3x1xf32>
  return %0, %1 : tensor<4x3x1xf32>, tensor<4x3x1xf32>
}

// CHECK-LABEL: func.func @stays
// CHECK: nn.conv
// CHECK: nn.conv
func.func @stays(%x: tensor<1x3x5xf32>, %e: tensor<0x3x5xf32>, %w: tensor<4x3x1xf32>) -> (tensor<1x4x5xf32>, tensor<0x4x5xf32>) {
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x3x5xf32>, tensor<4x3x1xf32> to tensor<1x4x5xf32>
  %z = nn.conv %e, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<0x3x5xf32>, tensor<4x3x1xf32> to tensor<0x4x5xf32>
  return %y, %z : tensor<1x4x5xf32>, tensor<0x4x5xf32>
}
