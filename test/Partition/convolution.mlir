// RUN: dpc-opt %s --dualpipe-partition="stages=2" | FileCheck %s

// The first convolution is as much work as the other three, although nothing is
// computed of the gradient of what it reads.

nn.parameter @w0 : tensor<64x16x5x5xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<64x64x1x1xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w2 : tensor<64x64x1x1xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w3 : tensor<64x64x1x1xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>

// CHECK: dualpipe.body @stage0 {
// CHECK: nn.conv
// CHECK-NOT: nn.conv
// CHECK: dualpipe.body @stage1 {
// CHECK-COUNT-3: nn.conv
// CHECK: dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
// CHECK: dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1, @w2, @w3]

func.func @forward(%x: tensor<8x16x32x32xf32> {nn.name = "x"})
    -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<64x16x5x5xf32>
  %w1 = nn.get @w1 : tensor<64x64x1x1xf32>
  %w2 = nn.get @w2 : tensor<64x64x1x1xf32>
  %w3 = nn.get @w3 : tensor<64x64x1x1xf32>
  %h0 = nn.conv %x, %w0 strides [1, 1] dilations [1, 1] low [2, 2] high [2, 2] groups 1 : tensor<8x16x32x32xf32>, tensor<64x16x5x5xf32> to tensor<8x64x32x32xf32>
  %h1 = nn.conv %h0, %w1 strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<8x64x32x32xf32>, tensor<64x64x1x1xf32> to tensor<8x64x32x32xf32>
  %h2 = nn.conv %h1, %w2 strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<8x64x32x32xf32>, tensor<64x64x1x1xf32> to tensor<8x64x32x32xf32>
  %h3 = nn.conv %h2, %w3 strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<8x64x32x32xf32>, tensor<64x64x1x1xf32> to tensor<8x64x32x32xf32>
  %loss = nn.reduce_sum %h3 [0, 1, 2, 3] : tensor<8x64x32x32xf32> to tensor<f32>
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
