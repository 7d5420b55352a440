// The same from operations: attention's products, experts between two exchanges, a
// head; differentiated, grouped into kernels and lowered by dpc itself.
// RUN: sed s/LINK/53e6/ %S/Inputs/core.json > %t.json
// RUN: dpc-opt %s --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-lower=machine=%t.json --prog-check | %python %S/Inputs/planned.py | FileCheck %s

// CHECK: s0.forward+s0.backward: cores {{.*}} ms, links {{.*}} ms; planned {{.*}} ms, 10{{[0-9]}} % of the longer
// CHECK-SAME: in the order of the tasks [[WHOLE:.*]] ms, forward and backward apart

module attributes {nn.mesh = {ep = 2 : i64}} {
  nn.parameter @attention.in : tensor<128x256xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @attention.out : tensor<256x128xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  nn.parameter @expert.up : tensor<128x512xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64> {nn.sharded = "ep"}
  nn.parameter @expert.down : tensor<512x128xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64> {nn.sharded = "ep"}
  nn.parameter @head : tensor<128x32xf32> trained = #nn.init<normal, 1, 1.0e-01 : f64>
  dualpipe.training optimizer "adamw" micro_batches 2 weighting "denominator"
  dualpipe.body @layer {
    func.func @forward(%x: tensor<256x128xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                       %in: tensor<128x256xf32> {dualpipe.role = #dualpipe.role<param 0>},
                       %out: tensor<256x128xf32> {dualpipe.role = #dualpipe.role<param 1>},
                       %up: tensor<128x512xf32> {dualpipe.role = #dualpipe.role<param 2>},
                       %down: tensor<512x128xf32> {dualpipe.role = #dualpipe.role<param 3>},
                       %head: tensor<128x32xf32> {dualpipe.role = #dualpipe.role<param 4>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %a = nn.matmul %x, %in : tensor<256x128xf32>, tensor<128x256xf32> to tensor<256x256xf32>
      %t = nn.tanh %a : tensor<256x256xf32>
      %p = nn.matmul %t, %out : tensor<256x256xf32>, tensor<256x128xf32> to tensor<256x128xf32>
      %h = nn.add %x, %p : tensor<256x128xf32>
      %d = nn.all_to_all %h over "ep" split 0 concat 0 : tensor<256x128xf32> to tensor<256x128xf32>
      %u = nn.matmul %d, %up : tensor<256x128xf32>, tensor<128x512xf32> to tensor<256x512xf32>
      %r = nn.relu %u : tensor<256x512xf32>
      %v = nn.matmul %r, %down : tensor<256x512xf32>, tensor<512x128xf32> to tensor<256x128xf32>
      %c = nn.all_to_all %v over "ep" split 0 concat 0 : tensor<256x128xf32> to tensor<256x128xf32>
      %y = nn.add %h, %c : tensor<256x128xf32>
      %z = nn.matmul %y, %head : tensor<256x128xf32>, tensor<128x32xf32> to tensor<256x32xf32>
      %square = nn.mul %z, %z : tensor<256x32xf32>
      %rows = nn.reduce_sum %square [1] : tensor<256x32xf32> to tensor<256xf32>
      %ones = nn.constant dense<1.0> : tensor<256xf32>
      %loss, %den = nn.weighted_mean %rows, %ones : tensor<256xf32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @layer inputs [] feeds ["x"] params [@attention.in, @attention.out, @expert.up, @expert.down, @head]
  dualpipe.schedule @train_step stages [@s0] "schedule pair\0Aranks 1\0Astages 1\0Amicro-batches 2\0Areplica 0: micro-batches 0..1 on ranks 0\0Arank 0: 0F0 (0F1&0B0) 0B1\0A"
}
