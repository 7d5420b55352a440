// Reverse mode and the split into halves, before anything is computed again.
// RUN: dpc-opt %s -split-input-file -dualpipe-differentiate | FileCheck %s

// A linear layer: the weight half needs the input, the input half the weight.
// CHECK-LABEL: dualpipe.body @linear
// CHECK: func.func @forward
// CHECK: func.func @input_half(%[[DY:.*]]: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %[[W:.*]]: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>}) -> (tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input_grad 0>})
// CHECK-NEXT: %[[DX:.*]] = nn.matmul %[[DY]], %[[W]]
// CHECK-NEXT: return %[[DX]]
// CHECK: func.func @weight_half(%[[DY:.*]]: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %[[X:.*]]: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 0>})
// CHECK-NEXT: %[[DW:.*]] = nn.matmul
// CHECK-NEXT: return %[[DW]]
dualpipe.body @linear {
  func.func @forward(%x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> to tensor<4x3xf32>
    return %y : tensor<4x3xf32>
  }
}

// -----

// A value with two readers: the later reader's contribution comes first. The
// product's input half hands the weight half what it has computed.
// CHECK-LABEL: dualpipe.body @readers
// CHECK: func.func @forward
// CHECK: %[[H:.*]] = nn.matmul
// CHECK: %[[E:.*]] = nn.exp %[[H]]
// CHECK: return %{{.*}}, %[[H]], %[[E]]
// CHECK: func.func @input_half
// CHECK-SAME: -> (tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}, tensor<4x3xf32> {dualpipe.role = #dualpipe.role<kept 2>})
// CHECK-NEXT: %[[LATER:.*]] = nn.mul
// CHECK-NEXT: %[[TOEXP:.*]] = nn.mul
// CHECK-NEXT: %[[EARLIER:.*]] = nn.mul
// CHECK-NEXT: %[[SUM:.*]] = nn.add %{{.*}}, %[[EARLIER]]
// CHECK: func.func @weight_half
// CHECK-SAME: dualpipe.role<kept 2>
dualpipe.body @readers {
  func.func @forward(%x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %h = nn.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> to tensor<4x3xf32>
    %e = nn.exp %h : tensor<4x3xf32>
    %y = nn.mul %h, %e : tensor<4x3xf32>
    return %y : tensor<4x3xf32>
  }
}

// -----

// The first stage: nothing is sent on, but the gradients of activations are the
// input half's all the same; the embedding's sum is the weight half's.
// CHECK-LABEL: dualpipe.body @first
// CHECK: func.func @input_half
// CHECK-SAME: -> (tensor<2x4xf32> {dualpipe.role = #dualpipe.role<kept
// CHECK-NOT: nn.scatter_add
// CHECK: func.func @weight_half
// CHECK: nn.scatter_add
dualpipe.body @first {
  func.func @forward(%ids: tensor<2xi64> {dualpipe.role = #dualpipe.role<feed 0>},
                     %table: tensor<8x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<2x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %e = nn.gather %table, %ids axis 0 : tensor<8x4xf32>, tensor<2xi64> to tensor<2x4xf32>
    %y = nn.tanh %e : tensor<2x4xf32>
    return %y : tensor<2x4xf32>
  }
}

// -----

// The loss's own gradient is den * loss scale, both operands of the half.
// CHECK-LABEL: dualpipe.body @loss
// CHECK: func.func @input_half(%[[DEN:.*]]: tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}, %[[SCALE:.*]]: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>}
// CHECK-NEXT: %[[SEED:.*]] = nn.mul %[[DEN]], %[[SCALE]]
// CHECK-NEXT: nn.weighted_mean_grad %[[SEED]]
// CHECK-NOT: func.func @weight_half
dualpipe.body @loss {
  func.func @forward(%x: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %labels: tensor<4xi64> {dualpipe.role = #dualpipe.role<feed 0>},
                     %weights: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 1>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %rows, %lse = nn.cross_entropy %x, %labels : tensor<4x3xf32>, tensor<4xi64>
    %loss, %den = nn.weighted_mean %rows, %weights : tensor<4xf32>
    return %loss, %den : tensor<f32>, tensor<f32>
  }
}

// -----

// Where every micro-batch counts the same, the seed is the scale alone.
// CHECK-LABEL: dualpipe.body @mean
// CHECK: func.func @input_half(%[[SCALE:.*]]: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>})
// CHECK-NEXT: nn.broadcast %[[SCALE]]
dualpipe.body @mean {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %loss = nn.reduce_sum %x [0] : tensor<4xf32> to tensor<f32>
    %den = nn.constant dense<1.0> : tensor<f32>
    return %loss, %den : tensor<f32>, tensor<f32>
  }
}

// -----

// Frozen parameters and inputs get no gradient, and nothing is built for them.
// CHECK-LABEL: dualpipe.body @frozen
// CHECK-NOT: func.func @input_half
// CHECK: func.func @weight_half
// CHECK-SAME: -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 1>})
dualpipe.body @frozen {
  func.func @forward(%x: tensor<4x2xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<2x2xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>},
                     %v: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %h = nn.matmul %x, %w : tensor<4x2xf32>, tensor<2x2xf32> to tensor<4x2xf32>
    %y = nn.matmul %h, %v : tensor<4x2xf32>, tensor<2x3xf32> to tensor<4x3xf32>
    return %y : tensor<4x3xf32>
  }
}

// -----

