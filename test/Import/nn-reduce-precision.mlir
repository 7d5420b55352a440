// RUN: dpc-opt %s --split-input-file --nn-reduce-precision --verify-diagnostics | FileCheck %s

// Between two products a chain of elementwise operations is computed in f32 and
// rounded once. Biases stay in f32: what adds them does.

// CHECK: nn.parameter @up : tensor<4x8xbf16> trained master f32 = #nn.init
nn.parameter @up : tensor<4x8xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
// CHECK: nn.parameter @bias : tensor<2x8xf32> trained = #nn.init
nn.parameter @bias : tensor<2x8xf32> trained = #nn.init<zeros, 1, 0.000000e+00 : f64>
// CHECK: nn.parameter @down : tensor<8x4xbf16> trained master f32 = #nn.init
nn.parameter @down : tensor<8x4xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[X:.*]]: tensor<2x4xf32>) -> tensor<f32>
func.func @forward(%x: tensor<2x4xf32>) -> tensor<f32> {
  // CHECK: %[[NARROW:.*]] = nn.cast %[[X]] : tensor<2x4xf32> to tensor<2x4xbf16>
  // CHECK: %[[UP:.*]] = nn.get @up : tensor<4x8xbf16>
  // CHECK: %[[Y:.*]] = nn.matmul %[[NARROW]], %[[UP]] : tensor<2x4xbf16>, tensor<4x8xbf16> to tensor<2x8xbf16>
  %up = nn.get @up : tensor<4x8xf32>
  %y = nn.matmul %x, %up : tensor<2x4xf32>, tensor<4x8xf32> to tensor<2x8xf32>
  // CHECK: %[[WIDE:.*]] = nn.cast %[[Y]] : tensor<2x8xbf16> to tensor<2x8xf32>
  // CHECK: %[[SUM:.*]] = nn.add %[[WIDE]], %{{.*}} : tensor<2x8xf32>
  // CHECK: %[[ACT:.*]] = nn.tanh %[[SUM]] : tensor<2x8xf32>
  // CHECK: %[[ROUNDED:.*]] = nn.cast %[[ACT]] : tensor<2x8xf32> to tensor<2x8xbf16>
  %bias = nn.get @bias : tensor<2x8xf32>
  %sum = nn.add %y, %bias : tensor<2x8xf32>
  %act = nn.tanh %sum : tensor<2x8xf32>
  // CHECK: %[[Z:.*]] = nn.matmul %[[ROUNDED]], %{{.*}} : tensor<2x8xbf16>, tensor<8x4xbf16> to tensor<2x4xbf16>
  %down = nn.get @down : tensor<8x4xf32>
  %z = nn.matmul %act, %down : tensor<2x8xf32>, tensor<8x4xf32> to tensor<2x4xf32>
  // A sum is one of f32.
  // CHECK: %[[ALL:.*]] = nn.cast %[[Z]] : tensor<2x4xbf16> to tensor<2x4xf32>
  // CHECK: nn.reduce_sum %[[ALL]] [0, 1] : tensor<2x4xf32> to tensor<f32>
  %loss = nn.reduce_sum %z [0, 1] : tensor<2x4xf32> to tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A residual stream has several readers and is rounded for all of them, who read it
// by casts of their own; a norm takes 16 bits and keeps its scale; softmax takes them
// because its reader does; the losses of 16-bit logits are f32.

nn.parameter @table : tensor<8x4xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
nn.parameter @scale : tensor<4xf32> trained = #nn.init<ones, 1, 0.000000e+00 : f64>
// CHECK-LABEL: func.func @forward
func.func @forward(%ids: tensor<4xi64>, %labels: tensor<4xi64>) -> tensor<4xf32> {
  // CHECK: %[[TABLE:.*]] = nn.get @table : tensor<8x4xbf16>
  // CHECK: %[[E:.*]] = nn.gather %[[TABLE]], %{{.*}} axis 0 : tensor<8x4xbf16>, tensor<4xi64> to tensor<4x4xbf16>
  %table = nn.get @table : tensor<8x4xf32>
  %e = nn.gather %table, %ids axis 0 : tensor<8x4xf32>, tensor<4xi64> to tensor<4x4xf32>
  // CHECK: nn.layer_norm %[[E]], %{{.*}} epsilon {{.*}} : tensor<4x4xbf16>, tensor<4xf32>
  %scale = nn.get @scale : tensor<4xf32>
  %n, %mean, %rstd = nn.layer_norm %e, %scale epsilon 1.0e-05 : tensor<4x4xf32>, tensor<4xf32>
  // CHECK: %[[SCORES:.*]] = nn.matmul {{.*}} to tensor<4x4xbf16>
  // CHECK: %[[P:.*]] = nn.softmax %[[SCORES]] : tensor<4x4xbf16>
  %scores = nn.matmul %n, %n : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  %p = nn.softmax %scores : tensor<4x4xf32>
  // CHECK: %[[Y:.*]] = nn.matmul %[[P]]
  %y = nn.matmul %p, %n : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  // CHECK-DAG: %[[A:.*]] = nn.cast %[[E]] : tensor<4x4xbf16> to tensor<4x4xf32>
  // CHECK-DAG: %[[B:.*]] = nn.cast %[[Y]] : tensor<4x4xbf16> to tensor<4x4xf32>
  // CHECK: %[[STREAM:.*]] = nn.add %[[A]], %[[B]] : tensor<4x4xf32>
  // CHECK: %[[ROUNDED:.*]] = nn.cast %[[STREAM]] : tensor<4x4xf32> to tensor<4x4xbf16>
  %stream = nn.add %e, %y : tensor<4x4xf32>
  // CHECK: %[[C:.*]] = nn.cast %[[ROUNDED]] : tensor<4x4xbf16> to tensor<4x4xf32>
  // CHECK: nn.tanh %[[C]] : tensor<4x4xf32>
  %t = nn.tanh %stream : tensor<4x4xf32>
  // CHECK: %[[D:.*]] = nn.cast %[[ROUNDED]] : tensor<4x4xbf16> to tensor<4x4xf32>
  // CHECK: nn.mul %{{.*}}, %[[D]] : tensor<4x4xf32>
  %u = nn.mul %t, %stream : tensor<4x4xf32>
  // Cross entropy takes logits as they are.
  // CHECK: nn.cross_entropy %{{.*}} : tensor<4x4xf32>, tensor<4xi64>
  %first, %lse = nn.cross_entropy %u, %labels : tensor<4x4xf32>, tensor<4xi64>
  // CHECK: %[[LOGITS:.*]] = nn.matmul {{.*}} to tensor<4x4xbf16>
  // CHECK: nn.cross_entropy %[[LOGITS]], %{{.*}} : tensor<4x4xbf16>, tensor<4xi64>
  %logits = nn.matmul %u, %n : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  %second, %lse2 = nn.cross_entropy %logits, %labels : tensor<4x4xf32>, tensor<4xi64>
  // CHECK: %[[LOSS:.*]] = nn.add %{{.*}}, %{{.*}} : tensor<4xf32>
  // CHECK: return %[[LOSS]] : tensor<4xf32>
  %loss = nn.add %first, %second : tensor<4xf32>
  return %loss : tensor<4xf32>
}

// -----

// A softmax that decides (a router's) stays in f32, as its reader does; a parameter
// that two kinds of reader take stays, too, and is cast; what is padded with follows.

// CHECK: nn.parameter @shared : tensor<4x4xf32> trained = #nn.init
nn.parameter @shared : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<4x4xf32>) -> (tensor<4x2xf32>, tensor<6x4xf32>, tensor<4x4xf32>) {
  // CHECK: %[[SHARED:.*]] = nn.get @shared : tensor<4x4xf32>
  // CHECK: %[[COPY:.*]] = nn.cast %[[SHARED]] : tensor<4x4xf32> to tensor<4x4xbf16>
  %shared = nn.get @shared : tensor<4x4xf32>
  // CHECK: %[[Y:.*]] = nn.matmul %{{.*}}, %[[COPY]]
  %y = nn.matmul %x, %shared : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  // CHECK: nn.softmax %{{.*}} : tensor<4x4xf32>
  %p = nn.softmax %y : tensor<4x4xf32>
  %values, %places = nn.top_k %p, 2 : tensor<4x4xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  // CHECK: nn.pad %[[Y]] low [1, 0] high [1, 0] interior [0, 0] with 1.000000e+00 : bf16 : tensor<4x4xbf16> to tensor<6x4xbf16>
  %wide = nn.pad %y low [1, 0] high [1, 0] interior [0, 0] with 1.0 : f32 : tensor<4x4xf32> to tensor<6x4xf32>
  // CHECK: nn.exp %[[SHARED]] : tensor<4x4xf32>
  %z = nn.exp %shared : tensor<4x4xf32>
  return %values, %wide, %z : tensor<4x2xf32>, tensor<6x4xf32>, tensor<4x4xf32>
}

