// RUN: dpc-opt %s --dpc-kernels-pipeline | FileCheck %s
// A small transformer-like body: what shares a kernel, what stays.

// CHECK-LABEL: dualpipe.body @layer
dualpipe.body @layer {
  // Bias, gelu-like chain and residual are one kernel between two library calls;
  // the mask is made of nothing and repeated in the softmax's kernel.
  // CHECK-LABEL: func.func @forward
  // CHECK: nn.matmul
  // CHECK-NEXT: dualpipe.launch
  // CHECK-NEXT: nn.matmul
  // CHECK-NEXT: dualpipe.launch
  // CHECK-NEXT: return
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                     %w: tensor<16x16xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %b: tensor<16xf32> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x16xf32> {dualpipe.role = #dualpipe.role<kept 0>},
          tensor<8x16xf32> {dualpipe.role = #dualpipe.role<kept 1>}) {
    %0 = nn.matmul %x, %w : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32>
    %1 = nn.broadcast %b dims [1] : tensor<16xf32> to tensor<8x16xf32>
    %2 = nn.add %0, %1 : tensor<8x16xf32>
    %3 = nn.tanh %2 : tensor<8x16xf32>
    %i = nn.iota 0 : tensor<8x16xi64>
    %j = nn.iota 1 : tensor<8x16xi64>
    %m = nn.compare ge, %i, %j : tensor<8x16xi64>
    %c = nn.constant dense<0xFF800000> : tensor<8x16xf32>
    %s = nn.select %m, %3, %c : tensor<8x16xf32>
    %p = nn.softmax %s : tensor<8x16xf32>
    %4 = nn.matmul %p, %w : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32>
    %5 = nn.add %4, %x : tensor<8x16xf32>
    return %5, %p, %3 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>
  }
  // The weight's gradient is added by the library; the bias's by its kernel, in
  // place. The two column sums that read the gradient share a kernel.
  // CHECK-LABEL: func.func @weight_half
  // CHECK-DAG: nn.matmul %{{.*}}, %{{.*}} into %{{.*}} lhs [1, 0]
  // CHECK-DAG: dualpipe.launch @[[COLUMNS:k_[0-9a-f]+]]
  // CHECK-NOT: nn.add
  // CHECK: return
  func.func @weight_half(%g: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                         %p: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<kept 0>},
                         %t: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<kept 1>},
                         %aw: tensor<16x16xf32> {dualpipe.role = #dualpipe.role<accumulator 0>},
                         %ab: tensor<16xf32> {dualpipe.role = #dualpipe.role<accumulator 1>})
      -> (tensor<16x16xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<param_grad 1>}) {
    %0 = nn.matmul %p, %g lhs [1, 0] : tensor<8x16xf32>, tensor<8x16xf32> to tensor<16x16xf32>
    %1 = nn.add %aw, %0 : tensor<16x16xf32>
    %2 = nn.mul %g, %t : tensor<8x16xf32>
    %3 = nn.reduce_sum %2 [0] : tensor<8x16xf32> to tensor<16xf32>
    %4 = nn.add %ab, %3 : tensor<16xf32>
    return %1, %4 : tensor<16x16xf32>, tensor<16xf32>
  }
}

nn.parameter @w : tensor<16x16xf32> trained = #nn.init<zeros, 0, 0.0 : f64>
nn.parameter @b : tensor<16xf32> trained = #nn.init<zeros, 0, 0.0 : f64>
// CHECK: dualpipe.stage @s0 = @layer {{.*}} cost <forward = {{[0-9.eE-]+}} : f64
dualpipe.stage @s0 = @layer inputs [] feeds ["x"] params [@w, @b]

// The bias gradient's kernel holds its elementwise producer.
// CHECK: func.func private @[[COLUMNS]](
// CHECK-SAME: dualpipe.inplace = 0
// CHECK-DAG: nn.mul
// CHECK-DAG: nn.reduce_sum
// CHECK: nn.add
