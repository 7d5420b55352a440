// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @axis_name(%x: tensor<4xf32>) {
  // expected-error @+1 {{'nn.all_reduce' op communicates over 'pp', expected one of the mesh axes ep, tp, dp}}
  %y = nn.all_reduce %x over "pp" : tensor<4xf32>
  return
}

// -----

func.func @dimension(%x: tensor<4xf32>) {
  // expected-error @+1 {{'nn.all_gather' op joins dimension 1 of 1 dimensions}}
  %y = nn.all_gather %x over "ep" axis 1 : tensor<4xf32> to tensor<8xf32>
  return
}

// -----

module attributes {nn.mesh = {ep = 2 : i64}} {
  func.func @members(%x: tensor<4xf32>) {
    // expected-error @+1 {{relates the part 'tensor<4xf32>' to the whole 'tensor<12xf32>' along dimension 0, but 'ep' has 2 members}}
    %y = nn.all_gather %x over "ep" axis 0 : tensor<4xf32> to tensor<12xf32>
    return
  }
}

// -----

func.func @scatter_shape(%x: tensor<4x2xf32>) {
  // expected-error @+1 {{relates the part 'tensor<2x3xf32>' to the whole 'tensor<4x2xf32>' along dimension 0}}
  %y = nn.reduce_scatter %x over "ep" axis 0 : tensor<4x2xf32> to tensor<2x3xf32>
  return
}

// -----

module attributes {nn.mesh = {ep = 3 : i64}} {
  func.func @exchange(%x: tensor<4x2xf32>) {
    // expected-error @+1 {{exchanges 'tensor<4x2xf32>' into 'tensor<2x4xf32>', which no division of dimension 0 among the members of 'ep' gives}}
    %y = nn.all_to_all %x over "ep" split 0 concat 1 : tensor<4x2xf32> to tensor<2x4xf32>
    return
  }
}

// -----

// expected-error @+1 {{has the axis 'sp' in 'nn.mesh', expected one of pp, mirror, dp, ep, tp}}
module attributes {nn.mesh = {sp = 2 : i64}} {
}

// -----

// expected-error @+1 {{has 'nn.mesh' axis 'ep' = 0 : i64, expected a positive i64}}
module attributes {nn.mesh = {ep = 0 : i64}} {
}

// -----

// expected-error @+1 {{has the unknown attribute 'nn.mash'; the nn dialect knows 'nn.mesh'}}
module attributes {nn.mash = {ep = 2 : i64}} {
}

// -----

// expected-error @+1 {{has 'nn.mesh', which belongs on a module}}
func.func private @f() attributes {nn.mesh = {ep = 2 : i64}}