// -----

// What is sent between experts is sent in 16 bits; sums over them are f32.

module attributes {nn.mesh = {ep = 2 : i64}} {
  nn.parameter @w : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
  // CHECK-LABEL: func.func @forward
  func.func @forward(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %w = nn.get @w : tensor<4x4xf32>
    %y = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    // CHECK: nn.all_to_all %{{.*}} over "ep" split 0 concat 0 : tensor<4x4xbf16> to tensor<4x4xbf16>
    %s = nn.all_to_all %y over "ep" split 0 concat 0 : tensor<4x4xf32> to tensor<4x4xf32>
    // CHECK: nn.all_reduce %{{.*}} over "ep" : tensor<4x4xf32>
    %r = nn.all_reduce %s over "ep" : tensor<4x4xf32>
    return %r : tensor<4x4xf32>
  }
}

// -----

// A table that nobody trains is read in f32.

// CHECK: nn.parameter @angles : tensor<8x4xf32> = #nn.init
nn.parameter @angles : tensor<8x4xf32> = #nn.init<normal, 1, 2.000000e-02 : f64>
// CHECK-LABEL: func.func @forward
// CHECK-NOT: bf16
// expected-warning@+1 {{precision bf16 changes nothing: nothing in f32 is computed in fewer bits}}
func.func @forward(%ids: tensor<4xi64>) -> tensor<4x4xf32> {
  %angles = nn.get @angles : tensor<8x4xf32>
  %e = nn.gather %angles, %ids axis 0 : tensor<8x4xf32>, tensor<4xi64> to tensor<4x4xf32>
  %c = nn.cos %e : tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}

