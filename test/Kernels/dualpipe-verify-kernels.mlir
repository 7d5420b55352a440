// RUN: dpc-opt %s --kernels-outline --kernels-estimate-cost > %t.before
// RUN: dpc-opt %t.before --dualpipe-verify-kernels > %t.after
// RUN: diff %t.before %t.after

// A module after the phase's other passes: launches, a library call, a view and a large
// constant. The check changes nothing.

nn.parameter @w : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.body @b {
  func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<32xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %c = nn.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
                            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<4x8xf32>
    %h = nn.matmul %w, %x : tensor<4x4xf32>, tensor<4x8xf32> to tensor<4x8xf32>
    %a = nn.add %h, %c : tensor<4x8xf32>
    %t = nn.tanh %a : tensor<4x8xf32>
    %y = nn.reshape %t : tensor<4x8xf32> to tensor<32xf32>
    return %y : tensor<32xf32>
  }
}
dualpipe.stage @s0 = @b inputs [] feeds ["x"] params [@w]
