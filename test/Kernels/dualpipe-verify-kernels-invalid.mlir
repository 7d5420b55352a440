// RUN: dpc-opt %s -split-input-file -verify-diagnostics -dualpipe-verify-kernels

// A small constant is a kernel's own, and computing is a kernel's: all that stands
// outside is named at once.

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @below {{'nn.constant' op is in no kernel; launches, library calls, views, collectives and large constants may stand in a body}}
    %c = nn.constant dense<1.0> : tensor<4xf32>
    // expected-error @below {{'nn.add' op is in no kernel; launches, library calls, views, collectives and large constants may stand in a body}}
    %y = nn.add %x, %c : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// expected-error @below {{is a kernel whose content is named @k_}}
func.func private @k_0(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dualpipe.kernel} {
  // expected-error @below {{'nn.matmul' op is in a kernel, which may hold nn operations other than library calls, collectives and large constants}}
  %0 = nn.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// expected-error @below {{is a kernel whose content is named @k_}}
func.func private @k_0(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dualpipe.kernel} {
  // expected-error @below {{'math.exp' op is in a kernel, which may hold nn operations other than library calls, collectives and large constants}}
  %0 = math.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

nn.parameter @w : tensor<4xf32> trained = #nn.init<zeros, 1, 2.000000e-02 : f64>
// expected-error @below {{is a kernel whose content is named @k_}}
func.func private @k_0(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dualpipe.kernel} {
  // expected-error @below {{'nn.get' op is in a kernel, but does not say in which form one computes it (KernelFormInterface)}}
  %0 = nn.get @w : tensor<4xf32>
  %1 = nn.add %x, %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}
// expected-error @below {{'dualpipe.stage' op has no cost}}
dualpipe.stage @s0 = @b inputs [] feeds ["x"] params []

// -----

// What no kernel computes in its own type is not compiled.

// expected-error @below {{'nn.parameter' op is trained in elements of 'bf16', which are too few bits to add an update to; give it a master of f32, or --freeze it}}
nn.parameter @w : tensor<4xbf16> trained = #nn.init<zeros, 1, 2.000000e-02 : f64>
nn.parameter @c : tensor<4xbf16> = #nn.init<zeros, 1, 2.000000e-02 : f64>
