// RUN: dpc-opt %s -split-input-file -verify-diagnostics -dualpipe-lower
// RUN: echo "module {}" | not dpc-opt -dualpipe-lower="machine=absent.json" 2>&1 | FileCheck %s

// CHECK: error: machine description 'absent.json' cannot be read: No such file or directory

// expected-error @below {{has no dualpipe.training; the partition phase must come before lowering}}
module {
  dualpipe.body @b {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) {
      return
    }
  }
  dualpipe.stage @s0 = @b inputs [] feeds ["x"] params []
  dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  dualpipe.body @b {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) {
      return
    }
  }
  dualpipe.stage @s0 = @b inputs [] feeds ["x"] params []
  // expected-error @below {{is for 1 micro-batches, but a step has 2}}
  dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @first {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      return %y : tensor<4x4xf32>
    }
  }
  dualpipe.body @last {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
      return
    }
  }
  dualpipe.stage @s0 = @first inputs [] feeds ["x"] params []
  // expected-error @below {{reads from @s0, which is not in the schedule}}
  dualpipe.stage @s1 = @last inputs [#dualpipe.source<@s0, 0>] feeds [] params []
  dualpipe.schedule @step stages [@s1] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @b {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) {
      // expected-error @below {{'nn.tanh' op is in no kernel and is no library call; the kernels phase must come before lowering}}
      %y = nn.tanh %x : tensor<4xf32>
      return
    }
  }
  dualpipe.stage @s0 = @b inputs [] feeds ["x"] params []
  dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

// A gradient that nobody makes.
module {
  nn.parameter @w : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @b {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      return %y : tensor<4x4xf32>
    }
    func.func @weight_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                           %a: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
      %0 = nn.matmul %x, %g into %a lhs [1, 0] : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      return %0 : tensor<4x4xf32>
    }
  }
  // expected-error @below {{reads the gradient of its output 0, which no stage sends back}}
  dualpipe.stage @s0 = @b inputs [] feeds ["x"] params [@w]
  dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}

// -----

// Randomness has no place in the step record yet: better no program than one that reads
// what nobody writes.
module {
  dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
  dualpipe.body @b {
    // expected-error @below {{takes a random key; programs have none so far}}
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %k: tensor<2xi64> {dualpipe.role = #dualpipe.role<key 0>}) {
      return
    }
  }
  dualpipe.stage @s0 = @b inputs [] feeds ["x"] params []
  dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"
}
