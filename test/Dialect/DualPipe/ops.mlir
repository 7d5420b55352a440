// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every operation and attribute of the dialect prints as it is written, and parses
// from its generic form.

nn.parameter @w0 : tensor<4x4xf32> trained = #nn.init<zeros, 0, 0.0 : f64>
nn.parameter @"h.0.w" : tensor<4x4xf32> trained = #nn.init<zeros, 0, 0.0 : f64>

// CHECK: dualpipe.training optimizer "adamw" micro_batches 4 weighting "denominator"
dualpipe.training optimizer "adamw" micro_batches 4 weighting "denominator"

// A kernel's argument may share a buffer with a result.
// CHECK: func.func private @k_0(%{{.*}}: tensor<4x4xf32> {dualpipe.inplace = 0 : i64}, %{{.*}}: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dualpipe.kernel}
func.func private @k_0(%a: tensor<4x4xf32> {dualpipe.inplace = 0 : i64}, %b: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {dualpipe.kernel} {
  %0 = nn.add %a, %b : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// Each role a first stage's functions may have.
// CHECK-LABEL: dualpipe.body @first {
dualpipe.body @first {
  // CHECK: func.func @forward(%{{.*}}: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %{{.*}}: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %{{.*}}: tensor<2xi64> {dualpipe.role = #dualpipe.role<key 0>})
  // CHECK-SAME: -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 0>})
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                     %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %key: tensor<2xi64> {dualpipe.role = #dualpipe.role<key 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    %h = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %y = nn.relu %h : tensor<4x4xf32>
    return %y, %h : tensor<4x4xf32>, tensor<4x4xf32>
  }
  // CHECK: func.func @input_half(%{{.*}} {dualpipe.role = #dualpipe.role<output_grad 0>}, %{{.*}} {dualpipe.role = #dualpipe.role<kept 0>})
  // CHECK-SAME: -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 1>})
  func.func @input_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                        %h: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 1>}) {
    %0 = nn.mul %g, %h : tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
  // CHECK: func.func @weight_half({{.*}} #dualpipe.role<kept 1>{{.*}} #dualpipe.role<feed 0>{{.*}} #dualpipe.role<accumulator 0>
  // CHECK-SAME: -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>})
  func.func @weight_half(%dh: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<kept 1>},
                         %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %sum: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %dw = nn.matmul %x, %dh lhs [1, 0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    // CHECK: dualpipe.launch @k_0(%{{.*}}, %{{.*}}) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %0 = dualpipe.launch @k_0(%sum, %dw) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}

// And a last stage's; its parameter is frozen.
// CHECK-LABEL: dualpipe.body @last.frozen {
dualpipe.body @"last.frozen" {
  // CHECK: #dualpipe.role<input 0>{{.*}}{dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>}
  // CHECK-SAME: -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>})
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<4x4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %y = nn.mul %x, %w : tensor<4x4xf32>
    %loss = nn.reduce_sum %y [0, 1] : tensor<4x4xf32> to tensor<f32>
    %den = nn.constant dense<2.0> : tensor<f32>
    return %loss, %den : tensor<f32>, tensor<f32>
  }
  // CHECK: #dualpipe.role<den 0>{{.*}}#dualpipe.role<loss_scale 0>{{.*}}#dualpipe.role<param 0>
  // CHECK-SAME: -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>})
  func.func @input_half(%den: tensor<f32> {dualpipe.role = #dualpipe.role<den 0>},
                        %scale: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>},
                        %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    %0 = nn.mul %den, %scale : tensor<f32>
    %1 = nn.broadcast %0 dims [] : tensor<f32> to tensor<4x4xf32>
    %2 = nn.mul %1, %w : tensor<4x4xf32>
    return %2 : tensor<4x4xf32>
  }
}

// CHECK: dualpipe.stage @s0 = @first inputs [] feeds ["x"] params [@w0] cost <forward = 1.000000e-03 : f64, input = 2.000000e-03 : f64, weight = 1.000000e-03 : f64, communication = 0.000000e+00 : f64, bytesIn = 0, bytesOut = 64>
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params [@w0]
  cost <forward = 1.0e-03 : f64, input = 2.0e-03 : f64, weight = 1.0e-03 : f64, communication = 0.0 : f64, bytesIn = 0, bytesOut = 64>
// CHECK: dualpipe.stage @s1 = @last.frozen inputs [#dualpipe.source<@s0, 0>] feeds [] params [@h.0.w]
dualpipe.stage @s1 = @"last.frozen" inputs [#dualpipe.source<@s0, 0>] feeds [] params [@"h.0.w"]

// CHECK: dualpipe.schedule @train_step stages [@s0, @s1] "schedule two\0Aranks 2\0Astages 2\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0 1\0Arank 0: 0F0 0I0 0W0\0Arank 1: 1F0 1B0\0A"
dualpipe.schedule @train_step stages [@s0, @s1] "schedule two\0Aranks 2\0Astages 2\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0 1\0Arank 0: 0F0 0I0 0W0\0Arank 1: 1F0 1B0\0A"
