// RUN: dpc-opt %s -split-input-file -kernels-estimate-cost="machine=%S/Inputs/round-numbers.json" | FileCheck %s

// On a machine of round numbers. Forward: a product of 2 * 4 * 4 * 4 = 128 flops at 1024
// a second and a launch of 32 flops at 128, each with 1 s of overhead. Input half: the
// product alone. Weight half: a collective of 64 bytes at 128 a second with 10 s of
// latency, which is communication.

// CHECK: dualpipe.stage @s0 = @both inputs [] feeds ["x"] params [@w] cost <forward = 2.375000e+00 : f64, input = 1.125000e+00 : f64, weight = 1.050000e+01 : f64, communication = 1.050000e+01 : f64, bytesIn = 0, bytesOut = 64>
// A stage of views only costs nothing; its input half does not exist.
// CHECK: dualpipe.stage @s1 = @view inputs [#dualpipe.source<@s0, 0>] feeds [] params [] cost <forward = 0.000000e+00 : f64, input = 0.000000e+00 : f64, weight = 0.000000e+00 : f64, communication = 0.000000e+00 : f64, bytesIn = 64, bytesOut = 64>
module attributes {nn.mesh = {ep = 2 : i64}} {
  nn.parameter @w : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @both {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %h = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      %y = dualpipe.launch @k_0(%h) : (tensor<4x4xf32>) -> tensor<4x4xf32>
      return %y : tensor<4x4xf32>
    }
    func.func @input_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
      %0 = nn.matmul %g, %w rhs [1, 0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      return %0 : tensor<4x4xf32>
    }
    func.func @weight_half(%k: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
      %0 = nn.all_reduce %k over "ep" : tensor<4x4xf32>
      return %0 : tensor<4x4xf32>
    }
  }
  dualpipe.body @view {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.reshape %x : tensor<4x4xf32> to tensor<16xf32>
      return %y : tensor<16xf32>
    }
  }
  dualpipe.stage @s0 = @both inputs [] feeds ["x"] params [@w]
  dualpipe.stage @s1 = @view inputs [#dualpipe.source<@s0, 0>] feeds [] params []
  func.func private @k_0(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dualpipe.kernel} {
    %0 = nn.add %x, %x : tensor<4x4xf32>
    %1 = nn.mul %0, %x : tensor<4x4xf32>
    return %1 : tensor<4x4xf32>
  }
}

// -----

// Nothing to do: no stages.

// CHECK-LABEL: dualpipe.body @alone
// CHECK-NOT: cost
dualpipe.body @alone {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
