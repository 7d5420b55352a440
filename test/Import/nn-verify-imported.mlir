// RUN: dpc-opt %s > %t.before
// RUN: dpc-opt %s --nn-verify-imported > %t.after
// RUN: diff %t.before %t.after

// A module that import may make: a trained parameter with a path to the loss, one
// that is not trained, an input, and a mask on the way that gradients stop at. The
// check changes nothing.

nn.parameter @w : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @limit : tensor<4xf32> = #nn.init<ones, 1, 0.0 : f64>
func.func @forward(%x: tensor<4xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w = nn.get @w : tensor<4xf32>
  %limit = nn.get @limit : tensor<4xf32>
  %y = nn.mul %x, %w : tensor<4xf32>
  %mask = nn.compare lt, %y, %limit : tensor<4xf32>
  %kept = nn.select %mask, %y, %limit : tensor<4xf32>
  %loss = nn.reduce_sum %kept [0] : tensor<4xf32> to tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  return %loss, %one : tensor<f32>, tensor<f32>
}
