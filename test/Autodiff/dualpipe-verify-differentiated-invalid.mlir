// RUN: dpc-opt %s -split-input-file -verify-diagnostics -dualpipe-verify-differentiated

// Every trained parameter has a gradient.

// expected-note @below {{the parameter is here}}
nn.parameter @w : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.stage @s0 = @no_gradient inputs [] feeds ["x"] params [@w]
// expected-error @below {{the trained parameter 'w' gets no gradient in stage 's0': no differentiable path leads from it to the loss or to another stage; freeze it if that is meant}}
dualpipe.body @no_gradient {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.mul %x, %w : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// expected-note @below {{the parameter is here}}
nn.parameter @w : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.stage @s0 = @frozen inputs [] feeds ["x"] params [@w]
// expected-error @below {{the trained parameter 'w' gets no gradient in stage 's0': body 'frozen' takes its parameter 0 as frozen}}
dualpipe.body @frozen {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.mul %x, %w : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// So has every input that is not frozen, and no other.

// expected-error @below {{input 0 of body 'missing' needs a gradient, but the input half makes none}}
dualpipe.body @missing {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

// expected-error @below {{input 0 of body 'too_much' needs no gradient, but the input half makes one}}
dualpipe.body @too_much {
  func.func @forward(%x: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  func.func @input_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    return %g : tensor<4xf32>
  }
}

// -----

// A product is not computed by both halves: the input half hands it over.

dualpipe.body @twice {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.mul %x, %w : tensor<4x4xf32>
    return %y : tensor<4x4xf32>
  }
  func.func @input_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    // expected-note @below {{the input half computes it here}}
    %0 = nn.matmul %g, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
  func.func @weight_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    // expected-error @below {{'nn.matmul' is computed by both halves of body 'twice'}}
    %0 = nn.matmul %g, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// -----

// Nothing is computed for nothing.

dualpipe.body @unused {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  func.func @input_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    // expected-error @below {{nothing uses the results of this 'nn.exp' of body 'unused'}}
    %0 = nn.exp %g : tensor<4xf32>
    return %g : tensor<4xf32>
  }
}
