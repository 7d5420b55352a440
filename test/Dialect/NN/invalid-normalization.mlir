// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @softmax_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{'nn.softmax' op works on rows, but 'tensor<f32>' has none}}
  %y = nn.softmax %x : tensor<f32>
  return
}

// -----

func.func @empty_rows(%x: tensor<3x0xf32>) {
  // expected-error @+1 {{'nn.log_softmax' op works on rows, but 'tensor<3x0xf32>' has none}}
  %y = nn.log_softmax %x : tensor<3x0xf32>
  return
}

// -----

func.func @scale(%x: tensor<2x4xf32>, %s: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.layer_norm' op has a scale of type 'tensor<2xf32>' for rows of 'tensor<2x4xf32>', expected 'tensor<4xf32>'}}
  %y:3 = "nn.layer_norm"(%x, %s) <{epsilon = 1.0e-05 : f64}> : (tensor<2x4xf32>, tensor<2xf32>) -> (tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @statistics(%x: tensor<2x4xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{'nn.layer_norm_dx' op has mean and rstd of type 'tensor<4xf32>', expected 'tensor<2xf32>'}}
  %y = nn.layer_norm_dx %x, %x, %s, %s, %s : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @dscale(%x: tensor<2x4xf32>, %m: tensor<2xf32>) {
  // expected-error @+1 {{'nn.layer_norm_dscale' op has a result of type 'tensor<2xf32>' for rows of 'tensor<2x4xf32>', expected 'tensor<4xf32>'}}
  %y = nn.layer_norm_dscale %x, %x, %m, %m : tensor<2x4xf32>, tensor<2xf32> to tensor<2xf32>
  return
}
