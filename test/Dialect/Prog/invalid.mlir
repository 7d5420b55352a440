// RUN: dpc-opt %s -split-input-file -verify-diagnostics

// One broken constraint in each part; a heading begins a group.

// The program itself.
// expected-error @+1 {{'prog.program' op has coordinate -1; coordinates are counted from 0}}
prog.program @p entry "step" coordinate -1 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{needs at least one micro-batch, got 0}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 0 weighting "mean" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{has weighting "median"; known are denominator, mean and sum}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "median" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{has "compute" among its streams; expected #prog<stream compute>, comm, collective or reduce}}
prog.program @p entry "step" coordinate 0 streams ["compute"] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{has the stream compute twice}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{has no compute stream, on which blocks run}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
  }
}

// -----

// expected-error @+1 {{has 0 orders; a program has one}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
}

// -----

// expected-error @+1 {{has 2 orders; a program has one}}
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'func.func' op is in a program, where only declarations, blocks and one order are allowed}}
  func.func private @f()
  prog.order {
  }
}

// -----

// Where operations stand.
// expected-error @+1 {{'prog.arena' op expects parent op 'prog.program'}}
prog.arena @a stash 64

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  %s = prog.slot @a[0] : !prog.slot<1xf32>
  // expected-error @+1 {{'prog.feed' op expects parent op 'prog.order'}}
  %e = prog.feed "x" 0 to %s : !prog.slot<1xf32> on compute
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.join' op expects parent op to be one of 'prog.block, prog.order'}}
  %e = prog.join on compute
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
    // expected-error @+1 {{'prog.results' op expects parent op 'prog.block'}}
    prog.results for []
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    // expected-error @+1 {{'prog.send' op expects parent op 'prog.exchange'}}
    prog.send %s to 1 message 0 : !prog.slot<1xf32>
  }
}

// -----

// Arenas and slots.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.arena' op cannot have -1 bytes}}
  prog.arena @a stash -1
  prog.order {
  }
}

// -----

// expected-error @+1 {{a slot has one number of elements, as in !prog.slot<16xf32>}}
func.func private @f(!prog.slot<4x4xf32>)

// -----

// expected-error @+1 {{a slot cannot have elements of type 'i4'; known are floats and integers of whole bytes, and i1}}
func.func private @f(!prog.slot<4xi4>)

// -----

// expected-error @+1 {{a slot of 4611686018427387904 elements has more bytes than can be counted}}
func.func private @f(!prog.slot<4611686018427387904xf32>)

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.kernel @k [!prog.slot<1xf32>] [#prog<access read>]
  // expected-error @+1 {{lies in @k, which is not a prog.arena}}
  %s = prog.slot @k[0] : !prog.slot<1xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-note @+1 {{the arena is here}}
  prog.arena @a stash 64
  // expected-error @+1 {{takes 4 bytes from 62 on of @a, which has 64}}
  %s = prog.slot @a[62] : !prog.slot<1xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-note @+1 {{the first is here}}
  prog.arena @a step_record 64
  // expected-error @+1 {{is a second step record; a program has one}}
  prog.arena @b step_record 64
  prog.order {
  }
}

// -----

