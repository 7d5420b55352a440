// RUN: dpc-opt %s --kernels-contiguous-collectives --split-input-file --verify-diagnostics | FileCheck %s
// RUN: dpc-opt %s --kernels-contiguous-collectives --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=NONE

// Parts along another dimension than 0 are strided; what a transport moves is not.
// NONE-NOT: split {{[1-9]}}
// NONE-NOT: concat {{[1-9]}}
// NONE-NOT: axis {{[1-9]}}

module attributes {nn.mesh = {ep = 2 : i64}} {
  dualpipe.body @body {
    // CHECK-LABEL: func.func @forward
    func.func @forward(%x: tensor<4x6xf32> {dualpipe.role = #dualpipe.role<feed 0>})
        -> (tensor<4x6xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x3xf32> {dualpipe.role = #dualpipe.role<output 1>},
            tensor<2x12xf32> {dualpipe.role = #dualpipe.role<output 2>}, tensor<4x12xf32> {dualpipe.role = #dualpipe.role<output 3>},
            tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 4>}, tensor<4x6xf32> {dualpipe.role = #dualpipe.role<output 5>},
            tensor<1x6xf32> {dualpipe.role = #dualpipe.role<output 6>}) {
      // This one is as it should be.
      // CHECK: nn.all_to_all %{{.*}} over "ep" split 0 concat 0 : tensor<4x6xf32> to tensor<4x6xf32>
      %0 = nn.all_to_all %x over "ep" split 0 concat 0 : tensor<4x6xf32> to tensor<4x6xf32>
      // CHECK: %[[PARTS:.*]] = nn.reshape %{{.*}} : tensor<4x6xf32> to tensor<4x2x3xf32>
      // CHECK: %[[FRONT:.*]] = nn.transpose %[[PARTS]] [1, 0, 2] : tensor<4x2x3xf32> to tensor<2x4x3xf32>
      // CHECK: %[[ARRIVED:.*]] = nn.all_to_all %[[FRONT]] over "ep" split 0 concat 0 : tensor<2x4x3xf32> to tensor<2x4x3xf32>
      // CHECK: nn.reshape %[[ARRIVED]] : tensor<2x4x3xf32> to tensor<8x3xf32>
      %1 = nn.all_to_all %x over "ep" split 1 concat 0 : tensor<4x6xf32> to tensor<8x3xf32>
      // CHECK: %[[PARTS:.*]] = nn.reshape %{{.*}} : tensor<4x6xf32> to tensor<2x2x6xf32>
      // CHECK: %[[ARRIVED:.*]] = nn.all_to_all %[[PARTS]] over "ep" split 0 concat 0 : tensor<2x2x6xf32> to tensor<2x2x6xf32>
      // CHECK: %[[BACK:.*]] = nn.transpose %[[ARRIVED]] [1, 0, 2] : tensor<2x2x6xf32> to tensor<2x2x6xf32>
      // CHECK: nn.reshape %[[BACK]] : tensor<2x2x6xf32> to tensor<2x12xf32>
      %2 = nn.all_to_all %x over "ep" split 0 concat 1 : tensor<4x6xf32> to tensor<2x12xf32>
      // CHECK: %[[OWN:.*]] = nn.reshape %{{.*}} : tensor<4x6xf32> to tensor<1x4x6xf32>
      // CHECK: %[[ALL:.*]] = nn.all_gather %[[OWN]] over "ep" axis 0 : tensor<1x4x6xf32> to tensor<2x4x6xf32>
      // CHECK: %[[BACK:.*]] = nn.transpose %[[ALL]] [1, 0, 2] : tensor<2x4x6xf32> to tensor<4x2x6xf32>
      // CHECK: nn.reshape %[[BACK]] : tensor<4x2x6xf32> to tensor<4x12xf32>
      %3 = nn.all_gather %x over "ep" axis 1 : tensor<4x6xf32> to tensor<4x12xf32>
      // CHECK: %[[FRONT:.*]] = nn.transpose %{{.*}} [1, 0, 2] : tensor<4x2x3xf32> to tensor<2x4x3xf32>
      // CHECK: %[[MINE:.*]] = nn.reduce_scatter %[[FRONT]] over "ep" axis 0 : tensor<2x4x3xf32> to tensor<1x4x3xf32>
      // CHECK: nn.reshape %[[MINE]] : tensor<1x4x3xf32> to tensor<4x3xf32>
      %4 = nn.reduce_scatter %x over "ep" axis 1 : tensor<4x6xf32> to tensor<4x3xf32>
      // CHECK: nn.all_reduce
      %5 = nn.all_reduce %x over "ep" : tensor<4x6xf32>
      // Where only dimensions of extent 1 stand before, parts are contiguous under
      // another shape: no transpose.
      // CHECK: %[[FLAT:.*]] = nn.reshape %{{.*}} : tensor<4x6xf32> to tensor<1x24xf32>
      // CHECK: %[[PARTS:.*]] = nn.reshape %[[FLAT]] : tensor<1x24xf32> to tensor<1x2x12xf32>
      // CHECK: %[[FRONT:.*]] = nn.reshape %[[PARTS]] : tensor<1x2x12xf32> to tensor<2x1x12xf32>
      // CHECK: nn.reduce_scatter %[[FRONT]]
      %flat = nn.reshape %x : tensor<4x6xf32> to tensor<1x24xf32>
      %6 = nn.reduce_scatter %flat over "ep" axis 1 : tensor<1x24xf32> to tensor<1x12xf32>
      %7 = nn.slice %6 [0, 0] to [1, 6] step [1, 1] : tensor<1x12xf32> to tensor<1x6xf32>
      return %0, %1, %2, %3, %4, %5, %7 : tensor<4x6xf32>, tensor<8x3xf32>, tensor<2x12xf32>, tensor<4x12xf32>, tensor<4x3xf32>, tensor<4x6xf32>, tensor<1x6xf32>
    }
  }
}

// -----

// Ranks exist along pp and ep; nothing is placed along other axes.
module attributes {nn.mesh = {tp = 2 : i64}} {
  dualpipe.body @body {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      // expected-error @+1 {{communicates over 'tp'; inside a stage ranks communicate over ep only}}
      %y = nn.all_reduce %x over "tp" : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
}

// -----

dualpipe.body @body {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    // expected-error @+1 {{communicates over 'ep', whose size no 'nn.mesh' of the module says, as in `nn.mesh = {ep = 2}`}}
    %y = nn.all_gather %x over "ep" axis 0 : tensor<4xf32> to tensor<8xf32>
    return %y : tensor<8xf32>
  }
}
