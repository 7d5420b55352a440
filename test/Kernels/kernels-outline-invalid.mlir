// RUN: dpc-opt %s -split-input-file -verify-diagnostics -kernels-outline

dualpipe.body @other_dialect {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @below {{'math.exp' op is in a body, where only nn operations can become kernels}}
    %y = math.exp %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}
