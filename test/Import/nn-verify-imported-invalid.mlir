// RUN: dpc-opt %s --split-input-file --verify-diagnostics --nn-verify-imported

// What partition and autodiff rely on, one by one.

// expected-error @below {{has no function @forward}}
module {
}

// -----

module {
  // expected-error @below {{needs nn.weighting = "denominator", "mean" or "sum"}}
  func.func @forward() -> (tensor<f32>, tensor<f32>) {
    %one = nn.constant dense<1.0> : tensor<f32>
    return %one, %one : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{must return the loss and its denominator}}
  func.func @forward() -> tensor<f32> attributes {nn.weighting = "mean"} {
    %one = nn.constant dense<1.0> : tensor<f32>
    return %one : tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{must return floating scalars, not 'tensor<2xf32>'}}
  func.func @forward() -> (tensor<2xf32>, tensor<2xf32>) attributes {nn.weighting = "mean"} {
    %one = nn.constant dense<1.0> : tensor<2xf32>
    return %one, %one : tensor<2xf32>, tensor<2xf32>
  }
}

// -----

module {
  // expected-error @below {{argument 0 needs a name of its own (nn.name)}}
  func.func @forward(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    return %x, %x : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{is read by nothing}}
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    return %x, %x : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{is trained, but no differentiable path leads from it to the loss}}
  nn.parameter @w : tensor<f32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<f32>
    %c = nn.compare lt, %x, %w : tensor<f32>
    %y = nn.cast %c : tensor<i1> to tensor<f32>
    return %y, %y : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{is not expected: an imported module holds parameters and one function @forward}}
  func.func @helper(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

module {
  // expected-error @below {{argument 1 needs a name of its own (nn.name)}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"}, %y: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    return %x, %y : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  func.func @forward(%x: tensor<f32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    // expected-error @below {{'math.exp' op is no nn operation}}
    %y = math.exp %x : tensor<f32>
    return %y, %y : tensor<f32>, tensor<f32>
  }
}

// -----

module {
  func.func @forward(%x: tensor<4x3xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    // expected-error @below {{'nn.slice' op has a result without elements: 'tensor<0x3xf32>'; nn-drop-empty removes such tensors}}
    %y = nn.slice %x [1, 0] to [1, 3] step [1, 1] : tensor<4x3xf32> to tensor<0x3xf32>
    %loss = nn.reduce_sum %y [0, 1] : tensor<0x3xf32> to tensor<f32>
    return %loss, %loss : tensor<f32>, tensor<f32>
  }
}

// -----

// An operation without a derivative stands between a trained parameter and the loss.
module {
  nn.parameter @w : tensor<4x3xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  func.func @forward(%x: tensor<4x3xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
    %w = nn.get @w : tensor<4x3xf32>
    // expected-error @below {{'nn.softmax_grad' op has no derivative, but the loss depends on trained parameters through it}}
    %y = nn.softmax_grad %x, %w : tensor<4x3xf32>
    %loss = nn.reduce_sum %y [0, 1] : tensor<4x3xf32> to tensor<f32>
    return %loss, %loss : tensor<f32>, tensor<f32>
  }
}

// -----

// Further outputs have names of their own.
module {
  // expected-error @below {{result 3 needs a name of its own (nn.name)}}
  func.func @forward(%x: tensor<f32> {nn.name = "x"})
      -> (tensor<f32>, tensor<f32>, tensor<f32> {nn.name = "a"}, tensor<f32> {nn.name = "a"}) attributes {nn.weighting = "mean"} {
    return %x, %x, %x, %x : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
  }
}
