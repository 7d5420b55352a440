// What the module says of the mesh must be what can be made.
// RUN: dpc-opt %s --dualpipe-lower --split-input-file --verify-diagnostics

// expected-error @+1 {{has 'nn.mesh' axis 'tp' = 2, but ranks are placed along pp, dp and ep only: it can be 1}}
module attributes {nn.mesh = {dp = 2 : i64, ep = 2 : i64, tp = 2 : i64}} {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @body {
    func.func @forward() -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %one = nn.constant dense<1.0> : tensor<f32>
      return %one, %one : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @body inputs [] feeds [] params []
  dualpipe.schedule @train_step stages [@s0] "schedule one\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

// expected-error @+1 {{has 'nn.mesh' axis 'pp' = 4, but the schedule makes it 1}}
module attributes {nn.mesh = {pp = 4 : i64}} {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @body {
    func.func @forward() -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %one = nn.constant dense<1.0> : tensor<f32>
      return %one, %one : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @body inputs [] feeds [] params []
  dualpipe.schedule @train_step stages [@s0] "schedule one\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

module attributes {nn.mesh = {ep = 2 : i64}} {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @body {
    func.func @forward(%x: tensor<2x4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>},
            tensor<4x2xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %one = nn.constant dense<1.0> : tensor<f32>
      // expected-error @+1 {{exchanges parts that are not contiguous; the kernels phase must come before lowering}}
      %y = nn.all_to_all %x over "ep" split 1 concat 0 : tensor<2x4xf32> to tensor<4x2xf32>
      return %one, %one, %y : tensor<f32>, tensor<f32>, tensor<4x2xf32>
    }
  }
  dualpipe.stage @s0 = @body inputs [] feeds ["x"] params []
  dualpipe.schedule @train_step stages [@s0] "schedule one\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}
