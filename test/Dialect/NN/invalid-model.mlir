// RUN: dpc-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{'nn.parameter' op is trained but has elements of type 'i64'; only floats can be trained}}
nn.parameter @w : tensor<2xi64> trained = #nn.file<"/m", 0, 16, 100, 17>

// -----

// expected-error @+1 {{has 8 bytes, but its source has 16}}
nn.parameter @w : tensor<2xf32> = #nn.file<"/m", 0, 16, 100, 17>

// -----

// expected-error @+1 {{has its values at bytes 96 to}}
nn.parameter @w : tensor<2xf32> = #nn.file<"/m", 96, 8, 100, 17>

// -----

// expected-error @+1 {{is drawn at random but has elements of type 'i64'; only floats can be drawn}}
nn.parameter @w : tensor<2xi64> = #nn.init<ones, 17, 0.0 : f64>

// -----

func.func @unknown() {
  // expected-error @+1 {{'nn.get' op reads 'w', which is not a parameter}}
  %w = nn.get @w : tensor<2xf32>
  return
}

// -----

// expected-note @+1 {{the parameter is here}}
nn.parameter @w : tensor<2xf32> = #nn.init<ones, 17, 0.0 : f64>
func.func @other_type() {
  // expected-error @+1 {{reads parameter 'w' as 'tensor<3xf32>', but it is 'tensor<2xf32>'}}
  %w = nn.get @w : tensor<3xf32>
  return
}

// -----

func.func @iota_axis() {
  // expected-error @+1 {{'nn.iota' op counts along dimension 1, but the result has 1 dimensions}}
  %y = nn.iota 1 : tensor<3xi64>
  return
}

// -----

module attributes {nn.mesh = {ep = 2 : i64}} {
  // The values of both members, one after the other.
  nn.parameter @whole : tensor<4xf32> trained = #nn.file<"/m", 0, 32, 32, 1> {nn.sharded = "ep"}
  // expected-error @+1 {{has 32 bytes, but its source has 16}}
  nn.parameter @half : tensor<4xf32> trained = #nn.file<"/m", 0, 16, 32, 1> {nn.sharded = "ep"}
}

// -----

// expected-error @+1 {{has 'nn.sharded' = "tp", expected "ep", the axis whose members can have values of their own}}
nn.parameter @p : tensor<4xf32> trained = #nn.file<"/m", 0, 16, 32, 1> {nn.sharded = "tp"}

// -----

// expected-error @+1 {{has 'nn.sharded', which belongs on a parameter}}
func.func private @f() attributes {nn.sharded = "ep"}

// -----

// expected-error @+1 {{expected, on a function, a dictionary by input of 'minimum', an integer, and 'ignored', an array of i64}}
func.func private @bounds() attributes {nn.bounds = {labels = {largest = 3 : i64}}}

// -----

// expected-error @+1 {{expected, on a function, a dictionary by input}}
nn.parameter @p : tensor<4xf32> trained = #nn.file<"/m", 0, 16, 32, 1> {nn.bounds = {labels = {minimum = 3 : i64}}}

// -----

// expected-error @+1 {{has a master of 'bf16', which has no more bits than 'bf16'}}
nn.parameter @w : tensor<2xbf16> trained master bf16 = #nn.init<ones, 17, 0.0 : f64>

// -----

// expected-error @+1 {{has master values of 'i32' and is 'tensor<2xbf16>'; both must be floats}}
nn.parameter @w : tensor<2xbf16> trained master i32 = #nn.init<ones, 17, 0.0 : f64>

// -----

// expected-error @+1 {{is drawn, but has a storage type, which is that of a file}}
nn.parameter @w : tensor<2xbf16> trained master f32 storage bf16 = #nn.init<ones, 17, 0.0 : f64>

// -----

// expected-error @+1 {{has 4 bytes, but its source has 8}}
nn.parameter @w : tensor<2xbf16> trained master f32 storage bf16 = #nn.file<"/m/gpt2.onnx", 0, 8, 1000000, 17>

// -----

// expected-error @+1 {{has 'nn.divisions' = [{node = "div"}], expected, on a module, a list of {node = "name", shape = array<i64: ...>}}}
module attributes {nn.divisions = [{node = "div"}]} {
}
