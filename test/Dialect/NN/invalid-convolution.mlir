// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @rank(%x: tensor<1x2x3x4x5xf32>, %w: tensor<1x2x3x4x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.conv' op convolves 'tensor<1x2x3x4x5xf32>' with 'tensor<1x2x3x4x5xf32>', expected two tensors of rank 3 or of rank 4}}
  %y = nn.conv %x, %w strides [1, 1, 1] dilations [1, 1, 1] low [0, 0, 0] high [0, 0, 0] groups 1 : tensor<1x2x3x4x5xf32>, tensor<1x2x3x4x5xf32> to tensor<1x1x1x1x1xf32>
  return
}

// -----

func.func @ranks(%x: tensor<1x2x3xf32>, %w: tensor<1x2x3x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected two tensors of rank 3 or of rank 4}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x3xf32>, tensor<1x2x3x4xf32> to tensor<1x1x1xf32>
  return
}

// -----

func.func @element_types(%x: tensor<1x2x3xf32>, %w: tensor<1x2x3xbf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected equal element types}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x3xf32>, tensor<1x2x3xbf16> to tensor<1x1x1xf32>
  return
}

// -----

func.func @strides(%x: tensor<1x2x3xf32>, %w: tensor<1x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has strides for 2 dimensions, but 1 spatial ones}}
  %y = nn.conv %x, %w strides [1, 1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x3xf32>, tensor<1x2x3xf32> to tensor<1x1x1xf32>
  return
}

// -----

func.func @dilation(%x: tensor<1x2x3xf32>, %w: tensor<1x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has the dilations [0], expected numbers from 1 to 2147483647}}
  %y = nn.conv %x, %w strides [1] dilations [0] low [0] high [0] groups 1 : tensor<1x2x3xf32>, tensor<1x2x3xf32> to tensor<1x1x1xf32>
  return
}

// -----

func.func @padding(%x: tensor<1x2x3xf32>, %w: tensor<1x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has the low padding [-1], expected numbers from 0 to 2147483647}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [-1] high [0] groups 1 : tensor<1x2x3xf32>, tensor<1x2x3xf32> to tensor<1x1x1xf32>
  return
}

// -----

func.func @padding_beyond_the_window(%x: tensor<1x2x3x3xf32>, %w: tensor<1x2x3x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads spatial dimension 1 by 2 and 5, expected less than the 5 elements that its window spans}}
  %y = nn.conv %x, %w strides [1, 1] dilations [1, 2] low [0, 2] high [0, 5] groups 1 : tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32> to tensor<1x1x1x1xf32>
  return
}

// -----

func.func @room(%x: tensor<1x2x4xf32>, %w: tensor<1x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{slides a window of 7 elements over 4 with 2 of padding in spatial dimension 0}}
  %y = nn.conv %x, %w strides [1] dilations [3] low [1] high [1] groups 1 : tensor<1x2x4xf32>, tensor<1x2x3xf32> to tensor<1x1x1xf32>
  return
}

// -----

func.func @window(%x: tensor<1x2x4xf32>, %w: tensor<1x2x0xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has a window of 0 elements in spatial dimension 0}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x4xf32>, tensor<1x2x0xf32> to tensor<1x1x5xf32>
  return
}

// -----

func.func @dilated_window(%x: tensor<1x2x4xf32>, %w: tensor<1x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has a window of 3 elements in spatial dimension 0, expected one of 1 to 2147483647 with what lies between them}}
  %y = nn.conv %x, %w strides [1] dilations [1073741824] low [0] high [0] groups 1 : tensor<1x2x4xf32>, tensor<1x2x3xf32> to tensor<1x1x2xf32>
  return
}

// -----

func.func @groups(%x: tensor<1x4x3xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{divides 4 input and 6 output channels into 4 groups}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 4 : tensor<1x4x3xf32>, tensor<6x2x3xf32> to tensor<1x6x1xf32>
  return
}

// -----

func.func @channels(%x: tensor<1x4x3xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has 4 input channels in 2 groups, but a weight for 4 channels of each, expected 2}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 2 : tensor<1x4x3xf32>, tensor<6x4x3xf32> to tensor<1x6x1xf32>
  return
}

// -----

func.func @result(%x: tensor<1x2x5xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<1x3x3xf32>' are incompatible with return type(s) of operation 'tensor<1x3x2xf32>'}}
  %y = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x5xf32>, tensor<3x2x3xf32> to tensor<1x3x2xf32>
  return
}

// -----

func.func @input_grad(%g: tensor<1x3x3xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error @+1 {{'nn.conv_input_grad' op has a gradient of type 'tensor<1x3x3xf32>', but the convolution gives 'tensor<1x3x4xf32>'}}
  %y = nn.conv_input_grad %g, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x3x3xf32>, tensor<3x2x3xf32> to tensor<1x2x6xf32>
  return
}

// -----

func.func @input_grad_channels(%g: tensor<1x3x3xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error @+1 {{'nn.conv_input_grad' op has 4 input channels in 1 groups, but a weight for 2 channels of each, expected 4}}
  %y = nn.conv_input_grad %g, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x3x3xf32>, tensor<3x2x3xf32> to tensor<1x4x5xf32>
  return
}

// -----

func.func @weight_grad(%x: tensor<2x2x5xf32>, %g: tensor<1x3x3xf32>) {
  // expected-error @+1 {{'nn.conv_weight_grad' op has a gradient of type 'tensor<1x3x3xf32>', but the convolution gives 'tensor<2x3x3xf32>'}}
  %y = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2x2x5xf32>, tensor<1x3x3xf32> to tensor<3x2x3xf32>
  return
}

// -----

func.func @accumulator(%x: tensor<1x2x5xf32>, %g: tensor<1x3x3xf32>, %sum: tensor<3x2x4xf32>) {
  // expected-error @+1 {{'nn.conv_weight_grad' op adds its result of type 'tensor<3x2x3xf32>' to 'tensor<3x2x4xf32>'}}
  %y = nn.conv_weight_grad %x, %g into %sum strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x5xf32>, tensor<1x3x3xf32>, tensor<3x2x4xf32> to tensor<3x2x3xf32>
  return
}

// -----

// The sum before it is rounded is f32.
func.func @unrounded(%x: tensor<1x2x5xbf16>, %g: tensor<1x3x3xbf16>) {
  %y = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x5xbf16>, tensor<1x3x3xbf16> to tensor<3x2x3xf32>
  // expected-error @+1 {{'nn.conv_weight_grad' op has a result of type 'tensor<3x2x3xf64>', but an operand of 'bf16'}}
  %z = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [0] high [0] groups 1 : tensor<1x2x5xbf16>, tensor<1x3x3xbf16> to tensor<3x2x3xf64>
  return
}
