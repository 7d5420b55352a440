// RUN: dpc-opt %s --split-input-file --nn-bound-inputs | FileCheck %s

// Indices of a table are below its extent along the axis they count on.

// CHECK-LABEL: func.func @table
// CHECK-SAME: %{{.*}}: tensor<8x128xf32> {nn.name = "table"}, %{{.*}}: tensor<2x4xi64> {nn.limit = 128 : i64, nn.name = "ids"}
func.func @table(%table: tensor<8x128xf32> {nn.name = "table"}, %ids: tensor<2x4xi64> {nn.name = "ids"}) -> tensor<8x2x4xf32> {
  %0 = nn.gather %table, %ids axis 1 : tensor<8x128xf32>, tensor<2x4xi64> to tensor<8x2x4xf32>
  return %0 : tensor<8x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @elements
// CHECK-SAME: tensor<2x4xi32> {nn.limit = 6 : i64}
func.func @elements(%table: tensor<2x6xf32>, %ids: tensor<2x4xi32>) -> tensor<2x4xf32> {
  %0 = nn.gather_elements %table, %ids axis 1 : tensor<2x6xf32>, tensor<2x4xi32> to tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// Labels are classes.

// CHECK-LABEL: func.func @labels
// CHECK-SAME: tensor<4xi64> {nn.limit = 5 : i64}
func.func @labels(%x: tensor<4x5xf32>, %labels: tensor<4xi64>) -> tensor<4xf32> {
  %loss, %lse = nn.cross_entropy %x, %labels ignore -100 : tensor<4x5xf32>, tensor<4xi64>
  return %loss : tensor<4xf32>
}

// -----

// What only moves elements, or widens them, keeps their limit.

// CHECK-LABEL: func.func @moved
// CHECK-SAME: %{{.*}}: tensor<16xf32>, %{{.*}}: tensor<2x6xi32> {nn.limit = 16 : i64}
func.func @moved(%table: tensor<16xf32>, %ids: tensor<2x6xi32>) -> tensor<8xf32> {
  %0 = nn.slice %ids [0, 1] to [2, 5] step [1, 1] : tensor<2x6xi32> to tensor<2x4xi32>
  %1 = nn.transpose %0 [1, 0] : tensor<2x4xi32> to tensor<4x2xi32>
  %2 = nn.reshape %1 : tensor<4x2xi32> to tensor<8xi32>
  %3 = nn.cast %2 : tensor<8xi32> to tensor<8xi64>
  %4 = nn.gather %table, %3 axis 0 : tensor<16xf32>, tensor<8xi64> to tensor<8xf32>
  return %4 : tensor<8xf32>
}

// -----

// A mask replaces labels by the value to ignore: both of a selection's values are
// bounded, its condition is no integer.

// CHECK-LABEL: func.func @selected
// CHECK-SAME: tensor<4xi1>, %{{.*}}: tensor<4xi64> {nn.limit = 5 : i64}
func.func @selected(%x: tensor<4x5xf32>, %mask: tensor<4xi1>, %labels: tensor<4xi64>) -> tensor<4xf32> {
  %ignored = nn.constant dense<-100> : tensor<4xi64>
  %0 = nn.select %mask, %labels, %ignored : tensor<4xi64>
  %loss, %lse = nn.cross_entropy %x, %0 ignore -100 : tensor<4x5xf32>, tensor<4xi64>
  return %loss : tensor<4xf32>
}

// -----

// Of two limits the lesser, in whatever order the operations stand.

// CHECK-LABEL: func.func @lesser
// CHECK-SAME: tensor<4xi64> {nn.limit = 5 : i64}, %{{.*}}: tensor<4xi64> {nn.limit = 5 : i64}
func.func @lesser(%small: tensor<5xf32>, %large: tensor<9xf32>, %a: tensor<4xi64>, %b: tensor<4xi64>) -> tensor<4xf32> {
  %0 = nn.gather %small, %a axis 0 : tensor<5xf32>, tensor<4xi64> to tensor<4xf32>
  %1 = nn.gather %large, %a axis 0 : tensor<9xf32>, tensor<4xi64> to tensor<4xf32>
  %2 = nn.gather %large, %b axis 0 : tensor<9xf32>, tensor<4xi64> to tensor<4xf32>
  %3 = nn.gather %small, %b axis 0 : tensor<5xf32>, tensor<4xi64> to tensor<4xf32>
  %4 = nn.add %0, %1 : tensor<4xf32>
  %5 = nn.add %2, %3 : tensor<4xf32>
  %6 = nn.add %4, %5 : tensor<4xf32>
  return %6 : tensor<4xf32>
}

// -----

// After arithmetic nothing is known of the operands.

// CHECK-LABEL: func.func @arithmetic
// CHECK-NOT: nn.limit
// CHECK: return
func.func @arithmetic(%table: tensor<16xf32>, %ids: tensor<4xi64>) -> tensor<4xf32> {
  %one = nn.constant dense<1> : tensor<4xi64>
  %0 = nn.add %ids, %one : tensor<4xi64>
  %1 = nn.gather %table, %0 axis 0 : tensor<16xf32>, tensor<4xi64> to tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// An integer that becomes a float, or a table itself, is no index.

// CHECK-LABEL: func.func @no_index
// CHECK-NOT: nn.limit
// CHECK: return
func.func @no_index(%table: tensor<16xi64>, %count: tensor<2xi64>) -> tensor<2xf32> {
  %position = nn.iota 0 : tensor<2xi64>
  %0 = nn.gather %table, %position axis 0 : tensor<16xi64>, tensor<2xi64> to tensor<2xi64>
  %1 = nn.cast %0 : tensor<2xi64> to tensor<2xf32>
  %2 = nn.cast %count : tensor<2xi64> to tensor<2xf32>
  %3 = nn.add %1, %2 : tensor<2xf32>
  return %3 : tensor<2xf32>
}

// -----

// Nothing to do: no integer inputs, no inputs at all, no body.

// CHECK-LABEL: func.func @floats(%arg0: tensor<4xf32> {nn.name = "x"}) -> tensor<4xf32> {
func.func @floats(%x: tensor<4xf32> {nn.name = "x"}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// CHECK-LABEL: func.func @none() {
func.func @none() {
  return
}
// CHECK-LABEL: func.func private @declared(tensor<4xi64>)
func.func private @declared(tensor<4xi64>)

// -----

// What lies below is noted by the input's name: indices count from the end where
// the graph wraps them.

// CHECK-LABEL: func.func @wrapped
// CHECK-SAME: nn.bounds = {ids = {minimum = -128 : i64}, plain = {minimum = 0 : i64}}
func.func @wrapped(%table: tensor<128x32xf32>, %ids: tensor<16xi64> {nn.name = "ids"}, %plain: tensor<16xi64> {nn.name = "plain"}) -> tensor<16x32xf32> {
  %zero = nn.constant dense<0> : tensor<16xi64>
  %extent = nn.constant dense<128> : tensor<16xi64>
  %negative = nn.compare lt, %ids, %zero : tensor<16xi64>
  %wrapped = nn.add %ids, %extent : tensor<16xi64>
  %indices = nn.select %negative, %wrapped, %ids : tensor<16xi64>
  %a = nn.gather %table, %indices axis 0 : tensor<128x32xf32>, tensor<16xi64> to tensor<16x32xf32>
  %b = nn.gather %table, %plain axis 0 : tensor<128x32xf32>, tensor<16xi64> to tensor<16x32xf32>
  %sum = nn.add %a, %b : tensor<16x32xf32>
  return %sum : tensor<16x32xf32>
}

// -----

// An ignored label may be outside of the classes, also where it reads a weight that
// is then multiplied by 0, or is replaced by a class first.

// CHECK-LABEL: func.func @ignored
// CHECK-SAME: nn.bounds = {first = {ignored = array<i64: 255>, minimum = 0 : i64}, second = {ignored = array<i64: -1>, minimum = 0 : i64}, third = {minimum = 0 : i64}}
func.func @ignored(%x: tensor<4x5xf32>, %weights: tensor<5xf32>, %first: tensor<4xi64> {nn.name = "first"}, %second: tensor<4xi64> {nn.name = "second"}, %third: tensor<4xi64> {nn.name = "third"}) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %loss, %lse = nn.cross_entropy %x, %first ignore 255 : tensor<4x5xf32>, tensor<4xi64>
  %w = nn.gather %weights, %first axis 0 : tensor<5xf32>, tensor<4xi64> to tensor<4xf32>
  %c = nn.constant dense<255> : tensor<4xi64>
  %differs = nn.compare ne, %first, %c : tensor<4xi64>
  %counted = nn.cast %differs : tensor<4xi1> to tensor<4xf32>
  %weight = nn.mul %w, %counted : tensor<4xf32>
  %0 = nn.mul %loss, %weight : tensor<4xf32>

  %minus = nn.constant dense<-1> : tensor<4xi64>
  %class = nn.constant dense<0> : tensor<4xi64>
  %is = nn.compare eq, %second, %minus : tensor<4xi64>
  %labels = nn.select %is, %class, %second : tensor<4xi64>
  %1 = nn.gather %weights, %labels axis 0 : tensor<5xf32>, tensor<4xi64> to tensor<4xf32>

  // Read here without a mask: no value is ignored by both.
  %loss2, %lse2 = nn.cross_entropy %x, %third ignore 255 : tensor<4x5xf32>, tensor<4xi64>
  %w2 = nn.gather %weights, %third axis 0 : tensor<5xf32>, tensor<4xi64> to tensor<4xf32>
  %2 = nn.mul %loss2, %w2 : tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A mask may replace what is below; a value raised to 0 may be anything below.

// CHECK-LABEL: func.func @masked
// CHECK-SAME: {nn.limit = 5 : i64, nn.name = "labels"}, %{{.*}}: tensor<4xi64> {nn.limit = 5 : i64, nn.name = "raised"})
// CHECK-NOT: nn.bounds
// CHECK: return
func.func @masked(%x: tensor<4x5xf32>, %mask: tensor<4xi1>, %labels: tensor<4xi64> {nn.name = "labels"}, %raised: tensor<4xi64> {nn.name = "raised"}) -> (tensor<4xf32>, tensor<4xf32>) {
  %ignored = nn.constant dense<-100> : tensor<4xi64>
  %zero = nn.constant dense<0> : tensor<4xi64>
  %0 = nn.select %mask, %labels, %ignored : tensor<4xi64>
  %1 = nn.max %raised, %zero : tensor<4xi64>
  %loss, %lse = nn.cross_entropy %x, %0 ignore -100 : tensor<4x5xf32>, tensor<4xi64>
  %loss2, %lse2 = nn.cross_entropy %x, %1 : tensor<4x5xf32>, tensor<4xi64>
  return %loss, %loss2 : tensor<4xf32>, tensor<4xf32>
}

// -----

// The places of a tuple share one range where their extents are equal.

// CHECK-LABEL: func.func @tuples
// CHECK-SAME: tensor<4x2xi64> {nn.limit = 6 : i64, nn.name = "square"}, %{{.*}}: tensor<4x2xi64> {nn.name = "long"}
func.func @tuples(%a: tensor<6x6xf32>, %b: tensor<6x7xf32>, %square: tensor<4x2xi64> {nn.name = "square"}, %long: tensor<4x2xi64> {nn.name = "long"}) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.gather_nd %a, %square : tensor<6x6xf32>, tensor<4x2xi64> to tensor<4xf32>
  %1 = nn.gather_nd %b, %long : tensor<6x7xf32>, tensor<4x2xi64> to tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
