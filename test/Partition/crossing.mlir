// What crosses cuts, and what is made again instead.
// RUN: dpc-opt %s --dpc-partition-pipeline="stages=3 cuts=after:first,after:second" | FileCheck %s

// The first stage's value goes straight to the last one, which adds it to what came
// through the second; the second neither receives nor forwards it. The mask of the
// ids is made in the two stages that read it. The indices of the largest elements
// are integers: the last stage finds them again, from the value that it gets anyway.

// CHECK-LABEL: dualpipe.body @stage0
// CHECK: role<feed 0>{{.*}}role<feed 1>{{.*}} -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
// CHECK: nn.matmul
// CHECK: nn.compare lt
// CHECK: nn.select
// CHECK-NEXT: return
// CHECK-LABEL: dualpipe.body @stage1
// CHECK: func.func @forward(%[[X:.*]]: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>}, %{{.*}} {dualpipe.role = #dualpipe.role<param 0>}) -> (tensor<8x8xf32>
// CHECK-NEXT: nn.matmul %[[X]]
// CHECK-NEXT: %{{.*}}, %{{.*}} = nn.top_k
// CHECK-NOT: nn.compare
// CHECK: return
// CHECK-LABEL: dualpipe.body @stage2
// CHECK-DAG: nn.top_k
// CHECK-DAG: nn.gather_elements
// CHECK-DAG: nn.compare lt
// CHECK: return
// CHECK: dualpipe.stage @s0 = @stage0 inputs [] feeds ["x", "ids"] params [@w0]
// CHECK: dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
// CHECK: dualpipe.stage @s2 = @stage2 inputs [#dualpipe.source<@s1, {{[01]}}>, #dualpipe.source<@s0, 0>, #dualpipe.source<@s1, {{[01]}}>] feeds ["ids"] params [@w2]

nn.parameter @w0 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w2 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
func.func @forward(%x: tensor<8x8xf32> {nn.name = "x"}, %ids: tensor<8xi64> {nn.name = "ids"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<8x8xf32>
  %w1 = nn.get @w1 : tensor<8x8xf32>
  %w2 = nn.get @w2 : tensor<8x8xf32>
  %limit = nn.constant dense<4> : tensor<8xi64>
  %zero = nn.constant dense<0.0> : tensor<8x8xf32>
  %m = nn.compare lt, %ids, %limit : tensor<8xi64>
  %mask = nn.broadcast %m dims [0] : tensor<8xi1> to tensor<8x8xi1>
  %a = nn.matmul %x, %w0 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"first">["MatMul"])
  %b = nn.select %mask, %a, %zero : tensor<8x8xf32> loc(fused<"first">["Where"])
  %c = nn.matmul %b, %w1 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"second">["MatMul_1"])
  %v, %i = nn.top_k %c, 2 : tensor<8x8xf32> to tensor<8x2xf32>, tensor<8x2xi64> loc(fused<"second">["TopK"])
  %d = nn.matmul %c, %w2 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"third">["MatMul_2"])
  %e = nn.add %d, %b : tensor<8x8xf32> loc(fused<"third">["Add"])
  %f = nn.select %mask, %e, %zero : tensor<8x8xf32> loc(fused<"third">["Where_1"])
  %g = nn.gather_elements %f, %i axis 1 : tensor<8x8xf32>, tensor<8x2xi64> to tensor<8x2xf32> loc(fused<"third">["Gather"])
  %h = nn.mul %g, %v : tensor<8x2xf32> loc(fused<"third">["Mul"])
  %loss = nn.reduce_sum %h [0, 1] : tensor<8x2xf32> to tensor<f32> loc(fused<"third">["Sum"])
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
