// RUN: dpc-opt %s --dualpipe-add-evaluation | FileCheck %s
// RUN: dpc-opt %s --dualpipe-add-evaluation --dualpipe-add-evaluation | FileCheck %s

// What only a further output needs leaves the forward: operations, and the arguments
// that nothing else read. The marks of gradients are the forward's.
// CHECK-LABEL: dualpipe.body @last
// CHECK: func.func @forward(%[[X:.*]]: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>})
// CHECK-SAME: -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
// CHECK-NEXT: nn.weighted_mean %[[X]], %[[X]]
// CHECK-NEXT: return
// CHECK: func.func @evaluation(%[[X:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %[[L:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
// CHECK-SAME: #dualpipe.role<loss 0>}, {{.*}}#dualpipe.role<den 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
// CHECK: %[[D:.*]] = nn.sub %[[X]], %[[L]]
// CHECK: %[[M:.*]] = nn.reduce_max %[[D]]
// CHECK: return %{{.*}}, %{{.*}}, %[[M]]
dualpipe.body @last {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>, dualpipe.frozen},
                     %labels: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>},
          tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
    %loss, %den = nn.weighted_mean %x, %x : tensor<4xf32>
    %d = nn.sub %x, %labels : tensor<4xf32>
    %m = nn.reduce_max %d [0] : tensor<4xf32> to tensor<f32>
    return %loss, %den, %m : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

// Without any the two are the same, an argument that nothing reads included; halves
// stand before it.
// CHECK-LABEL: dualpipe.body @first
// CHECK: func.func @forward(%[[X:.*]]: tensor<4xf32> {{.*}}, %{{.*}}: tensor<2xf32> {{.*}})
// CHECK-NEXT: %[[Y:.*]] = nn.exp %[[X]]
// CHECK-NEXT: return %[[Y]]
// CHECK: func.func @evaluation(%[[X:.*]]: tensor<4xf32> {{.*}}, %{{.*}}: tensor<2xf32> {{.*}})
// CHECK-NEXT: %[[Y:.*]] = nn.exp %[[X]]
// CHECK-NEXT: return %[[Y]]
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %unread: tensor<2xf32> {dualpipe.role = #dualpipe.role<feed 1>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.exp %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}
