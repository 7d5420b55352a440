// An operation without a derivative may hand a gradient on: cutting does not answer for
// what differentiation has to refuse, with the parameter that needs it.
// RUN: dpc-opt %s --dpc-partition-pipeline="stages=2 cuts=after:first" | FileCheck %s
// RUN: not dpc-opt %s --dpc-partition-pipeline="stages=2 cuts=after:first" --dualpipe-differentiate 2>&1 | FileCheck %s --check-prefix=REFUSED

// CHECK-LABEL: dualpipe.body @stage0
// CHECK: func.func @forward(%{{.*}}role<feed 0>}, %{{.*}}: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>}) -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>})
// CHECK-LABEL: dualpipe.body @stage1
// CHECK: func.func @forward(%[[X:.*]]: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>}, %{{.*}}: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
// CHECK: nn.softmax_grad %[[X]], %[[X]]

// REFUSED: 'nn.softmax_grad' has no derivative, and a gradient has to flow through it
// REFUSED: the gradient of input 0 of body 'stage1' needs it

nn.parameter @w0 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
func.func @forward(%x: tensor<8x8xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<8x8xf32>
  %w1 = nn.get @w1 : tensor<8x8xf32>
  %a = nn.matmul %x, %w0 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"first">["MatMul"])
  %b = nn.softmax_grad %a, %a : tensor<8x8xf32> loc(fused<"second">["Grad"])
  %c = nn.matmul %b, %w1 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"second">["MatMul_1"])
  %loss = nn.reduce_sum %c [0, 1] : tensor<8x8xf32> to tensor<f32> loc(fused<"second">["Sum"])
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
