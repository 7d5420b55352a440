// RUN: dpc-opt %s > %t.before
// RUN: dpc-opt %s --dualpipe-verify-differentiated > %t.after
// RUN: diff %t.before %t.after

// A stage with both halves. Cheap work may stand in both: the weight half computes the
// exponential again and does not wait for it. The check changes nothing.

nn.parameter @w : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params [@w]
dualpipe.stage @s1 = @second inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w]
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.mul %x, %w : tensor<4xf32>
    return %y : tensor<4xf32>
  }
  func.func @weight_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %0 = nn.mul %g, %x : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
dualpipe.body @second {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %e = nn.exp %x : tensor<4xf32>
    %y = nn.mul %e, %w : tensor<4xf32>
    %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
    %den = nn.constant dense<1.0> : tensor<f32>
    return %loss, %den : tensor<f32>, tensor<f32>
  }
  func.func @input_half(%s: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>}, %x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>},
                        %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    %e = nn.exp %x : tensor<4xf32>
    %0 = nn.broadcast %s dims [] : tensor<f32> to tensor<4xf32>
    %1 = nn.mul %0, %w : tensor<4xf32>
    %2 = nn.mul %1, %e : tensor<4xf32>
    return %2 : tensor<4xf32>
  }
  func.func @weight_half(%s: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>}, %x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %e = nn.exp %x : tensor<4xf32>
    %0 = nn.broadcast %s dims [] : tensor<f32> to tensor<4xf32>
    %1 = nn.mul %0, %e : tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}