// Groups and kernels.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.group' op has no members}}
  prog.group @g []
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{spans tp, along which no ranks are placed; groups span dp and ep}}
  prog.group @g [0, 1] over [ep, tp]
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{has the member -1; coordinates are counted from 0}}
  prog.group @g [-1, 0]
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{has member 1 after 1; members stand in ascending order}}
  prog.group @g [0, 1, 1]
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.kernel' op has 2 buffers, but says how 1 are used}}
  prog.kernel @k [!prog.slot<1xf32>, !prog.slot<1xf32>] [#prog<access read>]
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{has 'f32' among its buffers; expected slots, as in !prog.slot<16xf32>}}
  prog.kernel @k [f32] [#prog<access read>]
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{has "read" among its accesses; expected #prog<access read>, write or read_write}}
  prog.kernel @k [!prog.slot<1xf32>] ["read"]
  prog.order {
  }
}

// -----

// Parameters, inputs and outputs, constants.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{'prog.parameter' op is of type 'f32'; expected a tensor of static shape}}
  prog.parameter "w" : f32 weight %w [] entry 0 : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has elements of type 'i4'; known are floats and integers of whole bytes, and i1}}
  prog.parameter "w" : tensor<4xi4> weight %w [] entry 0 : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{is of type 'tensor<4611686018427387904x4xf32>', whose bytes cannot be counted}}
  prog.parameter "w" : tensor<4611686018427387904x4xf32> weight %w [] entry 0 : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has a weight in '!prog.slot<1xf32>', but is of type 'tensor<2xf32>', which takes '!prog.slot<2xf32>'}}
  prog.parameter "w" : tensor<2xf32> weight %v [] entry 0 : !prog.slot<1xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has a gradient in '!prog.slot<1xf32>', but is of type 'tensor<2xf32>', which takes '!prog.slot<2xf32>'}}
  prog.parameter "w" : tensor<2xf32> weight %w gradient %v [] entry 0 : !prog.slot<2xf32>, !prog.slot<1xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has a moment in '!prog.slot<1xf32>', but is of type 'tensor<2xf32>', which takes '!prog.slot<2xf32>'}}
  prog.parameter "w" : tensor<2xf32> weight %w gradient %w moments %v ["m"] entry 0 : !prog.slot<2xf32>, !prog.slot<2xf32> moments !prog.slot<1xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has 1 moments and 0 names of moments}}
  prog.parameter "w" : tensor<2xf32> weight %w gradient %w moments %w [] entry 0 : !prog.slot<2xf32>, !prog.slot<2xf32> moments !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has moments, but no gradient}}
  prog.parameter "w" : tensor<2xf32> weight %w moments %w ["m"] entry 0 : !prog.slot<2xf32> moments !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has entry -1 of the step record; entries are counted from 0}}
  prog.parameter "w" : tensor<2xf32> weight %w [] entry -1 : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  // expected-error @+1 {{has an entry in the step record, but the program has no arena for one}}
  prog.parameter "w" : tensor<2xf32> weight %w [] entry 0 : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.tensor' op is of type 'tensor<?xf32>'; expected a tensor of static shape}}
  prog.tensor "x" : tensor<?xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.tensor "x" : tensor<f32>
  prog.tensor output "x" : tensor<f32>
  // expected-error @+1 {{is the second input named "x"}}
  prog.tensor "x" : tensor<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{'prog.constant' op has the type 'tensor<f32>', which takes '!prog.slot<1xf32>', but its slot is '!prog.slot<2xf32>'}}
  prog.constant dense<1.0> : tensor<f32> in %w : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %v = prog.slot @a[16] : !prog.slot<1xf32>
  // expected-error @+1 {{has a value that is not dense}}
  prog.constant sparse<0, 1.0> : tensor<2xf32> in %w : !prog.slot<2xf32>
  prog.order {
  }
}

// -----

// Blocks.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{'prog.block' op has "read" among its accesses; expected #prog<access read>, write or read_write}}
  prog.block @b forward attributes {operand_access = ["read"], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{names 0 operands, but says how 1 are used}}
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = []} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{has 1 arguments; 1 operands need as many slots and events}}
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>):
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // expected-error @+1 {{operand 0 is not a slot with an event}}
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%e: !prog.event, %s: !prog.slot<1xf32>):
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    // expected-error @+1 {{'prog.results' op yields 1 events for 2 operands}}
    prog.results %e for [0, 0]
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    // expected-error @+1 {{completes operand 1 of a block with 1}}
    prog.results %e for [1]
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.block @b forward attributes {operand_access = [], operand_names = []} {
    // expected-error @+1 {{'func.return' op expects parent op 'func.func'}}
    func.return
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [], operand_names = []} {
    // expected-error @+1 {{'nn.constant' op is in a block, where only commands and slots are allowed}}
    %0 = nn.constant dense<1.0> : tensor<f32>
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    // expected-error @+1 {{is on the stream comm; in a block only collectives leave the compute stream}}
    %0 = prog.fill %s with 0 : !prog.slot<1xf32> on comm
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.group @g [0]
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    // expected-error @+1 {{is on the stream collective, which the program does not have}}
    %0 = prog.collective all_reduce over @g %s to %s : !prog.slot<1xf32>, !prog.slot<1xf32> on collective
    prog.results for []
  }
  prog.order {
  }
}

// -----

