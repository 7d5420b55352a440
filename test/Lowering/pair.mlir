// A layer of experts, forward and backward as command lists: how the two are put
// into one block. Every product takes 1 ms, so the cores work 24 ms; an exchange
// takes 8192 bytes of the link's bandwidth, which the RUN lines choose.
// RUN: sed s/BANDWIDTH/1365333.3/ %S/Inputs/machine.json > %t.equal.json
// RUN: sed s/BANDWIDTH/2730666.7/ %S/Inputs/machine.json > %t.half.json
// RUN: sed s/BANDWIDTH/910222.2/ %S/Inputs/machine.json > %t.more.json
// RUN: dpc-opt %s --dualpipe-lower=machine=%t.equal.json --prog-check --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s
// RUN: dpc-opt %s --dualpipe-lower=machine=%t.equal.json | %python %S/Inputs/planned.py | FileCheck %s --check-prefix=EQUAL
// RUN: dpc-opt %s --dualpipe-lower=machine=%t.half.json | %python %S/Inputs/planned.py | FileCheck %s --check-prefix=HALF
// RUN: dpc-opt %s --dualpipe-lower=machine=%t.more.json | %python %S/Inputs/planned.py | FileCheck %s --check-prefix=MORE

// Each task computes while the other's bytes are on the way: what stands between an
// exchange and the command that waits for it is the other task's, or the weight
// half's, which waits for nobody.
// CHECK-LABEL: prog.block @"s0.forward+s0.backward"
// The forward computes while the backward's gradients are brought to the experts.
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of head")
// CHECK: %[[BACK:.*]] = prog.collective all_to_all over @experts0 {{.*}} on collective{{.*}} loc("grad of combine")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("attention 1")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("attention 2")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("attention 3")
// The backward of the experts covers the forward's dispatch.
// CHECK: %[[DISPATCH:.*]] = prog.collective all_to_all over @experts0 {{.*}} on collective{{.*}} loc("dispatch")
// CHECK: prog.call {{.*}} on compute after {{.*}}%[[BACK]] loc("grad of expert 4")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of expert 3")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of expert 2")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of expert 1")
// The forward's experts cover the gradients' way to their tokens.
// CHECK: %[[SENT:.*]] = prog.collective all_to_all over @experts0 {{.*}} on collective{{.*}} loc("grad of dispatch")
// CHECK: prog.call {{.*}} on compute after {{.*}}%[[DISPATCH]] loc("expert 1")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("expert 2")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("expert 3")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("expert 4")
// And the backward of attention covers the forward's combine.
// CHECK: %[[COMBINE:.*]] = prog.collective all_to_all over @experts0 {{.*}} on collective{{.*}} loc("combine")
// CHECK: prog.call {{.*}} on compute after {{.*}}%[[SENT]] loc("grad of attention 3")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of attention 2")
// CHECK: prog.call {{.*}} on compute{{.*}} loc("grad of attention 1")
// CHECK: prog.call {{.*}} on compute after {{.*}}%[[COMBINE]] loc("head")

// The link works 24 ms too. Nothing of the pair can be shorter than 26 ms: 1 ms
// before the first exchange and 1 ms after the last.
// EQUAL: s0.forward+s0.backward: cores 24 ms, links 24 ms; planned 26 ms, 108 % of the longer
// EQUAL-SAME: in the order of the tasks 48 ms, forward and backward apart 48 ms

// Half as much communication is hidden whole.
// HALF: s0.forward+s0.backward: cores 24 ms, links 12 ms; planned 24 ms, 100 % of the longer
// HALF-SAME: in the order of the tasks 36 ms, forward and backward apart 36 ms

// With more communication than computing, the link is never idle but at the ends.
// MORE: s0.forward+s0.backward: cores 24 ms, links 36 ms; planned 38 ms, 106 % of the longer
// MORE-SAME: in the order of the tasks 60 ms, forward and backward apart 60 ms

