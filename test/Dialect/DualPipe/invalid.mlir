// RUN: dpc-opt %s -split-input-file -verify-diagnostics

// One broken constraint in each part; a heading begins a group.

// expected-error @+1 {{'dualpipe.training' op has optimizer "rmsprop"; it can be sgd, momentum, adam or adamw}}
dualpipe.training optimizer "rmsprop" micro_batches 4 weighting "mean"

// -----

// expected-error @+1 {{has weighting "median"; known are denominator, mean and sum}}
dualpipe.training optimizer "sgd" micro_batches 4 weighting "median"

// -----

// expected-error @+1 {{needs at least one micro-batch, got 0}}
dualpipe.training optimizer "sgd" micro_batches 0 weighting "mean"

// -----

// Bodies: what stands in them.

dualpipe.body @b {
  // expected-error @+1 {{'nn.parameter' op is in a body, where only functions are allowed}}
  nn.parameter @w : tensor<4xf32> = #nn.init<zeros, 0, 0.0 : f64>
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{'func.func' op is in a body, whose functions are @forward, @input_half, @weight_half and @evaluation}}
  func.func @backward() {
    return
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{must be one block of operations, has 0}}
  func.func private @forward(tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
}

// -----

// expected-error @+1 {{'dualpipe.body' op has no @forward}}
dualpipe.body @b {
}

// -----

// Bodies: every argument and result has one role, which its function may have.

