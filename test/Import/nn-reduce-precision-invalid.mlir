// RUN: dpc-opt %s --nn-reduce-precision=precision=fp8 --verify-diagnostics

// expected-error@+1 {{cannot be computed in precision 'fp8'; known is bf16}}
module {
  func.func @forward(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
    %y = nn.matmul %x, %w : tensor<2x4xf32>, tensor<4x2xf32> to tensor<2x2xf32>
    return %y : tensor<2x2xf32>
  }
}
