// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every convolution prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @flat
func.func @flat(%x: tensor<1x80x30xf32>, %w: tensor<64x40x3xf32>, %g: tensor<1x64x30xf32>) {
  // CHECK: nn.conv %{{[^ ,]+}}, %{{[^ ,]+}} strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x80x30xf32>, tensor<64x40x3xf32> to tensor<1x64x30xf32>
  %0 = nn.conv %x, %w strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x80x30xf32>, tensor<64x40x3xf32> to tensor<1x64x30xf32>
  // CHECK: nn.conv_input_grad %{{[^ ,]+}}, %{{[^ ,]+}} strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x64x30xf32>, tensor<64x40x3xf32> to tensor<1x80x30xf32>
  %1 = nn.conv_input_grad %g, %w strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x64x30xf32>, tensor<64x40x3xf32> to tensor<1x80x30xf32>
  // CHECK: nn.conv_weight_grad %{{[^ ,]+}}, %{{[^ ,]+}} strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x80x30xf32>, tensor<1x64x30xf32> to tensor<64x40x3xf32>
  %2 = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x80x30xf32>, tensor<1x64x30xf32> to tensor<64x40x3xf32>
  return
}

// Each dimension has numbers of its own; the operand's last row is passed over.
// CHECK-LABEL: func.func @window
func.func @window(%x: tensor<2x6x14x10xbf16>, %w: tensor<4x6x3x2xbf16>, %g: tensor<2x4x7x4xbf16>, %sum: tensor<4x6x3x2xbf16>) {
  // CHECK: nn.conv %{{[^ ,]+}}, %{{[^ ,]+}} strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x6x14x10xbf16>, tensor<4x6x3x2xbf16> to tensor<2x4x7x4xbf16>
  %0 = nn.conv %x, %w strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x6x14x10xbf16>, tensor<4x6x3x2xbf16> to tensor<2x4x7x4xbf16>
  // CHECK: nn.conv_input_grad %{{[^ ,]+}}, %{{[^ ,]+}} strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x4x7x4xbf16>, tensor<4x6x3x2xbf16> to tensor<2x6x14x10xbf16>
  %1 = nn.conv_input_grad %g, %w strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x4x7x4xbf16>, tensor<4x6x3x2xbf16> to tensor<2x6x14x10xbf16>
  // CHECK: nn.conv_weight_grad %{{[^ ,]+}}, %{{[^ ,]+}} into %{{[^ ,]+}} strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x6x14x10xbf16>, tensor<2x4x7x4xbf16>, tensor<4x6x3x2xbf16> to tensor<4x6x3x2xbf16>
  %2 = nn.conv_weight_grad %x, %g into %sum strides [2, 3] dilations [2, 1] low [4, 0] high [0, 1] groups 1 : tensor<2x6x14x10xbf16>, tensor<2x4x7x4xbf16>, tensor<4x6x3x2xbf16> to tensor<4x6x3x2xbf16>
  return
}
