// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// The rest of the import phase on a model that was read: the product takes its weight as
// it is stored, the labels' limit is noted, names stay; and the check accepts it.

// CHECK-COUNT-3: nn.parameter
// CHECK: func.func @forward(%[[X:.*]]: tensor<8x16xf32> {nn.name = "x"} {{.*}}, %[[LABELS:.*]]: tensor<8xi64> {nn.limit = 4 : i64, nn.name = "labels"}
// CHECK-SAME: nn.weighting = "denominator"
// CHECK-NOT: nn.transpose
// CHECK: nn.tanh %{{.*}} : tensor<8x32xf32> loc(fused<"first">["first/Tanh"])
// CHECK: nn.matmul %{{.*}}, %{{.*}} rhs [1, 0] : tensor<8x32xf32>, tensor<4x32xf32> to tensor<8x4xf32> loc({{.*}}"second/MatMul"
// CHECK: nn.cross_entropy
// CHECK: %[[LOSS:.*]], %[[DEN:.*]] = nn.weighted_mean
// CHECK-NEXT: return %[[LOSS]], %[[DEN]]
