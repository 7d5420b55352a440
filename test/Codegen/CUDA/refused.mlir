// What a GPU is not given is refused by its name, all of it at once.
// RUN: not dpc-cuda-test %s 2>&1 | FileCheck %s

// CHECK: error: 'nn.conv' op is not computed on CUDA devices
// CHECK: error: 'nn.conv_input_grad' op is not computed on CUDA devices
func.func private @k_conv(%x: tensor<1x2x8xf64>, %w: tensor<3x2x3xf64>) -> tensor<1x3x8xf64> attributes {dualpipe.kernel} {
  %y = nn.conv %x, %w strides [1] dilations [1] low [1] high [1] groups 1 : tensor<1x2x8xf64>, tensor<3x2x3xf64> to tensor<1x3x8xf64>
  return %y : tensor<1x3x8xf64>
}
func.func private @k_grad(%g: tensor<1x3x8xf64>, %w: tensor<3x2x3xf64>) -> tensor<1x2x8xf64> attributes {dualpipe.kernel} {
  %y = nn.conv_input_grad %g, %w strides [1] dilations [1] low [1] high [1] groups 1 : tensor<1x3x8xf64>, tensor<3x2x3xf64> to tensor<1x2x8xf64>
  return %y : tensor<1x2x8xf64>
}