module attributes {nn.mesh = {ep = 2 : i64}} {
  nn.parameter @w0 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w1 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w2 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w3 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w4 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w5 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w6 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @w7 : tensor<64x64xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  dualpipe.body @experts {
    func.func @forward(%x: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                       %w0: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 0>},
                       %w1: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 1>},
                       %w2: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 2>},
                       %w3: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 3>},
                       %w4: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 4>},
                       %w5: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 5>},
                       %w6: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 6>},
                       %w7: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 7>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 0>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 1>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 2>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 3>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 4>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 5>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 6>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 7>}) {
      %y0 = nn.matmul %x, %w0 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("attention 1")
      %y1 = nn.matmul %y0, %w1 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("attention 2")
      %y2 = nn.matmul %y1, %w2 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("attention 3")
      %dispatched = nn.all_to_all %y2 over "ep" split 0 concat 0 : tensor<64x64xf32> to tensor<64x64xf32> loc("dispatch")
      %y3 = nn.matmul %dispatched, %w3 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("expert 1")
      %y4 = nn.matmul %y3, %w4 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("expert 2")
      %y5 = nn.matmul %y4, %w5 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("expert 3")
      %y6 = nn.matmul %y5, %w6 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("expert 4")
      %combined = nn.all_to_all %y6 over "ep" split 0 concat 0 : tensor<64x64xf32> to tensor<64x64xf32> loc("combine")
      %y7 = nn.matmul %combined, %w7 : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("head")
      %one = nn.constant dense<1.0> : tensor<f32>
      return %one, %one, %y0, %y1, %dispatched, %y3, %y4, %y5, %combined, %y7 : tensor<f32>, tensor<f32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    }
    func.func @input_half(%y: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 7>},
                          %w0: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 0>},
                          %w1: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 1>},
                          %w2: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 2>},
                          %w3: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 3>},
                          %w4: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 4>},
                          %w5: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 5>},
                          %w6: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 6>},
                          %w7: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param 7>})
        -> (tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 8>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 9>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 10>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 11>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 12>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 13>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 14>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 15>}) {
      %g7 = nn.matmul %y, %w7 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of head")
      %returned = nn.all_to_all %g7 over "ep" split 0 concat 0 : tensor<64x64xf32> to tensor<64x64xf32> loc("grad of combine")
      %g6 = nn.matmul %returned, %w6 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of expert 4")
      %g5 = nn.matmul %g6, %w5 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of expert 3")
      %g4 = nn.matmul %g5, %w4 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of expert 2")
      %g3 = nn.matmul %g4, %w3 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of expert 1")
      %sent = nn.all_to_all %g3 over "ep" split 0 concat 0 : tensor<64x64xf32> to tensor<64x64xf32> loc("grad of dispatch")
      %g2 = nn.matmul %sent, %w2 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of attention 3")
      %g1 = nn.matmul %g2, %w1 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of attention 2")
      %g0 = nn.matmul %g1, %w0 rhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("grad of attention 1")
      return %g1, %g2, %sent, %g4, %g5, %g6, %returned, %g0 : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    }
    func.func @weight_half(%x: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                           %k0: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 0>},
                           %k1: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 1>},
                           %k2: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 2>},
                           %k3: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 3>},
                           %k4: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 4>},
                           %k5: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 5>},
                           %k6: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 6>},
                           %k7: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 7>},
                           %g0: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 8>},
                           %g1: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 9>},
                           %g2: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 10>},
                           %g3: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 11>},
                           %g4: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 12>},
                           %g5: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 13>},
                           %g6: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 14>},
                           %g7: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<kept 15>},
                           %a0: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 0>},
                           %a1: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 1>},
                           %a2: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 2>},
                           %a3: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 3>},
                           %a4: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 4>},
                           %a5: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 5>},
                           %a6: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 6>},
                           %a7: tensor<64x64xf32> {dualpipe.role = #dualpipe.role<accumulator 7>})
        -> (tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 0>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 1>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 2>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 3>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 4>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 5>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 6>},
            tensor<64x64xf32> {dualpipe.role = #dualpipe.role<param_grad 7>}) {
      %d0 = nn.matmul %x, %g0 into %a0 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of attention 1")
      %d1 = nn.matmul %k0, %g1 into %a1 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of attention 2")
      %d2 = nn.matmul %k1, %g2 into %a2 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of attention 3")
      %d3 = nn.matmul %k2, %g3 into %a3 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of expert 1")
      %d4 = nn.matmul %k3, %g4 into %a4 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of expert 2")
      %d5 = nn.matmul %k4, %g5 into %a5 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of expert 3")
      %d6 = nn.matmul %k5, %g6 into %a6 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of expert 4")
      %d7 = nn.matmul %k6, %k7 into %a7 lhs [1, 0] : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> to tensor<64x64xf32> loc("weight of head")
      return %d0, %d1, %d2, %d3, %d4, %d5, %d6, %d7 : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    }
  }
  dualpipe.stage @s0 = @experts inputs [] feeds ["x"] params [@w0, @w1, @w2, @w3, @w4, @w5, @w6, @w7]
  dualpipe.schedule @train_step stages [@s0] "schedule pair\0Aranks 1\0Astages 1\0Amicro-batches 2\0Areplica 0: micro-batches 0..1 on ranks 0\0Arank 0: 0F0 (0F1&0B0) 0B1\0A"
}
