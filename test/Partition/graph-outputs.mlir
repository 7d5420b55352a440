// RUN: dpc-opt %s --dpc-partition-pipeline="stages=2 optimizer=sgd micro-batches=4" | FileCheck %s
// RUN: dpc-opt %s --dpc-partition-pipeline="stages=2 optimizer=sgd micro-batches=4" --dualpipe-add-evaluation | FileCheck %s --check-prefix=EVAL

// Outputs besides the loss are made by the stage of their last operand, and what only
// they need of an earlier stage is sent on; neither has a say in where the cut is. They
// go with @evaluation, and so does what is sent for them.

nn.parameter @w0 : tensor<64x64xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<64x64xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>

// CHECK: dualpipe.body @stage0 {
// CHECK: func.func @forward({{.*}}) -> (tensor<128x64xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<f32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 1>}, tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>})
// CHECK: dualpipe.body @stage1 {
// CHECK: func.func @forward(%{{.*}}: tensor<128x64xf32> {dualpipe.role = #dualpipe.role<input 0>}, %{{.*}}: tensor<f32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 1>}, {{.*}}#dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>})
// CHECK: dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0] graph_outputs ["w0"]
// CHECK: dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>, #dualpipe.source<@s0, 1>] feeds [] params [@w1] graph_outputs ["sum"]

// EVAL: dualpipe.body @stage0 {
// EVAL: func.func @forward({{.*}}) -> (tensor<128x64xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
// EVAL-NEXT: nn.matmul
// EVAL-NEXT: return
// EVAL: func.func @evaluation({{.*}}) -> (tensor<128x64xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<output 1>}, tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>})
// EVAL: dualpipe.body @stage1 {
// EVAL: func.func @forward(%{{.*}}: tensor<128x64xf32> {{{.*}}}, %{{.*}}: tensor<64x64xf32> {{{.*}}}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
// EVAL-NOT: nn.reduce_max
// EVAL: func.func @evaluation({{.*}}input 1{{.*}})
// EVAL: nn.reduce_max

func.func @forward(%x: tensor<128x64xf32> {nn.name = "x"})
    -> (tensor<f32>, tensor<f32>, tensor<f32> {nn.name = "sum"}, tensor<f32> {nn.name = "w0"}) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<64x64xf32>
  %w1 = nn.get @w1 : tensor<64x64xf32>
  %h0 = nn.matmul %x, %w0 : tensor<128x64xf32>, tensor<64x64xf32> to tensor<128x64xf32>
  %m0 = nn.reduce_max %h0 [0, 1] : tensor<128x64xf32> to tensor<f32>
  %h1 = nn.matmul %h0, %w1 : tensor<128x64xf32>, tensor<64x64xf32> to tensor<128x64xf32>
  %m1 = nn.reduce_max %h1 [0, 1] : tensor<128x64xf32> to tensor<f32>
  %sum = nn.add %m0, %m1 : tensor<f32>
  %w = nn.get @w0 : tensor<64x64xf32>
  %most = nn.reduce_max %w [0, 1] : tensor<64x64xf32> to tensor<f32>
  %loss = nn.reduce_sum %h1 [0, 1] : tensor<128x64xf32> to tensor<f32>
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den, %sum, %most : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
