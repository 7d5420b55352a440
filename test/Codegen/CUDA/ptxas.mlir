// What ptxas says of kernels, and where it is looked for.
// REQUIRES: ptxas
// RUN: dpc-cuda-test %s --arch=sm_80 --arch=sm_90 --print=figures | FileCheck %s
// RUN: env DPC_PTXAS= dpc-cuda-test %s | FileCheck %s --check-prefix=HIDDEN

// CHECK: sm_80 k_flat: registers {{[1-9][0-9]*}}, spills 0, stack 0, shared 0
// CHECK: sm_80 k_sum: registers {{[1-9][0-9]*}}, spills 0, stack 0, shared 64
// CHECK: sm_80: PTX 80, cubin yes
// CHECK: sm_90 k_flat: registers {{[1-9][0-9]*}}, spills 0, stack 0, shared 0
// CHECK: sm_90: PTX 80, cubin yes
// HIDDEN: sm_80: PTX 80, cubin no
func.func private @k_flat(%x: tensor<4096xf32>) -> tensor<4096xf32> attributes {dualpipe.kernel} {
  %y = nn.exp %x : tensor<4096xf32>
  return %y : tensor<4096xf32>
}
func.func private @k_sum(%x: tensor<64x4096xf32>) -> tensor<64xf32> attributes {dualpipe.kernel} {
  %y = nn.reduce_sum %x [1] : tensor<64x4096xf32> to tensor<64xf32>
  return %y : tensor<64xf32>
}