// Commands of the order.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
    // expected-error @+1 {{'nn.constant' op is in the order, where only commands and slots are allowed}}
    %0 = nn.constant dense<1.0> : tensor<f32>
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.order {
    // expected-error @+1 {{is on the stream reduce, which the program does not have}}
    %0 = prog.join on reduce
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor output "y" : tensor<f32>
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{feeds "y", which is not an input of the program}}
    %0 = prog.feed "y" 0 to %s : !prog.slot<1xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor "x" : tensor<f32>
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{is for micro-batch 1 of a step with 1}}
    %0 = prog.feed "x" 1 to %s : !prog.slot<1xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor "x" : tensor<f32>
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{fetches "x", which is not an output of the program}}
    %0 = prog.fetch "x" 0 from %s : !prog.slot<1xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor output "y" : tensor<f32>
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{is for micro-batch -1 of a step with 1}}
    %0 = prog.fetch "y" -1 from %s : !prog.slot<1xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor "x" : tensor<2xi32>
  prog.order {
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{feeds "x" of type 'tensor<2xi32>' into '!prog.slot<2xf32>'}}
    %0 = prog.feed "x" 0 to %t : !prog.slot<2xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor "x" : tensor<3xf32>
  prog.order {
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{feeds "x" of type 'tensor<3xf32>' into '!prog.slot<2xf32>'}}
    %0 = prog.feed "x" 0 to %t : !prog.slot<2xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.tensor output "y" : tensor<f32>
  prog.order {
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{fetches "y" of type 'tensor<f32>' from '!prog.slot<2xf32>'}}
    %0 = prog.fetch "y" 0 from %t : !prog.slot<2xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{failed to verify that all of {src, dst} have same type}}
    %0 = "prog.copy"(%s, %t) {stream = #prog<stream compute>} : (!prog.slot<1xf32>, !prog.slot<2xf32>) -> !prog.event
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{'prog.launch' op launches @a, which is not a prog.kernel}}
    %0 = prog.launch @a(%s : !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.kernel @k [!prog.slot<1xf32>, !prog.slot<2xf32>] [#prog<access read>, #prog<access write>]
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{gives 1 slots to @k, which has 2 buffers}}
    %0 = prog.launch @k(%s : !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.kernel @k [!prog.slot<1xf32>, !prog.slot<2xf32>] [#prog<access read>, #prog<access write>]
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{gives '!prog.slot<1xf32>' as buffer 1 of @k, which takes '!prog.slot<2xf32>'}}
    %0 = prog.launch @k(%s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.kernel @k [!prog.slot<1xf32>] [#prog<access write>]
  prog.block @b other attributes {operand_access = [], operand_names = []} {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    // expected-error @+1 {{is for some replicas; only launches of an order can be}}
    %0 = prog.launch @k(%s : !prog.slot<1xf32>) for [1] on compute
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.kernel @k [!prog.slot<1xf32>] [#prog<access write>]
  prog.block @b other attributes {operand_access = [], operand_names = []} {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    // expected-error @+1 {{compares mirrors; only launches of an order can}}
    %0 = prog.launch @k(%s : !prog.slot<1xf32>) if comparing on compute
    prog.results for []
  }
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{'prog.collective' op is over @a, which is not a prog.group}}
    %0 = prog.collective all_reduce over @a %s to %s : !prog.slot<1xf32>, !prog.slot<1xf32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.group @g [0]
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    %i = prog.slot @a[0] : !prog.slot<1xi32>
    // expected-error @+1 {{takes '!prog.slot<1xf32>' and gives '!prog.slot<1xi32>'; a collective keeps the type of elements}}
    %0 = prog.collective all_reduce over @g %s to %i : !prog.slot<1xf32>, !prog.slot<1xi32> on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.group @g [0]
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{takes 4 bytes and gives 8; all_reduce keeps their number}}
    %0 = prog.collective all_reduce over @g %s to %t : !prog.slot<1xf32>, !prog.slot<2xf32> on compute
  }
}

// -----

// Library matmuls.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{a matmul's extents must be at least 1}}
    %0 = prog.call #library.matmul<m 0 n 1 k 1 lhs [1, 1] rhs [1, 1] dst [1, 1] accumulate false blocks 1, 1>(%s, %s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{a matmul's blocks must be at least 1 x 1, got 0 x 1}}
    %0 = prog.call #library.matmul<m 1 n 1 k 1 lhs [1, 1] rhs [1, 1] dst [1, 1] accumulate false blocks 0, 1>(%s, %s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{rhs has 2 strides; 1 batch dimensions and two of the matrix need 3}}
    %0 = prog.call #library.matmul<batch [1] m 1 n 1 k 1 lhs [1, 1, 1] rhs [1, 1] dst [1, 1, 1] accumulate false blocks 1, 1>(%s, %s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{dst has the stride -1; strides are at least 0}}
    %0 = prog.call #library.matmul<m 1 n 1 k 1 lhs [1, 1] rhs [1, 1] dst [1, -1] accumulate false blocks 1, 1>(%s, %s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    // expected-error @+1 {{gives 2 slots to a function of 2 sources; it takes these, a destination and perhaps workspace}}
    %0 = prog.call #library.matmul<m 1 n 1 k 1 lhs [1, 1] rhs [1, 1] dst [1, 1] accumulate false blocks 1, 1>(%s, %s : !prog.slot<1xf32>, !prog.slot<1xf32>) on compute
  }
}

