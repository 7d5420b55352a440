// RUN: dpc-opt %s -split-input-file -verify-diagnostics -dualpipe-differentiate

// All operations without a derivative are named at once, each with the parameter
// that needs it.
// expected-note @below {{the gradient of the trained parameter 'ln.weight' needs it}}
nn.parameter @ln.weight : tensor<4x3xf32> trained = #nn.init<ones, 1, 0.0 : f64>
dualpipe.stage @s0 = @two inputs [] feeds ["x"] params [@ln.weight]
dualpipe.body @two {
  func.func @forward(%x: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                     %w: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @below {{'nn.softmax_grad' has no derivative, and a gradient has to flow through it}}
    %a = nn.softmax_grad %x, %w : tensor<4x3xf32>
    return %a : tensor<4x3xf32>
  }
}
dualpipe.body @other {
  // expected-note @below {{the gradient of input 0 of body 'other' needs it}}
  func.func @forward(%x: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @below {{'nn.softmax_grad' has no derivative, and a gradient has to flow through it}}
    %a = nn.softmax_grad %x, %x : tensor<4x3xf32>
    return %a : tensor<4x3xf32>
  }
}

// -----

// expected-error @below {{has halves already}}
dualpipe.body @again {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  func.func @input_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    return %g : tensor<4xf32>
  }
}
