// RUN: dpc-opt %s -split-input-file -verify-diagnostics

func.func @add_broadcasts_nothing(%a: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'nn.add' op requires the same type for all operands and results}}
  %y = "nn.add"(%a, %b) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @exp_of_integers(%a: tensor<2xi64>) {
  // expected-error @+1 {{operand #0 must be statically shaped tensor of 32-bit float or 64-bit float}}
  %y = "nn.exp"(%a) : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// -----

func.func @dynamic_shape(%a: tensor<?xf32>) {
  // expected-error @+1 {{operand #0 must be statically shaped tensor}}
  %y = "nn.exp"(%a) : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @select_condition_shape(%c: tensor<3xi1>, %a: tensor<2xf32>) {
  // expected-error @+1 {{the condition has the result's shape}}
  %y = "nn.select"(%c, %a, %a) : (tensor<3xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @cast_keeps_the_shape(%a: tensor<2xf32>) {
  // expected-error @+1 {{all of {operand, result} have same shape}}
  %y = nn.cast %a : tensor<2xf32> to tensor<3xi64>
  return
}

// -----

func.func @compare_types(%a: tensor<2xf32>, %b: tensor<2xi64>) {
  // expected-error @+1 {{requires all operands to have the same type}}
  %y = "nn.compare"(%a, %b) <{predicate = #nn<predicate eq>}> : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xi1>
  return
}

// -----

func.func @compare_result(%a: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<2xi1>' are incompatible with return type(s) of operation 'tensor<3xi1>'}}
  %y = "nn.compare"(%a, %a) <{predicate = #nn<predicate eq>}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<3xi1>
  return
}