// -----

// Runs.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{'prog.run' op runs @a, which is not a prog.block}}
    %0 = prog.run @a() for []
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{gives 0 slots to @b, which has 1 operands}}
    %0 = prog.run @b() for []
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{gives '!prog.slot<2xf32>' as operand 0 of @b, which takes '!prog.slot<1xf32>'}}
    %0 = prog.run @b(%t : !prog.slot<2xf32>) for []
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{takes 0 results of @b, which yields 1}}
    %0 = prog.run @b(%s : !prog.slot<1xf32>) for []
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    %j = prog.join on compute
    // expected-error @+1 {{has 1 events for 0 operands}}
    %0, %1 = prog.run @b(%s : !prog.slot<1xf32>) ready %j for [] yields !prog.event
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    %j = prog.join on compute
    // expected-error @+1 {{holds back operand 1 of a block with 1}}
    %0, %1 = prog.run @b(%s : !prog.slot<1xf32>) ready %j for [1] yields !prog.event
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    %j = prog.join on compute
    // expected-error @+1 {{holds back operand 0 twice; events beyond the first stand under `after`}}
    %0, %1 = prog.run @b(%s : !prog.slot<1xf32>) ready %j, %j for [0, 0] yields !prog.event
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{is for micro-batch 4 of a step with 1}}
    %0, %1 = prog.run @b(%s : !prog.slot<1xf32>) for [] yields !prog.event {micro_batch = 4 : i64}
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a stash 64
  prog.block @b forward attributes {operand_access = [#prog<access read>], operand_names = ["x"]} {
  ^bb0(%s: !prog.slot<1xf32>, %e: !prog.event):
    prog.results %e for [0]
  }
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %t = prog.slot @a[8] : !prog.slot<2xf32>
    // expected-error @+1 {{is for micro-batch -2 of a step with 1}}
    %0, %1 = prog.run @b(%s : !prog.slot<1xf32>) for [] yields !prog.event {micro_batch = 0 : i64, pair_micro_batch = -2 : i64}
  }
}

// -----

