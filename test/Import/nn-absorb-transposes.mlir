// RUN: dpc-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(nn-absorb-transposes))' | FileCheck %s

// Both operands of attention scores, the scale of the keys in between, and the
// result.

// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<1x16x4x8xf32>, %[[K:.*]]: tensor<1x16x4x8xf32>, %[[V:.*]]: tensor<1x16x4x8xf32>)
// CHECK-NOT: nn.transpose
// CHECK: %[[SCALE:.*]] = nn.constant dense<5.000000e-01> : tensor<1x16x4x8xf32>
// CHECK: %[[KS:.*]] = nn.mul %[[K]], %[[SCALE]]
// CHECK: %[[S:.*]] = nn.matmul %[[Q]], %[[KS]] lhs [0, 2, 1, 3] rhs [0, 2, 3, 1] : tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32> to tensor<1x4x16x16xf32>
// CHECK: %[[Y:.*]] = nn.matmul %[[S]], %[[V]] rhs [0, 2, 1, 3] result [0, 2, 1, 3] : tensor<1x4x16x16xf32>, tensor<1x16x4x8xf32> to tensor<1x16x4x8xf32>
// CHECK: return %[[Y]]
func.func @attention(%q: tensor<1x16x4x8xf32>, %k: tensor<1x16x4x8xf32>, %v: tensor<1x16x4x8xf32>) -> tensor<1x16x4x8xf32> {
  %c = nn.constant dense<0.5> : tensor<1x4x8x16xf32>
  %qt = nn.transpose %q [0, 2, 1, 3] : tensor<1x16x4x8xf32> to tensor<1x4x16x8xf32>
  %kt = nn.transpose %k [0, 2, 3, 1] : tensor<1x16x4x8xf32> to tensor<1x4x8x16xf32>
  %ks = nn.mul %kt, %c : tensor<1x4x8x16xf32>
  %s = nn.matmul %qt, %ks : tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32> to tensor<1x4x16x16xf32>
  %vt = nn.transpose %v [0, 2, 1, 3] : tensor<1x16x4x8xf32> to tensor<1x4x16x8xf32>
  %y = nn.matmul %s, %vt : tensor<1x4x16x16xf32>, tensor<1x4x16x8xf32> to tensor<1x4x16x8xf32>
  %yt = nn.transpose %y [0, 2, 1, 3] : tensor<1x4x16x8xf32> to tensor<1x16x4x8xf32>
  return %yt : tensor<1x16x4x8xf32>
}

// -----

// Reshapes that join batch dimensions before the transpose and split them after.

// CHECK-LABEL: func.func @batch_reshapes
// CHECK-NEXT: nn.matmul %{{.*}}, %{{.*}} rhs [0, 1, 3, 2]
// CHECK-NEXT: return
func.func @batch_reshapes(%q: tensor<2x4x16x8xf32>, %k: tensor<2x4x16x8xf32>) -> tensor<2x4x16x16xf32> {
  %0 = nn.reshape %k : tensor<2x4x16x8xf32> to tensor<8x16x8xf32>
  %1 = nn.transpose %0 [0, 2, 1] : tensor<8x16x8xf32> to tensor<8x8x16xf32>
  %2 = nn.reshape %1 : tensor<8x8x16xf32> to tensor<2x4x8x16xf32>
  %3 = nn.matmul %q, %2 : tensor<2x4x16x8xf32>, tensor<2x4x8x16xf32> to tensor<2x4x16x16xf32>
  return %3 : tensor<2x4x16x16xf32>
}

// -----

// A permutation that leaves no dimension of the matrix contiguous stays a copy;
// so does a result whose rows would be scattered.

// CHECK-LABEL: func.func @scattered
// CHECK: nn.transpose
// CHECK: nn.matmul %{{.*}}, %{{.*}} : tensor
// CHECK: nn.transpose
func.func @scattered(%x: tensor<4x8x2xf32>, %y: tensor<2x8x5xf32>) -> tensor<2x5x4xf32> {
  %0 = nn.transpose %x [2, 0, 1] : tensor<4x8x2xf32> to tensor<2x4x8xf32>
  %1 = nn.matmul %0, %y : tensor<2x4x8xf32>, tensor<2x8x5xf32> to tensor<2x4x5xf32>
  %2 = nn.transpose %1 [0, 2, 1] : tensor<2x4x5xf32> to tensor<2x5x4xf32>
  return %2 : tensor<2x5x4xf32>
}

// -----

// A product with two readers keeps its layout.

// CHECK-LABEL: func.func @two_readers
// CHECK: %[[P:.*]] = nn.matmul
// CHECK: nn.transpose %[[P]]
// CHECK: return %[[P]]
func.func @two_readers(%x: tensor<2x4x8x8xf32>) -> (tensor<2x4x8x8xf32>, tensor<2x8x4x8xf32>) {
  %0 = nn.matmul %x, %x : tensor<2x4x8x8xf32>, tensor<2x4x8x8xf32> to tensor<2x4x8x8xf32>
  %1 = nn.transpose %0 [0, 2, 1, 3] : tensor<2x4x8x8xf32> to tensor<2x8x4x8xf32>
  return %0, %1 : tensor<2x4x8x8xf32>, tensor<2x8x4x8xf32>
}

// -----

// A product keeps the stage that it asks for, whatever it takes in; so does what is
// moved or joined.

// CHECK-LABEL: func.func @stages
// CHECK: nn.mul {{.*}} {nn.pipeline_stage = 1 : i64}
// CHECK-NEXT: nn.matmul {{.*}} result [0, 2, 1, 3] {nn.pipeline_stage = 2 : i64}
// CHECK-NEXT: nn.transpose {{.*}} [0, 1, 3, 2] {nn.pipeline_stage = 4 : i64}
func.func @stages(%q: tensor<2x4x16x8xf32>, %k: tensor<2x16x4x8xf32>) -> (tensor<2x16x4x16xf32>, tensor<2x4x8x16xf32>) {
  %c = nn.constant dense<0.5> : tensor<2x4x8x16xf32>
  %kt = nn.transpose %k [0, 2, 3, 1] {nn.pipeline_stage = 0 : i64} : tensor<2x16x4x8xf32> to tensor<2x4x8x16xf32>
  %ks = nn.mul %kt, %c {nn.pipeline_stage = 1 : i64} : tensor<2x4x8x16xf32>
  %s = nn.matmul %q, %ks {nn.pipeline_stage = 2 : i64} : tensor<2x4x16x8xf32>, tensor<2x4x8x16xf32> to tensor<2x4x16x16xf32>
  %y = nn.transpose %s [0, 2, 1, 3] {nn.pipeline_stage = 3 : i64} : tensor<2x4x16x16xf32> to tensor<2x16x4x16xf32>
  %joined = nn.reshape %q : tensor<2x4x16x8xf32> to tensor<8x16x8xf32>
  %turned = nn.transpose %joined [0, 2, 1] : tensor<8x16x8xf32> to tensor<8x8x16xf32>
  %split = nn.reshape %turned {nn.pipeline_stage = 4 : i64} : tensor<8x8x16xf32> to tensor<2x4x8x16xf32>
  return %y, %split : tensor<2x16x4x16xf32>, tensor<2x4x8x16xf32>
}

// -----

// Nothing to do: no constant is merged, nothing is folded.

// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.matmul
func.func @nothing(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %a = nn.constant dense<1.0> : tensor<4x4xf32>
  %b = nn.constant dense<1.0> : tensor<4x4xf32>
  %c = nn.add %a, %b : tensor<4x4xf32>
  %y = nn.matmul %x, %c : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
