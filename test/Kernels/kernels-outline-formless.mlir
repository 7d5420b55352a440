// RUN: dpc-opt %s -mlir-very-unsafe-disable-verifier-on-parsing -verify-each=0 -verify-diagnostics -kernels-outline

// What would be computed in a kernel and does not say in which form is refused, all of
// it at once. Every operation of a body that could come here says it; one that reads a
// parameter does not, and only verification keeps it out of bodies.
dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @below {{'nn.get' op does not say in which form a kernel computes it (KernelFormInterface); without one it would have to be a library call, a view or a collective}}
    %w = nn.get @w : tensor<4xf32>
    %y = nn.add %x, %w : tensor<4xf32>
    // expected-error @below {{'nn.get' op does not say in which form a kernel computes it}}
    %v = nn.get @v : tensor<4xf32>
    %z = nn.add %y, %v : tensor<4xf32>
    return %z : tensor<4xf32>
  }
}
