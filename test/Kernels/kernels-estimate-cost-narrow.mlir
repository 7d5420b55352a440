// RUN: dpc-opt %s -kernels-estimate-cost="machine=%S/Inputs/narrow-products.json" | FileCheck %s --check-prefix=NARROW
// RUN: dpc-opt %s -kernels-estimate-cost="machine=%S/Inputs/round-numbers.json" | FileCheck %s --check-prefix=ALIKE
// RUN: dpc-opt %s -kernels-estimate-cost="machine=hopper" | FileCheck %s --check-prefix=HOPPER
// RUN: not dpc-opt %s -kernels-estimate-cost="machine=kepler" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// 128 flops of a product of 16-bit elements, at a rate of its own where the machine has one,
// whatever it is added up in; and a launch of 1 s.

// NARROW: @narrow {{.*}} cost <forward = 1.062500e+00 : f64
// NARROW: @wide {{.*}} cost <forward = 1.125000e+00 : f64
// ALIKE: @narrow {{.*}} cost <forward = 1.125000e+00 : f64
// ALIKE: @wide {{.*}} cost <forward = 1.125000e+00 : f64
// HOPPER-COUNT-2: cost <forward = {{2\.5[0-9]*[eE]-0?6}} : f64
// UNKNOWN: error: machine description 'kepler' cannot be read
dualpipe.body @half {
  func.func @forward(%x: tensor<4x4xbf16> {dualpipe.role = #dualpipe.role<feed 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %x : tensor<4x4xbf16>, tensor<4x4xbf16> to tensor<4x4xf32>
    return %y : tensor<4x4xf32>
  }
}
dualpipe.body @whole {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %y : tensor<4x4xf32>
  }
}
dualpipe.stage @narrow = @half inputs [] feeds ["x"] params []
dualpipe.stage @wide = @whole inputs [] feeds ["x"] params []