// Exchanges.
prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %0 = prog.exchange on comm {
      // expected-error @+1 {{'prog.join' op expects parent op to be one of 'prog.block, prog.order'}}
      %2 = prog.join on comm
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %0 = prog.exchange on comm {
      // expected-error @+1 {{'nn.constant' op is in an exchange, where only prog.send and prog.recv are allowed}}
      %2 = nn.constant dense<1.0> : tensor<f32>
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    // expected-error @+1 {{yields 1 events for 2 transfers}}
    %0, %1 = prog.exchange on comm completes !prog.event {
      prog.send %s to 1 message 0 : !prog.slot<1xf32>
      prog.send %s to 1 message 1 : !prog.slot<1xf32>
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %0, %1 = prog.exchange on comm completes !prog.event {
      // expected-error @+1 {{'prog.send' op has peer -1; they are counted from 0}}
      prog.send %s to -1 message 0 : !prog.slot<1xf32>
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %0, %1 = prog.exchange on comm completes !prog.event {
      // expected-error @+1 {{'prog.recv' op has message -1; they are counted from 0}}
      prog.recv %s from 1 message -1 : !prog.slot<1xf32>
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a messages 64
  prog.order {
    %s = prog.slot @a[0] : !prog.slot<1xf32>
    %0, %1 = prog.exchange on comm completes !prog.event {
      // expected-error @+1 {{is between coordinate 0 and itself}}
      prog.recv %s from 0 message 0 : !prog.slot<1xf32>
    }
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @m masters 64
  %w = prog.slot @a[0] : !prog.slot<2xf32>
  %m = prog.slot @m[0] : !prog.slot<2xf32>
  // expected-error @+1 {{has a master, but is of type 'tensor<2xf32>'; only parameters of 16-bit floats have one}}
  prog.parameter "w" : tensor<2xf32> weight %w master %m [] : !prog.slot<2xf32> master !prog.slot<2xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 64
  prog.arena @m masters 64
  %w = prog.slot @a[0] : !prog.slot<2xbf16>
  %m = prog.slot @m[0] : !prog.slot<2xbf16>
  // expected-error @+1 {{has a master in '!prog.slot<2xbf16>', but is of type 'tensor<2xbf16>', which takes '!prog.slot<2xf32>'}}
  prog.parameter "w" : tensor<2xbf16> weight %w master %m [] : !prog.slot<2xbf16> master !prog.slot<2xbf16>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w [] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{is of parameter 'v', which the program does not declare before it}}
  prog.part of "v" from 4096 elements 1904
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<1904xi32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has a moment in '!prog.slot<1904xi32>'; its elements take '!prog.slot<1904xf32>'}}
  prog.part of "w" from 4096 elements 1904 moments %m : !prog.slot<1904xi32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<4096xf32>
  %n = prog.slot @m[16384] : !prog.slot<1904xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m", "n"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has a moment in '!prog.slot<1904xf32>'; its elements take '!prog.slot<4096xf32>'}}
  prog.part of "w" from 0 elements 4096 moments %m, %n : !prog.slot<4096xf32>, !prog.slot<1904xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<4096xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has 4096 elements from element 4096 on, but its parameter has 6000}}
  prog.part of "w" from 4096 elements 4096 moments %m : !prog.slot<4096xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<4096xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has 4096 elements from element 9223372036854771712 on, but its parameter has 6000}}
  prog.part of "w" from 9223372036854771712 elements 4096 moments %m : !prog.slot<4096xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<4096xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has 4096 elements from element -4096 on, but its parameter has 6000}}
  prog.part of "w" from -4096 elements 4096 moments %m : !prog.slot<4096xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<1904xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has elements [1..1905) of 6000; a part begins and ends at a multiple of 4096 or at the parameter's end, and is not empty}}
  prog.part of "w" from 1 elements 1904 moments %m : !prog.slot<1904xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<5999xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has elements [1..6000) of 6000; a part begins and ends at a multiple of 4096 or at the parameter's end, and is not empty}}
  prog.part of "w" from 1 elements 5999 moments %m : !prog.slot<5999xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<100xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has elements [4096..4196) of 6000; a part begins and ends at a multiple of 4096 or at the parameter's end, and is not empty}}
  prog.part of "w" from 4096 elements 100 moments %m : !prog.slot<100xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<0xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has elements [4096..4096) of 6000; a part begins and ends at a multiple of 4096 or at the parameter's end, and is not empty}}
  prog.part of "w" from 4096 elements 0 moments %m : !prog.slot<0xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @m moments 32768
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  %m = prog.slot @m[0] : !prog.slot<4096xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{is for replica 1; replicas are counted from 0 and stand in ascending order}}
  prog.part of "w" from 0 elements 4096 for [1, 1] moments %m : !prog.slot<4096xf32>
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a weights 24000
  prog.arena @r step_record 128
  %w = prog.slot @a[0] : !prog.slot<6000xf32>
  prog.parameter "w" : tensor<6000xf32> weight %w gradient %w ["m"] entry 0 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // expected-error @+1 {{has 0 moments; its parameter names 1}}
  prog.part of "w" from 0 elements 4096
  prog.order {
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream reduce>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a gradients 64
  prog.group @g [0, 1]
  %a = prog.slot @a[0] : !prog.slot<16xf32>
  prog.order {
    // expected-error @+1 {{has parts; only a reduce_scatter or an all_gather can have them}}
    %0 = prog.collective all_reduce over @g %a to %a : !prog.slot<16xf32>, !prog.slot<16xf32> parts [8, 8] on reduce
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream reduce>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a gradients 64
  prog.group @g [0, 1]
  %a = prog.slot @a[0] : !prog.slot<16xf32>
  prog.order {
    // expected-error @+1 {{has parts of 12 elements together, not of 16}}
    %0 = prog.collective all_gather over @g %a to %a : !prog.slot<16xf32>, !prog.slot<16xf32> parts [8, 4] on reduce
  }
}

// -----

prog.program @p entry "step" coordinate 0 streams [#prog<stream reduce>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @a gradients 64
  prog.group @g [0, 1]
  %a = prog.slot @a[0] : !prog.slot<16xf32>
  prog.order {
    // expected-error @+1 {{has a part of 9 elements; there are 8 left}}
    %0 = prog.collective reduce_scatter over @g %a to %a : !prog.slot<16xf32>, !prog.slot<16xf32> parts [8, 9] on reduce
  }
}
