// RUN: dpc-opt %s > %t.before
// RUN: dpc-opt %s --dualpipe-verify-partitioned > %t.after
// RUN: diff %t.before %t.after
// RUN: dpc-opt %s --verify-diagnostics --dualpipe-verify-partitioned="report"
// RUN: not dpc-opt %s --dualpipe-verify-partitioned="machine=absent.json" 2>&1 | FileCheck %s

// The check changes nothing; with `report` it says what stages cost, forward and
// backward: of the first, the product (2 * 4 * 8 * 8 flops) and that of its weight's
// gradient, as the input needs none.

// CHECK: error: machine description 'absent.json' cannot be read: No such file or directory

nn.parameter @w0 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
dualpipe.body @stage0 {
  func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                     %w: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %w : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
    return %y : tensor<4x8xf32>
  }
}
dualpipe.body @stage1 {
  func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<8xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %b = nn.broadcast %w dims [1] : tensor<8xf32> to tensor<4x8xf32>
    %y = nn.mul %x, %b : tensor<4x8xf32>
    %loss = nn.reduce_sum %y [0, 1] : tensor<4x8xf32> to tensor<f32>
    %den = nn.constant dense<1.0> : tensor<f32>
    return %loss, %den : tensor<f32>, tensor<f32>
  }
}
// expected-remark @below {{64 parameters, 1024 flops}}
dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
// expected-remark @below {{8 parameters}}
dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
