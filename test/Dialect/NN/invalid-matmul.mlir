// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @rank(%a: tensor<3xf32>, %b: tensor<3x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.matmul' op multiplies 'tensor<3xf32>' by 'tensor<3x4xf32>', expected two tensors of the same rank, at least 2}}
  %y = nn.matmul %a, %b : tensor<3xf32>, tensor<3x4xf32> to tensor<4xf32>
  return
}

// -----

func.func @element_types(%a: tensor<2x3xf32>, %b: tensor<3x4xbf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected equal element types}}
  %y = nn.matmul %a, %b : tensor<2x3xf32>, tensor<3x4xbf16> to tensor<2x4xf32>
  return
}

// -----

func.func @inner_extents(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{sums over 3 elements on the left and 4 on the right}}
  %y = nn.matmul %a, %b : tensor<2x3xf32>, tensor<4x5xf32> to tensor<2x5xf32>
  return
}

// -----

func.func @batch_extents(%a: tensor<2x2x3xf32>, %b: tensor<4x3x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has the batch extents [2] on the left and [4] on the right}}
  %y = nn.matmul %a, %b : tensor<2x2x3xf32>, tensor<4x3x5xf32> to tensor<2x2x5xf32>
  return
}

// -----

func.func @permutation(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has the rhs permutation [0, 2], expected a permutation of 2 dimensions}}
  %y = nn.matmul %a, %b rhs [0, 2] : tensor<2x3xf32>, tensor<3x5xf32> to tensor<2x5xf32>
  return
}

// -----

func.func @result(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<5x2xf32>' are incompatible with return type(s) of operation 'tensor<2x5xf32>'}}
  %y = nn.matmul %a, %b result [1, 0] : tensor<2x3xf32>, tensor<3x5xf32> to tensor<2x5xf32>
  return
}
