// RUN: dpc-opt %s --dpc-partition-pipeline="stages=4 optimizer=adamw micro-batches=8" | FileCheck %s
// RUN: dpc-opt %s --dualpipe-partition="stages=4" | dpc-opt --dualpipe-verify-partitioned | FileCheck %s --check-prefix=CHECK-BODIES

// Three equal layers after a stem: the layers in the middle share a body, weights
// are read transposed where they are used, and the labels are fed to the last
// stage alone.

nn.parameter @stem : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w0 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w2 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>

// CHECK: dualpipe.training optimizer "adamw" micro_batches 8 weighting "denominator"
// CHECK: dualpipe.body @stage0 {
// CHECK:   func.func @forward(%{{.*}}: tensor<512x256xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %{{.*}}: tensor<256x256xf32> {dualpipe.role = #dualpipe.role<param 0>}) -> (tensor<512x256xf32> {dualpipe.role = #dualpipe.role<output 0>})
// CHECK: dualpipe.body @layers {
// CHECK:   func.func @forward(%[[X:.*]]: tensor<512x256xf32> {dualpipe.role = #dualpipe.role<input 0>}, %[[W:.*]]: tensor<256x256xf32> {dualpipe.role = #dualpipe.role<param 0>})
// CHECK:     %[[T:.*]] = nn.transpose %[[W]]
// CHECK:     nn.matmul %[[X]], %[[T]]
// CHECK-NOT: dualpipe.body @stage1
// CHECK: dualpipe.body @stage3 {
// CHECK:   func.func @forward({{.*}}role<feed 0>{{.*}}role<param 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>})
// CHECK: dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@stem]
// CHECK: dualpipe.stage @s1 = @layers inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w0]
// CHECK: dualpipe.stage @s2 = @layers inputs [#dualpipe.source<@s1, 0>] feeds [] params [@w1]
// CHECK: dualpipe.stage @s3 = @stage3 inputs [#dualpipe.source<@s2, 0>] feeds ["labels"] params [@w2]
// CHECK-NOT: func.func @forward
// CHECK-BODIES-COUNT-3: dualpipe.body

func.func @forward(%x: tensor<512x256xf32> {nn.name = "x"}, %labels: tensor<512xi64> {nn.name = "labels"})
    -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "denominator"} {
  %stem = nn.get @stem : tensor<256x256xf32>
  %w0 = nn.get @w0 : tensor<256x256xf32>
  %w1 = nn.get @w1 : tensor<256x256xf32>
  %w2 = nn.get @w2 : tensor<256x256xf32>
  %t0 = nn.transpose %w0 [1, 0] : tensor<256x256xf32> to tensor<256x256xf32>
  %t1 = nn.transpose %w1 [1, 0] : tensor<256x256xf32> to tensor<256x256xf32>
  %t2 = nn.transpose %w2 [1, 0] : tensor<256x256xf32> to tensor<256x256xf32>
  %h = nn.matmul %x, %stem : tensor<512x256xf32>, tensor<256x256xf32> to tensor<512x256xf32>
  %h0 = nn.matmul %h, %t0 : tensor<512x256xf32>, tensor<256x256xf32> to tensor<512x256xf32>
  %a0 = nn.relu %h0 : tensor<512x256xf32>
  %h1 = nn.matmul %a0, %t1 : tensor<512x256xf32>, tensor<256x256xf32> to tensor<512x256xf32>
  %a1 = nn.relu %h1 : tensor<512x256xf32>
  %h2 = nn.matmul %a1, %t2 : tensor<512x256xf32>, tensor<256x256xf32> to tensor<512x256xf32>
  %loss, %lse = nn.cross_entropy %h2, %labels : tensor<512x256xf32>, tensor<512xi64>
  %ones = nn.constant dense<1.0> : tensor<512xf32>
  %mean, %den = nn.weighted_mean %loss, %ones : tensor<512xf32>
  return %mean, %den : tensor<f32>, tensor<f32>
}