dualpipe.body @b {
  // expected-error @+1 {{argument #0 has no `dualpipe.role`}}
  func.func @forward(%x: tensor<4xf32>) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

// An attribute of another kind is no role.
dualpipe.body @b {
  // expected-error @+1 {{result #0 has no `dualpipe.role`}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = 0 : i64}) {
    return %x : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{has two arguments that are #dualpipe.role<input 0>}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{has two results that are #dualpipe.role<output 0>}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x, %x : tensor<4xf32>, tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{cannot have an argument that is #dualpipe.role<output_grad 0>}}
  func.func @forward(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) {
    return
  }
}

// -----

// Only the weight half adds to accumulators.
dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
  // expected-error @+1 {{cannot have an argument that is #dualpipe.role<accumulator 0>}}
  func.func @input_half(%a: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{cannot have a result that is #dualpipe.role<input_grad 0>}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{cannot have a result that is #dualpipe.role<kept 0>}}
  func.func @weight_half(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{argument #0 is #dualpipe.role<key 1>, but a body has one key, whose number is 0}}
  func.func @forward(%k: tensor<2xi64> {dualpipe.role = #dualpipe.role<key 1>}) {
    return
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{has input 1, but no input 0}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 1>}) {
    return
  }
}

// -----

// Bodies: the halves fit to the forward.

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  // expected-error @+1 {{argument #0 is #dualpipe.role<output_grad 0> of type 'tensor<2xf32>', which is 'tensor<4xf32>' elsewhere in the body}}
  func.func @input_half(%g: tensor<2xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{has #dualpipe.role<output_grad 0>, but @forward has no output 0}}
  func.func @input_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{has #dualpipe.role<loss_scale 0>, but @forward has no loss 0}}
  func.func @input_half(%s: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{has #dualpipe.role<param_grad 0>, but @forward has no param 0}}
  func.func @weight_half(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
  // expected-error @+1 {{takes accumulator 0, but makes no param_grad 0}}
  func.func @weight_half(%a: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}) {
    return
  }
}

// -----

// Bodies: evaluation makes what the forward makes, and keeps nothing.

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  // expected-error @+1 {{does not make output 0, which @forward makes}}
  func.func @evaluation(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{cannot have a result that is #dualpipe.role<kept 0>}}
  func.func @evaluation(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{cannot have an argument that is #dualpipe.role<output_grad 0>}}
  func.func @evaluation(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{argument #0 is #dualpipe.role<input 0> of type 'tensor<2xf32>', which is 'tensor<4xf32>' elsewhere in the body}}
  func.func @evaluation(%x: tensor<2xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}

// -----

// A further output is the evaluation's alone once there is one.
dualpipe.body @b {
  // expected-error @+1 {{cannot have a result that is #dualpipe.role<graph_output 0>}}
  func.func @forward(%x: tensor<f32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
    return %x : tensor<f32>
  }
  func.func @evaluation(%x: tensor<f32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
    return %x : tensor<f32>
  }
}

// -----

// Bodies: a kept value is made once and read later.

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  // expected-error @+1 {{reads #dualpipe.role<kept 0>, which no earlier function of the body makes}}
  func.func @input_half(%k: tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return
  }
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return %x : tensor<4xf32>
  }
  // expected-error @+1 {{makes #dualpipe.role<kept 0> again}}
  func.func @input_half(%k: tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return %k : tensor<4xf32>
  }
}

// -----

dualpipe.body @b {
  // expected-error @+1 {{makes #dualpipe.role<kept 0>, which no later function of the body reads}}
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    return %x : tensor<4xf32>
  }
}

// -----

// Stages: what they name.

// expected-error @+1 {{has "x" among its inputs; expected #dualpipe.source<@stage, index>}}
dualpipe.stage @s = @b inputs ["x"] feeds [] params []

// -----

// expected-error @+1 {{has @x among its feeds; expected the name of a graph input}}
dualpipe.stage @s = @b inputs [] feeds [@x] params []

// -----

// expected-error @+1 {{has "w" among its params; expected a parameter's symbol}}
dualpipe.stage @s = @b inputs [] feeds [] params ["w"]

// -----

// expected-error @+1 {{has body @b, which is not a dualpipe.body}}
dualpipe.stage @s = @b inputs [] feeds [] params []
func.func @b() {
  return
}

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
// expected-error @+1 {{binds 0 inputs, but @b reads 1}}
dualpipe.stage @s = @b inputs [] feeds [] params []

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) {
    return
  }
}
// expected-error @+1 {{binds 2 feeds, but @b reads 1}}
dualpipe.stage @s = @b inputs [] feeds ["x", "y"] params []

// -----

dualpipe.body @b {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
}
// expected-error @+1 {{binds 0 parameters, but @b reads 1}}
dualpipe.stage @s = @b inputs [] feeds [] params []

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
// expected-error @+1 {{reads input 0 from @b, which is not a dualpipe.stage}}
dualpipe.stage @s = @b inputs [#dualpipe.source<@b, 0>] feeds [] params []

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}
// expected-error @+1 {{reads input 0 from @s0, which does not stand before it}}
dualpipe.stage @s1 = @b inputs [#dualpipe.source<@s0, 0>] feeds [] params []
// expected-note @+1 {{the stage is here}}
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params []

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params []
// expected-error @+1 {{reads input 0 from output 1 of @s0, which has no such output}}
dualpipe.stage @s1 = @b inputs [#dualpipe.source<@s0, 1>] feeds [] params []

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<2xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params []
// expected-error @+1 {{reads input 0 as 'tensor<2xf32>', but @s0 makes 'tensor<4xf32>'}}
dualpipe.stage @s1 = @b inputs [#dualpipe.source<@s0, 0>] feeds [] params []

// -----

dualpipe.body @b {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
}
// expected-error @+1 {{binds parameter 0 to @b, which is not an nn.parameter}}
dualpipe.stage @s = @b inputs [] feeds [] params [@b]

// -----

nn.parameter @w : tensor<2xf32> = #nn.init<zeros, 0, 0.0 : f64>
dualpipe.body @b {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
}
// expected-error @+1 {{binds parameter 0 to @w of type 'tensor<2xf32>', but @b reads 'tensor<4xf32>'}}
dualpipe.stage @s = @b inputs [] feeds [] params [@w]

// -----

// The schedule: its text, and the stages it stands for.

// expected-error @+1 {{has a text that is not a schedule: line 2, column 8: the number of ranks must be at least 1}}
dualpipe.schedule @step stages [] "schedule s\0Aranks 0\0A"

// -----

// expected-error @+1 {{names 0 stages, but its text has 1}}
dualpipe.schedule @step stages [] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"

// -----

// expected-error @+1 {{names @s0 twice}}
dualpipe.schedule @step stages [@s0, @s0] "schedule s\0Aranks 1\0Astages 2\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0 0\0Arank 0: 0F0 1F0 1B0 0B0\0A"

// -----

// A task that is missing would leave a weight untrained.
// expected-error @+2 {{cannot be executed: rank 0 never does 0W0}}
// expected-note @+1 {{rank 1 never does 1B0}}
dualpipe.schedule @step stages [@s0, @s1] "schedule s\0Aranks 2\0Astages 2\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0 1\0Arank 0: 0F0 0I0\0Arank 1: 1F0\0A"

// -----

// expected-error @+1 {{has @s0 among its stages, which is not a dualpipe.stage}}
dualpipe.schedule @step stages [@s0] "schedule s\0Aranks 1\0Astages 1\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0\0Arank 0: 0F0 0B0\0A"

// -----

// Launches: the kernel stands at the top level and has the launch's types.

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{launches @k, which is not a function at the module's top level}}
  %0 = dualpipe.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{launches @k, which is not marked `dualpipe.kernel`}}
  %0 = dualpipe.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dualpipe.kernel} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{does not have the types of @k: '(tensor<4xf32>) -> tensor<4xf32>'}}
  %0 = dualpipe.launch @k(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func private @k(tensor<4xf32>) -> tensor<4xf32> attributes {dualpipe.kernel}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{launches @k, which must be one block of operations, and has 0}}
  %0 = dualpipe.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @k(%x: tensor<4xf32> {dualpipe.inplace = 1 : i64}) -> tensor<4xf32> attributes {dualpipe.kernel} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{launches @k, whose argument 0 has `dualpipe.inplace` = 1 : i64; expected one of its 1 results}}
  %0 = dualpipe.launch @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func private @k(%x: tensor<4xf32> {dualpipe.inplace = 0 : i64}, %y: tensor<2xf32>) -> tensor<2xf32> attributes {dualpipe.kernel} {
  return %y : tensor<2xf32>
}
func.func @f(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{launches @k, whose argument 0 shares a buffer with result 0 of another type}}
  %0 = dualpipe.launch @k(%x, %y) : (tensor<4xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func private @k(%x: tensor<4xf32> {dualpipe.inplace = 0 : i64}, %y: tensor<4xf32> {dualpipe.inplace = 0 : i64}) -> tensor<4xf32> attributes {dualpipe.kernel} {
  return %y : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{launches @k, two of whose arguments share a buffer with result 0}}
  %0 = dualpipe.launch @k(%x, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{has 3 : i64 among its graph_outputs; expected a name of its own for each}}
dualpipe.stage @s = @b inputs [] feeds [] params [] graph_outputs [3]

// -----

// expected-error @+1 {{has "a" among its graph_outputs; expected a name of its own for each}}
dualpipe.stage @s = @b inputs [] feeds [] params [] graph_outputs ["a", "a"]

// -----

dualpipe.body @b {
  func.func @forward(%x: tensor<f32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
    return %x : tensor<f32>
  }
}
// expected-error @+1 {{names 0 graph outputs, but @b makes 1}}
dualpipe.stage @s = @b inputs [] feeds ["x"] params []

// -----

dualpipe.body @b {
  // expected-error @+1 {{has graph_output 1, but no graph_output 0}}
  func.func @forward(%x: tensor<f32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 1>}) {
    return %x : tensor<f32>
  }
}
