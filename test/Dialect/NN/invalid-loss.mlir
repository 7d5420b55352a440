// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @labels(%x: tensor<4x5xf32>, %t: tensor<5xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.cross_entropy' op has logits 'tensor<4x5xf32>' and labels 'tensor<5xi64>', expected logits [N, C] and labels [N]}}
  %y:2 = "nn.cross_entropy"(%x, %t) : (tensor<4x5xf32>, tensor<5xi64>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @gradient(%g: tensor<5xf32>, %x: tensor<4x5xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{has a gradient of type 'tensor<5xf32>', expected 'tensor<4xf32>'}}
  %y = nn.cross_entropy_grad %g, %x, %t, %g : tensor<5xf32>, tensor<4x5xf32>, tensor<4xi64>
  return
}

// -----

func.func @mean_of_matrix(%v: tensor<4x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.weighted_mean' op averages 'tensor<4x5xf32>', expected values [N]}}
  %y:2 = "nn.weighted_mean"(%v, %v) : (tensor<4x5xf32>, tensor<4x5xf32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mean_grad(%g: tensor<1xf32>, %w: tensor<4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has weights 'tensor<4xf32>' and a gradient of type 'tensor<1xf32>', expected weights [N] and a scalar}}
  %y = "nn.weighted_mean_grad"(%g, %w, %g) : (tensor<1xf32>, tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return
}
