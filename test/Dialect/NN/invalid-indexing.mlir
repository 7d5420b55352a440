// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @gather_axis(%t: tensor<4x6xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.gather' op indexes dimension 2 of 2 dimensions}}
  %y = nn.gather %t, %i axis 2 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  return
}

// -----

func.func @float_indices(%t: tensor<4x6xf32>, %i: tensor<3xf32>) {
  // expected-error @+1 {{operand #1 must be statically shaped tensor of 64-bit signless integer or 32-bit signless integer}}
  %y = nn.gather %t, %i axis 0 : tensor<4x6xf32>, tensor<3xf32> to tensor<3x6xf32>
  return
}

// -----

func.func @scatter_updates(%i: tensor<3xi64>, %u: tensor<2x6xf32>) {
  // expected-error @+1 {{'nn.scatter_add' op adds updates of type 'tensor<2x6xf32>' into 'tensor<4x6xf32>', expected 'tensor<3x6xf32>'}}
  %y = nn.scatter_add %i, %u axis 0 : tensor<3xi64>, tensor<2x6xf32> to tensor<4x6xf32>
  return
}

// -----

func.func @tuples_too_long(%t: tensor<4x6xf32>, %i: tensor<2x3xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has index tuples of 3 after 0 batch dimensions for a table of 2 dimensions}}
  %y = nn.gather_nd %t, %i : tensor<4x6xf32>, tensor<2x3xi64> to tensor<2xf32>
  return
}

// -----

func.func @batch_differs(%t: tensor<4x6xf32>, %i: tensor<2x1xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{that differ in the first 1 dimensions}}
  %y = nn.gather_nd %t, %i {batch_dims = 1 : i64} : tensor<4x6xf32>, tensor<2x1xi64> to tensor<2xf32>
  return
}

// -----

func.func @too_many_batch_dims(%t: tensor<4x6xf32>, %i: tensor<4x1xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has 2 batch dimensions for a table}}
  %y = nn.gather_nd %t, %i {batch_dims = 2 : i64} : tensor<4x6xf32>, tensor<4x1xi64> to tensor<4xf32>
  return
}

// -----

func.func @scatter_nd_updates(%i: tensor<3x1xi64>, %u: tensor<3xf32>) {
  // expected-error @+1 {{adds updates of type 'tensor<3xf32>' into 'tensor<4x6xf32>', expected 'tensor<3x6xf32>'}}
  %y = nn.scatter_nd_add %i, %u : tensor<3x1xi64>, tensor<3xf32> to tensor<4x6xf32>
  return
}

// -----

func.func @elements_ranks(%t: tensor<4x6xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{indexes 'tensor<4x6xf32>' by 'tensor<3xi64>' along dimension 0, expected equal ranks}}
  %y = nn.gather_elements %t, %i axis 0 : tensor<4x6xf32>, tensor<3xi64> to tensor<3xf32>
  return
}

// -----

func.func @elements_extent(%i: tensor<5x2xi64>, %u: tensor<5x2xf32>) {
  // expected-error @+1 {{no larger extents in other dimensions}}
  %y = nn.scatter_elements_add %i, %u axis 1 : tensor<5x2xi64>, tensor<5x2xf32> to tensor<4x6xf32>
  return
}

// -----

func.func @top_k(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'nn.top_k' op takes 4 elements of each row of 'tensor<2x3xf32>'}}
  %y:2 = nn.top_k %x, 4 : tensor<2x3xf32> to tensor<2x4xf32>, tensor<2x4xi64>
  return
}

// -----

func.func @padding(%t: tensor<4x6xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{has the padding row 4 of a table with 4 along dimension 0}}
  %0 = nn.gather %t, %i axis 0 padding 4 : tensor<4x6xf32>, tensor<3xi64> to tensor<3x6xf32>
  return
}