// An input that needs a gradient but only decides a comparison gets zeros.
// CHECK-LABEL: dualpipe.body @decides
// CHECK: func.func @input_half() -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>})
// CHECK-NEXT: nn.constant dense<0.000000e+00>
dualpipe.body @decides {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %zero = nn.constant dense<0.0> : tensor<4xf32>
    %m = nn.compare gt, %x, %zero : tensor<4xf32>
    %y = nn.select %m, %w, %zero : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// Nothing to do: no gradient comes or is needed.
// CHECK-LABEL: dualpipe.body @nothing
// CHECK-NOT: func.func @{{.*}}_half
dualpipe.body @nothing {
  func.func @forward(%x: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.tanh %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// A convolution with a bias: the input half takes the weight, the weight half the
// input; the bias is summed over batch and places.
// CHECK-LABEL: dualpipe.body @convolution
// CHECK: func.func @input_half(%[[DY:.*]]: tensor<2x4x6x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %[[W:.*]]: tensor<4x2x3x2xf32> {dualpipe.role = #dualpipe.role<param 0>})
// CHECK-NEXT: %[[DX:.*]] = nn.conv_input_grad %[[DY]], %[[W]] strides [1, 2] dilations [1, 1] low [1, 0] high [1, 1] groups 2 : tensor<2x4x6x3xf32>, tensor<4x2x3x2xf32> to tensor<2x4x6x6xf32>
// CHECK-NEXT: return %[[DX]]
// CHECK: func.func @weight_half(%[[DY:.*]]: tensor<2x4x6x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %[[X:.*]]: tensor<2x4x6x6xf32> {dualpipe.role = #dualpipe.role<input 0>})
// CHECK-DAG: %[[DB:.*]] = nn.reduce_sum %[[DY]] [0, 2, 3]
// CHECK-DAG: %[[DW:.*]] = nn.conv_weight_grad %[[X]], %[[DY]] strides [1, 2] dilations [1, 1] low [1, 0] high [1, 1] groups 2 : tensor<2x4x6x6xf32>, tensor<2x4x6x3xf32> to tensor<4x2x3x2xf32>
// CHECK: return %[[DW]], %[[DB]]
dualpipe.body @convolution {
  func.func @forward(%x: tensor<2x4x6x6xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<4x2x3x2xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %b: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<2x4x6x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %c = nn.conv %x, %w strides [1, 2] dilations [1, 1] low [1, 0] high [1, 1] groups 2 : tensor<2x4x6x6xf32>, tensor<4x2x3x2xf32> to tensor<2x4x6x3xf32>
    %spread = nn.broadcast %b dims [1] : tensor<4xf32> to tensor<2x4x6x3xf32>
    %y = nn.add %c, %spread : tensor<2x4x6x3xf32>
    return %y : tensor<2x4x6x3xf32>
  }
}

// -----

// The stem: no gradient of what is fed, so there is no input half.
// CHECK-LABEL: dualpipe.body @stem
// CHECK-NOT: nn.conv_input_grad
// CHECK: func.func @weight_half
// CHECK: nn.conv_weight_grad
dualpipe.body @stem {
  func.func @forward(%x: tensor<2x3x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                     %w: tensor<4x3x2xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<2x4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.conv %x, %w strides [2] dilations [1] low [0] high [0] groups 1 : tensor<2x3x8xf32>, tensor<4x3x2xf32> to tensor<2x4x4xf32>
    return %y : tensor<2x4x4xf32>
  }
}

// -----

// Of 16-bit floats: contributions to an activation are added in f32 and rounded once,
// and what a parameter gets is its master's gradient, which no product and no sum
// rounds.
// CHECK-LABEL: dualpipe.body @halves
// CHECK: func.func @input_half
// CHECK-DAG: %[[FROM_NORM:.*]] = nn.softmax_grad %{{.*}} : tensor<4x2xbf16>
// CHECK-DAG: %[[FROM_PRODUCT:.*]] = nn.matmul %{{.*}} to tensor<4x2xbf16>
// CHECK-DAG: %[[A:.*]] = nn.cast %[[FROM_NORM]] : tensor<4x2xbf16> to tensor<4x2xf32>
// CHECK-DAG: %[[B:.*]] = nn.cast %[[FROM_PRODUCT]] : tensor<4x2xbf16> to tensor<4x2xf32>
// CHECK: %[[SUM:.*]] = nn.add %{{.*}}, %{{.*}} : tensor<4x2xf32>
// CHECK: nn.cast %[[SUM]] : tensor<4x2xf32> to tensor<4x2xbf16>
// CHECK: func.func @weight_half
// CHECK-SAME: -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}, tensor<2x2xf32> {dualpipe.role = #dualpipe.role<param_grad 1>})
// CHECK-DAG: nn.matmul %{{.*}} : tensor<4x2xbf16>, tensor<4x3xbf16> to tensor<2x3xf32>
// CHECK-DAG: nn.matmul %{{.*}} : tensor<4x2xbf16>, tensor<4x2xbf16> to tensor<2x2xf32>
// CHECK-NOT: nn.cast
dualpipe.body @halves {
  func.func @forward(%x: tensor<4x2xbf16> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<2x3xbf16> {dualpipe.role = #dualpipe.role<param 0>},
                     %v: tensor<2x2xbf16> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<4x3xbf16> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4x2xbf16> {dualpipe.role = #dualpipe.role<output 1>}) {
    %h = nn.matmul %x, %v : tensor<4x2xbf16>, tensor<2x2xbf16> to tensor<4x2xbf16>
    %y = nn.matmul %h, %w : tensor<4x2xbf16>, tensor<2x3xbf16> to tensor<4x3xbf16>
    %p = nn.softmax %h : tensor<4x2xbf16>
    return %y, %p : tensor<4x3xbf16>, tensor<4x2xbf16>
  }
}
