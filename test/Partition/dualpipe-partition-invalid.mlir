// RUN: dpc-opt %s --split-input-file --verify-diagnostics --dualpipe-partition="stages=2"

// expected-error @below {{has no function @forward to partition; the import phase makes one}}
module {
}

// -----

module {
  // expected-error @below {{must return the loss and its denominator, got 1 results}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> tensor<f32> attributes {nn.weighting = "mean"} {
    return %x : tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{has a loss that depends on no trained parameter}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %y = nn.tanh %x : tensor<f32>
    %z = nn.tanh %y : tensor<f32>
    return %z, %z : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  // expected-error @below {{has no `nn.weighting`, which says how micro-batches' losses are summed}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) {
    %w = nn.get @w : tensor<f32>
    %y = nn.mul %x, %w : tensor<f32>
    %z = nn.tanh %y : tensor<f32>
    return %z, %z : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  // expected-error @below {{argument #0 has no `nn.name`}}
  func.func @forward(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<f32>
    %y = nn.mul %x, %w : tensor<f32>
    %z = nn.tanh %y : tensor<f32>
    return %z, %z : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  // expected-error @below {{the model cannot be cut into 2 stages; the largest number that this model allows is 1}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<f32>
    %y = nn.mul %x, %w : tensor<f32>
    return %y, %y : tensor<f32>, tensor<f32>
  }
}

// -----

// The model's own wishes must agree with its data flow.
module {
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<f32>
    // expected-note @below {{the other node is here}}
    %y = nn.mul %x, %w {nn.pipeline_stage = 1 : i64} : tensor<f32>
    // expected-error @below {{asks for stage 0, but needs a result of a node that asks for stage 1; a stage reads from earlier ones only}}
    %z = nn.tanh %y {nn.pipeline_stage = 0 : i64} : tensor<f32>
    return %z, %z : tensor<f32>, tensor<f32>
  }
}

// -----

// Where nodes have names, the message says both.
module {
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<f32>
    // expected-note @unknown {{the other node is here}}
    %y = nn.mul %x, %w {nn.pipeline_stage = 1 : i64} : tensor<f32> loc("scale")
    // expected-error @below {{asks for stage 0, but needs a result of 'scale', which asks for stage 1; a stage reads from earlier ones only}}
    %z = nn.tanh %y {nn.pipeline_stage = 0 : i64} : tensor<f32>
    return %z, %z : tensor<f32>, tensor<f32>
  }
}
