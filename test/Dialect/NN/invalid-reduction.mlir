// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @axes_order(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.reduce_sum' op reduces dimensions [1, 0], expected ascending dimensions of 2}}
  %y = nn.reduce_sum %x [1, 0] : tensor<2x3xf32> to tensor<f32>
  return
}

// -----

func.func @axes_range(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.reduce_max' op reduces dimensions [2], expected ascending dimensions of 2}}
  %y = nn.reduce_max %x [2] : tensor<2x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @max_of_nothing(%x: tensor<2x0xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{reduces dimension 1, which is empty: there is no largest element}}
  %y = nn.reduce_max %x [1] : tensor<2x0xf32> to tensor<2xf32>
  return
}

// -----

func.func @dims_are_dropped(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<2xf32>' are incompatible with return type(s) of operation 'tensor<2x1xf32>'}}
  %y = nn.reduce_sum %x [1] : tensor<2x3xf32> to tensor<2x1xf32>
  return
}

// -----

func.func @cumsum_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'nn.cumsum' op sums along dimension 2 of 2 dimensions}}
  %y = nn.cumsum %x, 2 : tensor<2x3xf32>
  return
}
