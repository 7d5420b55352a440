// RUN: dpc-opt %s --split-input-file --nn-guard-divisions | FileCheck %s

// By what data brings: 0 for a divisor of 0, the least integer again for -1, and where
// the first 0 is, the earlier division and the earlier element being the larger number.

// CHECK: module attributes {nn.divisions = [{node = "first", shape = array<i64: 2, 3>}, {node = "second", shape = array<i64: 2, 3>}]}
// CHECK: func.func @forward(%[[A:.*]]: tensor<2x3xi32>, %[[B:.*]]: tensor<2x3xi32>) -> (tensor<2x3xi32>, tensor<i64> {nn.name = "fault"})
func.func @forward(%a: tensor<2x3xi32>, %b: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // CHECK: %[[IS_ZERO:.*]] = nn.compare eq, %[[B]], %{{.*}} : tensor<2x3xi32>
  // CHECK: %[[IS_MINUS_ONE:.*]] = nn.compare eq, %[[B]], %{{.*}} : tensor<2x3xi32>
  // CHECK: %[[REPLACED:.*]] = nn.or %[[IS_ZERO]], %[[IS_MINUS_ONE]]
  // CHECK: %[[DIVISOR:.*]] = nn.select %[[REPLACED]], %{{.*}}, %[[B]]
  // CHECK: %[[Q:.*]] = nn.div %[[A]], %[[DIVISOR]]
  // CHECK: %[[NEGATED:.*]] = nn.neg %[[A]]
  // CHECK: %[[WRAPPED:.*]] = nn.select %[[IS_MINUS_ONE]], %[[NEGATED]], %[[Q]]
  // CHECK: %[[RESULT:.*]] = nn.select %[[IS_ZERO]], %{{.*}}, %[[WRAPPED]]
  // CHECK-DAG: %[[INDEX:.*]] = nn.iota 0 : tensor<6xi64>
  // CHECK-DAG: %[[BASE:.*]] = nn.constant dense<3298534883327> : tensor<6xi64>
  // CHECK: %[[CODES:.*]] = nn.sub %[[BASE]], %[[INDEX]]
  // CHECK: %[[FLAT:.*]] = nn.reshape %[[IS_ZERO]] : tensor<2x3xi1> to tensor<6xi1>
  // CHECK: %[[AT:.*]] = nn.select %[[FLAT]], %[[CODES]], %{{.*}}
  // CHECK: %[[FIRST:.*]] = nn.reduce_max %[[AT]] [0]
  %q = nn.div %a, %b : tensor<2x3xi32> loc("first")
  // CHECK: nn.div %[[RESULT]], %{{.*}}
  // CHECK: nn.constant dense<2199023255551> : tensor<6xi64>
  // CHECK: %[[SECOND:.*]] = nn.reduce_max
  // CHECK: %[[FAULT:.*]] = nn.max %[[FIRST]], %[[SECOND]] : tensor<i64>
  %r = nn.div %q, %b : tensor<2x3xi32> loc("second")
  // CHECK: return %{{.*}}, %[[FAULT]]
  return %r : tensor<2x3xi32>
}

// -----

// Nothing to do: divisors that are known, and floats.

// CHECK-NOT: nn.divisions
// CHECK: func.func @forward(%{{.*}}: tensor<4xi64>, %{{.*}}: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf32>)
// CHECK-NOT: nn.select
func.func @forward(%a: tensor<4xi64>, %x: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf32>) {
  %two = nn.constant dense<[1, 2, 3, -2]> : tensor<4xi64>
  %q = nn.div %a, %two : tensor<4xi64>
  %y = nn.div %x, %x : tensor<4xf32>
  return %q, %y : tensor<4xi64>, tensor<4xf32>
}

// -----

// A known divisor may be what a processor stops at, too. The division that could stop is
// gone, not only without a reader.

// CHECK: nn.divisions
// CHECK-COUNT-1: nn.div %
// CHECK-NOT: nn.div %
func.func @forward(%a: tensor<2xi64>) -> tensor<2xi64> {
  %mixed = nn.constant dense<[1, -1]> : tensor<2xi64>
  %q = nn.div %a, %mixed : tensor<2xi64>
  return %q : tensor<2xi64>
}

// -----

// What only a further output needs is given its results, and reports nothing.

// CHECK: module attributes {nn.divisions = [{node = "trained", shape = array<i64: 2>}]}
// CHECK: -> (tensor<f32>, tensor<f32>, tensor<i64> {nn.name = "fault"}, tensor<i64> {nn.name = "most"})
func.func @forward(%a: tensor<2xi64>, %b: tensor<2xi64>, %loss: tensor<f32>)
    -> (tensor<f32>, tensor<f32>, tensor<i64> {nn.name = "most"}) {
  // CHECK-COUNT-1: nn.iota
  // CHECK-NOT: nn.iota
  %q = nn.div %a, %b : tensor<2xi64> loc("trained")
  %c = nn.cast %q : tensor<2xi64> to tensor<2xf32>
  %sum = nn.reduce_sum %c [0] : tensor<2xf32> to tensor<f32>
  // CHECK: nn.div %{{.*}}, %{{.*}}
  // CHECK: %[[MOST:.*]] = nn.reduce_max %{{.*}} [0] : tensor<2xi64> to tensor<i64>
  %r = nn.div %b, %a : tensor<2xi64> loc("evaluated")
  %most = nn.reduce_max %r [0] : tensor<2xi64> to tensor<i64>
  // CHECK: return %{{.*}}, %{{.*}}, %{{.*}}, %[[MOST]] : tensor<f32>, tensor<f32>, tensor<i64>, tensor<i64>
  return %sum, %loss, %most : tensor<f32>, tensor<f32>, tensor<i64>
}