// -----

// Nothing to do: no product of f32.

// CHECK-LABEL: func.func @forward
// CHECK-NOT: bf16
// expected-warning@+1 {{precision bf16 changes nothing: nothing in f32 is computed in fewer bits}}
func.func @forward(%x: tensor<2x4xf64>, %w: tensor<4x2xf64>) -> tensor<2x2xf64> {
  %y = nn.matmul %x, %w : tensor<2x4xf64>, tensor<4x2xf64> to tensor<2x2xf64>
  return %y : tensor<2x2xf64>
}

// -----

// What only a further output needs stays in f32 and changes nothing before it: %y has one
// reader that decides, and is not rounded a second time.

// CHECK: nn.parameter @w : tensor<4x4xbf16> trained master f32
nn.parameter @w : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<2x4xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32> {nn.name = "most"}, tensor<f32> {nn.name = "w"}) {
  // CHECK: %[[W:.*]] = nn.get @w : tensor<4x4xbf16>
  %w = nn.get @w : tensor<4x4xf32>
  // CHECK: %[[P:.*]] = nn.matmul %{{.*}}, %[[W]] : tensor<2x4xbf16>, tensor<4x4xbf16> to tensor<2x4xbf16>
  %p = nn.matmul %x, %w : tensor<2x4xf32>, tensor<4x4xf32> to tensor<2x4xf32>
  // CHECK: %[[WIDE:.*]] = nn.cast %[[P]] : tensor<2x4xbf16> to tensor<2x4xf32>
  // CHECK: %[[Y:.*]] = nn.tanh %[[WIDE]] : tensor<2x4xf32>
  %y = nn.tanh %p : tensor<2x4xf32>
  // CHECK: nn.reduce_max %[[Y]] [0, 1] : tensor<2x4xf32>
  %most = nn.reduce_max %y [0, 1] : tensor<2x4xf32> to tensor<f32>
  // CHECK: nn.reduce_sum %[[Y]] [0, 1] : tensor<2x4xf32>
  %loss = nn.reduce_sum %y [0, 1] : tensor<2x4xf32> to tensor<f32>
  // CHECK: %[[AGAIN:.*]] = nn.get @w : tensor<4x4xbf16>
  // CHECK: %[[WIDE_W:.*]] = nn.cast %[[AGAIN]]
  // CHECK: nn.reduce_max %[[WIDE_W]] [0, 1] : tensor<4x4xf32>
  %again = nn.get @w : tensor<4x4xf32>
  %most_w = nn.reduce_max %again [0, 1] : tensor<4x4xf32> to tensor<f32>
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den, %most, %most_w : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
