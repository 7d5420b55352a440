// RUN: not dpc-opt %s -kernels-estimate-cost="machine=%S/Inputs/negative-rate.json" 2>&1 | FileCheck %s --check-prefix=RATES
// RUN: not dpc-opt %s -kernels-estimate-cost="machine=absent.json" 2>&1 | FileCheck %s --check-prefix=ABSENT

// All that is wrong with a machine description is said at once.

// RATES: error: machine description '{{.*}}negative-rate.json': 'matmul_flops_per_s' must be a number above 0, got -1000; 'message_latency_s' is missing; 'messages' is unknown
// ABSENT: error: machine description 'absent.json' cannot be read: No such file or directory
