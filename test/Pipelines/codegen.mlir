// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 optimizer=adamw cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-schedule="schedule=dualpipe ranks=2" --dualpipe-lower > %t.mlir
// RUN: dpc-kernel-test %t.mlir | FileCheck %s

// Machine code of every kernel of the toy, those of the step included (norms, finalize,
// AdamW), computes what the interpreter computes.

// CHECK: {{^[1-9][0-9]+}} kernels compared, 0 results wrong
