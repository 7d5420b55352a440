// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @broadcast_dims_count(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op has 1 dims for an operand of 2 dimensions}}
  %y = nn.broadcast %x dims [0] : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @broadcast_dims_order(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has dims [1, 0], expected increasing dimensions of a result of 2 dimensions}}
  %y = nn.broadcast %x dims [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
  return
}

// -----

func.func @broadcast_extent(%x: tensor<2xf32>) {
  // expected-error @+1 {{repeats dimension 0 of extent 2 to extent 4, expected an equal one or a unit one}}
  %y = nn.broadcast %x dims [0] : tensor<2xf32> to tensor<4xf32>
  return
}

// -----

func.func @broadcast_type(%x: tensor<2xf32>) {
  // expected-error @+1 {{turns 'tensor<2xf32>' into 'tensor<2xi64>', expected equal element types}}
  %y = nn.broadcast %x dims [0] : tensor<2xf32> to tensor<2xi64>
  return
}

// -----

func.func @reshape_count(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{turns 'tensor<2x3xf32>' (6 elements) into 'tensor<5xf32>' (5 elements)}}
  %y = nn.reshape %x : tensor<2x3xf32> to tensor<5xf32>
  return
}

// -----

func.func @transpose_perm(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.transpose' op has the permutation [0, 0], expected a permutation of 2 dimensions}}
  %y = nn.transpose %x [0, 0] : tensor<2x3xf32> to tensor<2x2xf32>
  return
}

// -----

func.func @transpose_result(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<3x2xf32>' are incompatible with return type(s) of operation 'tensor<2x3xf32>'}}
  %y = nn.transpose %x [1, 0] : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @slice_count(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has 1 starts, 2 limits and 2 strides for 2 dimensions}}
  %y = nn.slice %x [0] to [2, 3] step [1, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @slice_range(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{takes elements 1 to 4 step 1 of dimension 1, which has 3 elements}}
  %y = nn.slice %x [0, 1] to [2, 4] step [1, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @slice_stride(%x: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{takes elements 0 to 3 step 0 of dimension 0}}
  %y = nn.slice %x [0] to [3] step [0] : tensor<3xf32> to tensor<3xf32>
  return
}

// -----

func.func @pad_count(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has 1 low, 2 high and 2 interior amounts for 2 dimensions}}
  %y = nn.pad %x low [0] high [0, 0] interior [0, 0] with 0.0 : f32 : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @pad_negative(%x: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads dimension 0 by a negative amount}}
  %y = nn.pad %x low [-1] high [0] interior [0] with 0.0 : f32 : tensor<3xf32> to tensor<2xf32>
  return
}

// -----

func.func @pad_value(%x: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads 'tensor<3xf32>' with a value of type 'i64'}}
  %y = nn.pad %x low [0] high [0] interior [0] with 0 : i64 : tensor<3xf32> to tensor<3xf32>
  return
}

// -----

func.func @concat_none() {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.concat' op has no operands}}
  %y = "nn.concat"() <{axis = 0 : i64}> : () -> tensor<2xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{joins dimension 1 of 1 dimensions}}
  %y = nn.concat 1, %x, %x : tensor<3xf32>, tensor<3xf32> to tensor<6xf32>
  return
}

// -----

func.func @concat_shapes(%x: tensor<3x2xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{joins 'tensor<3x2xf32>' and 'tensor<3x4xf32>', which differ in more than dimension 0}}
  %z = nn.concat 0, %x, %y : tensor<3x2xf32>, tensor<3x4xf32> to tensor<6x2xf32>
  return
}
