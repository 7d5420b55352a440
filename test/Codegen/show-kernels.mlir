// What happens to a kernel between nn and LLVM: operations as linalg, then loops.
// RUN: dpc-opt %s --codegen-show-kernels | FileCheck %s --check-prefix=LINALG
// RUN: dpc-opt %s --codegen-show-kernels=form=loops | FileCheck %s --check-prefix=LOOPS
// RUN: not dpc-opt %s --codegen-show-kernels=form=asm 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not dpc-opt %s --codegen-show-kernels=target=gpu 2>&1 | FileCheck %s --check-prefix=TARGET

// FORM: error: form is 'asm'; known are linalg and loops
// TARGET: error: there is no target 'gpu'

// One generic per operation; a sum over rows is a reduction.
// LINALG-NOT: nn.
// LINALG-LABEL: func.func private @k_0
// LINALG: %[[P:.*]] = linalg.generic
// LINALG: arith.mulf
// LINALG: linalg.generic
// LINALG-SAME: iterator_types = ["parallel", "reduction"]
// LINALG: arith.addf
// LINALG: return
// LINALG-NOT: func.func

// One loop over the rows that the caller asks for; the product is computed where
// the sum reads it and has no buffer.
// LOOPS-NOT: linalg.
// LOOPS-LABEL: func.func @k_0__loops(
// LOOPS-SAME: memref<192xf32>, %{{.*}}: memref<192xf32>, %{{.*}}: memref<6xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// LOOPS: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// LOOPS: vector.{{load|transfer_read}}
// LOOPS: arith.mulf {{.*}} : vector<8xf32>
// LOOPS: arith.addf {{.*}} : vector<8xf32>
// LOOPS: memref.store
func.func private @k_0(%x: tensor<6x32xf32>, %y: tensor<6x32xf32>) -> tensor<6xf32> attributes {dualpipe.kernel} {
  %p = nn.mul %x, %y : tensor<6x32xf32>
  %s = nn.reduce_sum %p [1] : tensor<6x32xf32> to tensor<6xf32>
  return %s : tensor<6xf32>
}

func.func @caller(%x: tensor<6x32xf32>) -> tensor<6xf32> {
  %s = dualpipe.launch @k_0(%x, %x) : (tensor<6x32xf32>, tensor<6x32xf32>) -> tensor<6xf32>
  return %s : tensor<6xf32>
}
