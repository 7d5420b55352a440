// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every elementwise operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>, %c: tensor<2x3xi1>, %d: tensor<2x3xi1>, %n: tensor<2x3xi64>) {
  // CHECK: nn.neg %{{[^ ,]+}} : tensor<2x3xf32>
  %0 = nn.neg %x : tensor<2x3xf32>
  // CHECK: nn.abs %{{[^ ,]+}} : tensor<2x3xf32>
  %1 = nn.abs %x : tensor<2x3xf32>
  // CHECK: nn.sign %{{[^ ,]+}} : tensor<2x3xf32>
  %2 = nn.sign %x : tensor<2x3xf32>
  // CHECK: nn.floor %{{[^ ,]+}} : tensor<2x3xf32>
  %3 = nn.floor %x : tensor<2x3xf32>
  // CHECK: nn.ceil %{{[^ ,]+}} : tensor<2x3xf32>
  %4 = nn.ceil %x : tensor<2x3xf32>
  // CHECK: nn.exp %{{[^ ,]+}} : tensor<2x3xf32>
  %5 = nn.exp %x : tensor<2x3xf32>
  // CHECK: nn.log %{{[^ ,]+}} : tensor<2x3xf32>
  %6 = nn.log %x : tensor<2x3xf32>
  // CHECK: nn.sqrt %{{[^ ,]+}} : tensor<2x3xf32>
  %7 = nn.sqrt %x : tensor<2x3xf32>
  // CHECK: nn.reciprocal %{{[^ ,]+}} : tensor<2x3xf32>
  %8 = nn.reciprocal %x : tensor<2x3xf32>
  // CHECK: nn.tanh %{{[^ ,]+}} : tensor<2x3xf32>
  %9 = nn.tanh %x : tensor<2x3xf32>
  // CHECK: nn.erf %{{[^ ,]+}} : tensor<2x3xf32>
  %10 = nn.erf %x : tensor<2x3xf32>
  // CHECK: nn.sigmoid %{{[^ ,]+}} : tensor<2x3xf32>
  %11 = nn.sigmoid %x : tensor<2x3xf32>
  // CHECK: nn.relu %{{[^ ,]+}} : tensor<2x3xf32>
  %12 = nn.relu %x : tensor<2x3xf32>
  // CHECK: nn.sin %{{[^ ,]+}} : tensor<2x3xf32>
  %13 = nn.sin %x : tensor<2x3xf32>
  // CHECK: nn.cos %{{[^ ,]+}} : tensor<2x3xf32>
  %14 = nn.cos %x : tensor<2x3xf32>
  // CHECK: nn.not %{{[^ ,]+}} : tensor<2x3xi1>
  %15 = nn.not %c : tensor<2x3xi1>
  // CHECK: nn.add %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %16 = nn.add %x, %y : tensor<2x3xf32>
  // CHECK: nn.sub %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %17 = nn.sub %x, %y : tensor<2x3xf32>
  // CHECK: nn.mul %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %18 = nn.mul %x, %y : tensor<2x3xf32>
  // CHECK: nn.div %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %19 = nn.div %x, %y : tensor<2x3xf32>
  // CHECK: nn.pow %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %20 = nn.pow %x, %y : tensor<2x3xf32>
  // CHECK: nn.max %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %21 = nn.max %x, %y : tensor<2x3xf32>
  // CHECK: nn.min %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %22 = nn.min %x, %y : tensor<2x3xf32>
  // CHECK: nn.and %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xi1>
  %23 = nn.and %c, %d : tensor<2x3xi1>
  // CHECK: nn.or %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xi1>
  %24 = nn.or %c, %d : tensor<2x3xi1>
  // CHECK: nn.xor %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xi1>
  %25 = nn.xor %c, %d : tensor<2x3xi1>
  // CHECK: nn.compare eq, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %26 = nn.compare eq, %x, %y : tensor<2x3xf32>
  // CHECK: nn.compare ne, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %27 = nn.compare ne, %x, %y : tensor<2x3xf32>
  // CHECK: nn.compare lt, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %28 = nn.compare lt, %x, %y : tensor<2x3xf32>
  // CHECK: nn.compare le, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %29 = nn.compare le, %x, %y : tensor<2x3xf32>
  // CHECK: nn.compare gt, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %30 = nn.compare gt, %x, %y : tensor<2x3xf32>
  // CHECK: nn.compare ge, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %31 = nn.compare ge, %x, %y : tensor<2x3xf32>
  // CHECK: nn.is_nan %{{[^ ,]+}} : tensor<2x3xf32>
  %32 = nn.is_nan %x : tensor<2x3xf32>
  // CHECK: nn.select %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>
  %33 = nn.select %c, %x, %y : tensor<2x3xf32>
  // CHECK: nn.cast %{{[^ ,]+}} : tensor<2x3xf32> to tensor<2x3xbf16>
  %34 = nn.cast %x : tensor<2x3xf32> to tensor<2x3xbf16>
  // CHECK: nn.add %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xi64>
  %35 = nn.add %n, %n : tensor<2x3xi64>
  return
}
