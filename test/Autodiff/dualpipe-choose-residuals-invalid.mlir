// RUN: not dpc-opt %s -dualpipe-choose-residuals="recompute=some" 2>&1 | FileCheck %s --check-prefix=WAY
// RUN: not dpc-opt %s -dualpipe-choose-residuals="recompute-budget=-1" 2>&1 | FileCheck %s --check-prefix=FRACTION
// RUN: not dpc-opt %s -dualpipe-choose-residuals="recompute-budget=nan" 2>&1 | FileCheck %s --check-prefix=NAN

// WAY: error: 'some' is no way to choose residuals, expected none, budget or full
// FRACTION: error: the recompute budget is -1.000000e+00, expected a fraction from 0 to 1000
// NAN: error: the recompute budget is nan, expected a fraction from 0 to 1000
