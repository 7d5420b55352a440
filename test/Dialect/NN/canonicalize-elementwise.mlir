// RUN: dpc-opt %s --canonicalize --split-input-file | FileCheck %s

// Folds of elementwise operations: constants of exactly rounded arithmetic, and
// identities that hold for every bit. What a kernel's expansion computes is left to
// kernels.

// Twice there is once: also for NaN and both zeros.
// CHECK-LABEL: func.func @involutions
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>, %[[N:.*]]: tensor<2xi64>, %[[B:.*]]: tensor<2xi1>)
// CHECK-NEXT: %[[ABS:.*]] = nn.abs %[[X]]
// CHECK-NEXT: %[[RELU:.*]] = nn.relu %[[X]]
// CHECK-NEXT: return %[[X]], %[[N]], %[[B]], %[[ABS]], %[[RELU]] :
func.func @involutions(%x: tensor<2xf32>, %n: tensor<2xi64>, %b: tensor<2xi1>) -> (tensor<2xf32>, tensor<2xi64>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) {
  %0 = nn.neg %x : tensor<2xf32>
  %1 = nn.neg %0 : tensor<2xf32>
  %2 = nn.neg %n : tensor<2xi64>
  %3 = nn.neg %2 : tensor<2xi64>
  %4 = nn.not %b : tensor<2xi1>
  %5 = nn.not %4 : tensor<2xi1>
  %6 = nn.abs %x : tensor<2xf32>
  %7 = nn.abs %6 : tensor<2xf32>
  %8 = nn.relu %x : tensor<2xf32>
  %9 = nn.relu %8 : tensor<2xf32>
  return %1, %3, %5, %7, %9 : tensor<2xf32>, tensor<2xi64>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Once there, or another operation between, is not.
// CHECK-LABEL: func.func @no_involutions
// CHECK-COUNT-1: nn.neg
// CHECK: nn.not
// CHECK-NEXT: nn.abs
// CHECK-NEXT: nn.neg
// CHECK-NEXT: nn.relu
// CHECK-NEXT: nn.abs
// CHECK-NEXT: nn.reciprocal
// CHECK-NEXT: nn.reciprocal
// CHECK-NEXT: return
func.func @no_involutions(%x: tensor<2xf32>, %b: tensor<2xi1>) -> (tensor<2xf32>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = nn.neg %x : tensor<2xf32>
  %1 = nn.not %b : tensor<2xi1>
  %2 = nn.abs %x : tensor<2xf32>
  %3 = nn.neg %2 : tensor<2xf32>
  %4 = nn.relu %x : tensor<2xf32>
  %5 = nn.abs %4 : tensor<2xf32>
  // 1 / (1 / x) is rounded twice.
  %6 = nn.reciprocal %x : tensor<2xf32>
  %7 = nn.reciprocal %6 : tensor<2xf32>
  return %0, %1, %3, %5, %7 : tensor<2xf32>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @unary_constants
// CHECK-DAG: %[[NEG:.*]] = nn.constant dense<[-1.500000e+00, 0.000000e+00, 2.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[ABS:.*]] = nn.constant dense<[1.500000e+00, 0.000000e+00, 2.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[SIGN:.*]] = nn.constant dense<[1.000000e+00, 0.000000e+00, -1.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[FLOOR:.*]] = nn.constant dense<[1.000000e+00, -0.000000e+00, -2.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[CEIL:.*]] = nn.constant dense<[2.000000e+00, -0.000000e+00, -2.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[RELU:.*]] = nn.constant dense<[1.500000e+00, 0.000000e+00, 0.000000e+00]> : tensor<3xf32>
// CHECK-DAG: %[[RECIPROCAL:.*]] = nn.constant dense<[0.666666686, 0xFF800000, -5.000000e-01]> : tensor<3xf32>
// CHECK: return %[[NEG]], %[[ABS]], %[[SIGN]], %[[FLOOR]], %[[CEIL]], %[[RELU]], %[[RECIPROCAL]] :
func.func @unary_constants() -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %c = nn.constant dense<[1.5, -0.0, -2.0]> : tensor<3xf32>
  %0 = nn.neg %c : tensor<3xf32>
  %1 = nn.abs %c : tensor<3xf32>
  %2 = nn.sign %c : tensor<3xf32>
  %3 = nn.floor %c : tensor<3xf32>
  %4 = nn.ceil %c : tensor<3xf32>
  %5 = nn.relu %c : tensor<3xf32>
  %6 = nn.reciprocal %c : tensor<3xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @unary_integers
// CHECK-DAG: %[[NEG:.*]] = nn.constant dense<[-3, 0, 4]> : tensor<3xi64>
// CHECK-DAG: %[[ABS:.*]] = nn.constant dense<[3, 0, 4]> : tensor<3xi64>
// CHECK-DAG: %[[SIGN:.*]] = nn.constant dense<[1, 0, -1]> : tensor<3xi64>
// CHECK-DAG: %[[NOT:.*]] = nn.constant dense<[false, true]> : tensor<2xi1>
// CHECK: return %[[NEG]], %[[ABS]], %[[SIGN]], %[[NOT]] :
func.func @unary_integers() -> (tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<2xi1>) {
  %c = nn.constant dense<[3, 0, -4]> : tensor<3xi64>
  %b = nn.constant dense<[true, false]> : tensor<2xi1>
  %0 = nn.neg %c : tensor<3xi64>
  %1 = nn.abs %c : tensor<3xi64>
  %2 = nn.sign %c : tensor<3xi64>
  %3 = nn.not %b : tensor<2xi1>
  return %0, %1, %2, %3 : tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<2xi1>
}

// -----

// The square root is exactly rounded in f32 and f64, which the host has.
// CHECK-LABEL: func.func @roots
// CHECK-DAG: %[[SINGLE:.*]] = nn.constant dense<[1.41421354, 0x7FC00000]> : tensor<2xf32>
// CHECK-DAG: %[[DOUBLE:.*]] = nn.constant dense<1.4142135623730951> : tensor<f64>
// CHECK: %[[HALF:.*]] = nn.sqrt %{{.*}} : tensor<f16>
// CHECK: return %[[SINGLE]], %[[DOUBLE]], %[[HALF]] :
func.func @roots() -> (tensor<2xf32>, tensor<f64>, tensor<f16>) {
  %a = nn.constant dense<[2.0, 0x7FC00000]> : tensor<2xf32>
  %b = nn.constant dense<2.0> : tensor<f64>
  %c = nn.constant dense<2.0> : tensor<f16>
  %0 = nn.sqrt %a : tensor<2xf32>
  %1 = nn.sqrt %b : tensor<f64>
  %2 = nn.sqrt %c : tensor<f16>
  return %0, %1, %2 : tensor<2xf32>, tensor<f64>, tensor<f16>
}

// -----

// Expansions are the kernels': the host's last bits would be others.
// CHECK-LABEL: func.func @no_expansions
// CHECK: nn.exp
// CHECK-NEXT: nn.log
// CHECK-NEXT: nn.tanh
// CHECK-NEXT: nn.erf
// CHECK-NEXT: nn.sigmoid
// CHECK-NEXT: nn.sin
// CHECK-NEXT: nn.cos
// CHECK-NEXT: nn.pow
// CHECK-NEXT: return
func.func @no_expansions() -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  %c = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.exp %c : tensor<f32>
  %1 = nn.log %c : tensor<f32>
  %2 = nn.tanh %c : tensor<f32>
  %3 = nn.erf %c : tensor<f32>
  %4 = nn.sigmoid %c : tensor<f32>
  %5 = nn.sin %c : tensor<f32>
  %6 = nn.cos %c : tensor<f32>
  %7 = nn.pow %c, %c : tensor<f32>
  return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// x + -0, x - 0, x * 1, x / 1 are x, whatever x is; constants move to the right
// where the sides may change.
// CHECK-LABEL: func.func @neutral
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>, %[[N:.*]]: tensor<2xi64>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[N]], %[[N]], %[[N]], %[[N]] :
func.func @neutral(%x: tensor<2xf32>, %n: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) {
  %minus = nn.constant dense<-0.0> : tensor<2xf32>
  %plus = nn.constant dense<0.0> : tensor<2xf32>
  %one = nn.constant dense<1.0> : tensor<2xf32>
  %zero = nn.constant dense<0> : tensor<2xi64>
  %unit = nn.constant dense<1> : tensor<2xi64>
  %0 = nn.add %x, %minus : tensor<2xf32>
  %1 = nn.add %minus, %x : tensor<2xf32>
  %2 = nn.sub %x, %plus : tensor<2xf32>
  %3 = nn.mul %x, %one : tensor<2xf32>
  %4 = nn.mul %one, %x : tensor<2xf32>
  %5 = nn.div %x, %one : tensor<2xf32>
  %6 = nn.add %n, %zero : tensor<2xi64>
  %7 = nn.sub %n, %zero : tensor<2xi64>
  %8 = nn.mul %unit, %n : tensor<2xi64>
  %9 = nn.div %n, %unit : tensor<2xi64>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>
}

// -----

// -0 + 0 is 0, NaN * 0 is NaN, 0 - x and 1 / x are something else; and a constant
// that is neutral in one place only is not neutral.
// CHECK-LABEL: func.func @not_neutral
// CHECK: nn.add
// CHECK-NEXT: nn.sub
// CHECK-NEXT: nn.sub
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.div
// CHECK-NEXT: nn.sub
// CHECK-NEXT: nn.div
// CHECK-NEXT: nn.max
// CHECK-NEXT: return
func.func @not_neutral(%x: tensor<2xf32>, %n: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi64>, tensor<2xf32>) {
  %minus = nn.constant dense<-0.0> : tensor<2xf32>
  %plus = nn.constant dense<0.0> : tensor<2xf32>
  %one = nn.constant dense<1.0> : tensor<2xf32>
  %mixed = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %zero = nn.constant dense<0> : tensor<2xi64>
  %0 = nn.add %x, %plus : tensor<2xf32>
  %1 = nn.sub %x, %minus : tensor<2xf32>
  %2 = nn.sub %plus, %x : tensor<2xf32>
  %3 = nn.mul %x, %plus : tensor<2xf32>
  %4 = nn.mul %x, %mixed : tensor<2xf32>
  %5 = nn.div %one, %x : tensor<2xf32>
  %6 = nn.sub %x, %x : tensor<2xf32>
  %7 = nn.div %n, %zero : tensor<2xi64>
  %8 = nn.max %x, %minus : tensor<2xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi64>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @binary_constants
// CHECK-DAG: %[[ADD:.*]] = nn.constant dense<[0.30000000000000004, 0.000000e+00]> : tensor<2xf64>
// CHECK-DAG: %[[SUB:.*]] = nn.constant dense<[-1.000000e-01, 0.000000e+00]> : tensor<2xf64>
// CHECK-DAG: %[[MUL:.*]] = nn.constant dense<[0.020000000000000004, -0.000000e+00]> : tensor<2xf64>
// CHECK-DAG: %[[DIV:.*]] = nn.constant dense<[5.000000e-01, 0x7FF8000000000000]> : tensor<2xf64>
// CHECK-DAG: %[[MAX:.*]] = nn.constant dense<[2.000000e-01, 0.000000e+00]> : tensor<2xf64>
// CHECK-DAG: %[[MIN:.*]] = nn.constant dense<[1.000000e-01, -0.000000e+00]> : tensor<2xf64>
func.func @binary_constants() -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) {
  %a = nn.constant dense<[0.1, 0.0]> : tensor<2xf64>
  %b = nn.constant dense<[0.2, -0.0]> : tensor<2xf64>
  %0 = nn.add %a, %b : tensor<2xf64>
  %1 = nn.sub %a, %b : tensor<2xf64>
  %2 = nn.mul %a, %b : tensor<2xf64>
  %3 = nn.div %a, %b : tensor<2xf64>
  %4 = nn.max %a, %b : tensor<2xf64>
  %5 = nn.min %a, %b : tensor<2xf64>
  return %0, %1, %2, %3, %4, %5 : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>
}

// -----

// Integers wrap around, quotients truncate towards zero; a quotient that is not
// defined in one place is left alone.
// CHECK-LABEL: func.func @binary_integers
// CHECK-DAG: %[[ADD:.*]] = nn.constant dense<[5, -2147483648]> : tensor<2xi32>
// CHECK-DAG: %[[SUB:.*]] = nn.constant dense<[-9, 2147483646]> : tensor<2xi32>
// CHECK-DAG: %[[MUL:.*]] = nn.constant dense<[-14, 2147483647]> : tensor<2xi32>
// CHECK-DAG: %[[DIV:.*]] = nn.constant dense<[-3, 0]> : tensor<2xi32>
// CHECK-DAG: %[[MAX:.*]] = nn.constant dense<[7, 2147483647]> : tensor<2xi32>
// CHECK-DAG: %[[MIN:.*]] = nn.constant dense<[-2, 1]> : tensor<2xi32>
// CHECK-DAG: %[[ZERO:.*]] = nn.constant dense<0> : tensor<2xi32>
// CHECK: %[[LEFT:.*]] = nn.div
// CHECK-NEXT: %[[OVER:.*]] = nn.div
// CHECK-NEXT: return %[[ADD]], %[[SUB]], %[[MUL]], %[[DIV]], %[[MAX]], %[[MIN]], %[[ZERO]], %[[LEFT]], %[[OVER]] :
func.func @binary_integers(%n: tensor<2xi32>) -> (tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) {
  %a = nn.constant dense<[-2, 2147483647]> : tensor<2xi32>
  %b = nn.constant dense<[7, 1]> : tensor<2xi32>
  %zeros = nn.constant dense<0> : tensor<2xi32>
  %some = nn.constant dense<[1, 0]> : tensor<2xi32>
  %least = nn.constant dense<-2147483648> : tensor<2xi32>
  %minus = nn.constant dense<-1> : tensor<2xi32>
  %0 = nn.add %a, %b : tensor<2xi32>
  %1 = nn.sub %a, %b : tensor<2xi32>
  %2 = nn.mul %a, %b : tensor<2xi32>
  %3 = nn.div %b, %a : tensor<2xi32>
  %4 = nn.max %a, %b : tensor<2xi32>
  %5 = nn.min %a, %b : tensor<2xi32>
  // An integer times 0 is 0.
  %6 = nn.mul %n, %zeros : tensor<2xi32>
  %7 = nn.div %b, %some : tensor<2xi32>
  %8 = nn.div %least, %minus : tensor<2xi32>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8 : tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>
}

// -----

// CHECK-LABEL: func.func @same_operands
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>, %[[Y:.*]]: tensor<2xf32>, %[[A:.*]]: tensor<2xi1>)
// CHECK-NEXT: %[[MAX:.*]] = nn.max %[[X]], %[[Y]]
// CHECK-NEXT: %[[MIN:.*]] = nn.min %[[X]], %[[Y]]
// CHECK-NEXT: return %[[X]], %[[X]], %[[A]], %[[A]], %[[MAX]], %[[MIN]] :
func.func @same_operands(%x: tensor<2xf32>, %y: tensor<2xf32>, %a: tensor<2xi1>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) {
  %0 = nn.max %x, %x : tensor<2xf32>
  %1 = nn.min %x, %x : tensor<2xf32>
  %2 = nn.and %a, %a : tensor<2xi1>
  %3 = nn.or %a, %a : tensor<2xi1>
  %4 = nn.max %x, %y : tensor<2xf32>
  %5 = nn.min %x, %y : tensor<2xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @logic
// CHECK-SAME: (%[[A:.*]]: tensor<2xi1>, %[[B:.*]]: tensor<2xi1>)
// CHECK-DAG: %[[TRUE:.*]] = nn.constant dense<true> : tensor<2xi1>
// CHECK-DAG: %[[FALSE:.*]] = nn.constant dense<false> : tensor<2xi1>
// CHECK-DAG: %[[AND:.*]] = nn.constant dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: %[[XOR:.*]] = nn.constant dense<[false, true]> : tensor<2xi1>
// CHECK: %[[NOT:.*]] = nn.xor %[[A]], %[[TRUE]]
// CHECK-NEXT: %[[BOTH:.*]] = nn.and %[[A]], %[[B]]
// CHECK-NEXT: %[[SELF:.*]] = nn.xor %[[A]], %[[A]]
// CHECK-NEXT: return %[[A]], %[[FALSE]], %[[A]], %[[TRUE]], %[[A]], %[[AND]], %[[TRUE]], %[[XOR]], %[[NOT]], %[[BOTH]], %[[SELF]] :
func.func @logic(%a: tensor<2xi1>, %b: tensor<2xi1>) -> (tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>) {
  %true = nn.constant dense<true> : tensor<2xi1>
  %false = nn.constant dense<false> : tensor<2xi1>
  %some = nn.constant dense<[true, false]> : tensor<2xi1>
  %0 = nn.and %a, %true : tensor<2xi1>
  %1 = nn.and %false, %a : tensor<2xi1>
  %2 = nn.or %a, %false : tensor<2xi1>
  %3 = nn.or %true, %a : tensor<2xi1>
  %4 = nn.xor %a, %false : tensor<2xi1>
  %5 = nn.and %some, %true : tensor<2xi1>
  %6 = nn.or %some, %true : tensor<2xi1>
  %7 = nn.xor %some, %true : tensor<2xi1>
  %8 = nn.xor %a, %true : tensor<2xi1>
  %9 = nn.and %a, %b : tensor<2xi1>
  %10 = nn.xor %a, %a : tensor<2xi1>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10 : tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>
}

// -----

// Of 16 bits, with and without a sign.
// CHECK-LABEL: func.func @words
// CHECK-DAG: %[[WIDE:.*]] = nn.constant dense<[65535, 1]> : tensor<2xi64>
// CHECK-DAG: %[[SIGNED:.*]] = nn.constant dense<[-1, 1]> : tensor<2xi16>
// CHECK-DAG: %[[FLOAT:.*]] = nn.constant dense<[6.553500e+04, 1.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[LESS:.*]] = nn.constant dense<[false, true]> : tensor<2xi1>
// CHECK-DAG: %[[SIGNED_LESS:.*]] = nn.constant dense<[true, false]> : tensor<2xi1>
// CHECK-NEXT: return %[[WIDE]], %[[SIGNED]], %[[FLOAT]], %[[LESS]], %[[SIGNED_LESS]] :
func.func @words() -> (tensor<2xi64>, tensor<2xi16>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>) {
  %u = nn.constant dense<[65535, 1]> : tensor<2xui16>
  %v = nn.constant dense<[1, 65535]> : tensor<2xui16>
  %0 = nn.cast %u : tensor<2xui16> to tensor<2xi64>
  %1 = nn.cast %0 : tensor<2xi64> to tensor<2xi16>
  %2 = nn.cast %u : tensor<2xui16> to tensor<2xf32>
  %3 = nn.compare lt, %u, %v : tensor<2xui16>
  %4 = nn.cast %v : tensor<2xui16> to tensor<2xi16>
  %5 = nn.compare lt, %1, %4 : tensor<2xi16>
  return %0, %1, %2, %3, %5 : tensor<2xi64>, tensor<2xi16>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>
}

// -----

// NaN is unequal to all, -0 equal to 0; ui8 and i1 have no sign. Equal operands are
// not compared: they may be NaN.
// CHECK-LABEL: func.func @comparisons
// CHECK-DAG: %[[EQ:.*]] = nn.constant dense<[true, false, false]> : tensor<3xi1>
// CHECK-DAG: %[[NE:.*]] = nn.constant dense<[false, true, true]> : tensor<3xi1>
// CHECK-DAG: %[[NONE:.*]] = nn.constant dense<[false, false, true]> : tensor<3xi1>
// CHECK-DAG: %[[UNSIGNED:.*]] = nn.constant dense<[false, true]> : tensor<2xi1>
// CHECK-DAG: %[[SIGNED:.*]] = nn.constant dense<[true, false]> : tensor<2xi1>
// CHECK: %[[KEPT:.*]] = nn.compare eq, %{{.*}}, %{{.*}} : tensor<2xf32>
// CHECK-NEXT: return %[[EQ]], %[[NE]], %[[NONE]], %[[UNSIGNED]], %[[SIGNED]], %[[KEPT]] :
func.func @comparisons(%x: tensor<2xf32>) -> (tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>) {
  %a = nn.constant dense<[0.0, 0x7FC00000, 2.0]> : tensor<3xf32>
  %b = nn.constant dense<[-0.0, 0x7FC00000, 1.0]> : tensor<3xf32>
  %u = nn.constant dense<[255, 1]> : tensor<2xui8>
  %v = nn.constant dense<[1, 255]> : tensor<2xui8>
  %i = nn.constant dense<[-1, 1]> : tensor<2xi64>
  %j = nn.constant dense<[1, -1]> : tensor<2xi64>
  %0 = nn.compare eq, %a, %b : tensor<3xf32>
  %1 = nn.compare ne, %a, %b : tensor<3xf32>
  %2 = nn.compare gt, %a, %b : tensor<3xf32>
  %3 = nn.compare lt, %u, %v : tensor<2xui8>
  %4 = nn.compare le, %i, %j : tensor<2xi64>
  %5 = nn.compare eq, %x, %x : tensor<2xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<2xi1>, tensor<2xi1>, tensor<2xi1>
}

// -----

// CHECK-LABEL: func.func @is_nan
// CHECK: %[[C:.*]] = nn.constant dense<[true, false, false]> : tensor<3xi1>
// CHECK-NEXT: %[[X:.*]] = nn.is_nan
// CHECK-NEXT: return %[[C]], %[[X]] :
func.func @is_nan(%x: tensor<3xf32>) -> (tensor<3xi1>, tensor<3xi1>) {
  %c = nn.constant dense<[0x7FC00000, 0x7F800000, 0.0]> : tensor<3xf32>
  %0 = nn.is_nan %c : tensor<3xf32>
  %1 = nn.is_nan %x : tensor<3xf32>
  return %0, %1 : tensor<3xi1>, tensor<3xi1>
}

// -----

// CHECK-LABEL: func.func @select
// CHECK-SAME: (%[[C:.*]]: tensor<2xi1>, %[[X:.*]]: tensor<2xf32>, %[[Y:.*]]: tensor<2xf32>)
// CHECK: %[[CONSTANT:.*]] = nn.constant dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>
// CHECK: %[[MIXED:.*]] = nn.select %{{.*}}, %[[X]], %[[Y]]
// CHECK-NEXT: return %[[X]], %[[Y]], %[[X]], %[[CONSTANT]], %[[MIXED]] :
func.func @select(%c: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %true = nn.constant dense<true> : tensor<2xi1>
  %false = nn.constant dense<false> : tensor<2xi1>
  %some = nn.constant dense<[true, false]> : tensor<2xi1>
  %a = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = nn.constant dense<[-1.0, -2.0]> : tensor<2xf32>
  %0 = nn.select %true, %x, %y : tensor<2xf32>
  %1 = nn.select %false, %x, %y : tensor<2xf32>
  %2 = nn.select %c, %x, %x : tensor<2xf32>
  %3 = nn.select %some, %a, %b : tensor<2xf32>
  %4 = nn.select %some, %x, %y : tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @casts
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>, %[[H:.*]]: tensor<2xbf16>, %[[N:.*]]: tensor<2xi32>)
// CHECK-DAG: %[[INT:.*]] = nn.constant dense<[-1, 2]> : tensor<2xi64>
// CHECK-DAG: %[[BOOL:.*]] = nn.constant dense<[true, false, true]> : tensor<3xi1>
// CHECK-DAG: %[[FLOAT:.*]] = nn.constant dense<[1.000000e+00, 0.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[BYTE:.*]] = nn.constant dense<[255, 1]> : tensor<2xi64>
// CHECK-DAG: %[[HALF:.*]] = nn.constant dense<3.332520e-01> : tensor<f16>
// CHECK: %[[NARROWED:.*]] = nn.cast %[[X]] : tensor<2xf32> to tensor<2xbf16>
// CHECK-NEXT: %[[BACK:.*]] = nn.cast %[[NARROWED]] : tensor<2xbf16> to tensor<2xf32>
// CHECK-NEXT: %[[THROUGH:.*]] = nn.cast %[[N]] : tensor<2xi32> to tensor<2xf32>
// CHECK-NEXT: %[[AGAIN:.*]] = nn.cast %[[THROUGH]] : tensor<2xf32> to tensor<2xi32>
// CHECK-NEXT: %[[OUTSIDE:.*]] = nn.cast %{{.*}} : tensor<2xf32> to tensor<2xi32>
// CHECK-NEXT: return %[[X]], %[[H]], %[[INT]], %[[BOOL]], %[[FLOAT]], %[[BYTE]], %[[HALF]], %[[BACK]], %[[AGAIN]], %[[OUTSIDE]] :
func.func @casts(%x: tensor<2xf32>, %h: tensor<2xbf16>, %n: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xbf16>, tensor<2xi64>, tensor<3xi1>, tensor<2xf32>, tensor<2xi64>, tensor<f16>, tensor<2xf32>, tensor<2xi32>, tensor<2xi32>) {
  %a = nn.constant dense<[-1.75, 2.5]> : tensor<2xf32>
  %b = nn.constant dense<[0.5, -0.0, 0x7FC00000]> : tensor<3xf32>
  %c = nn.constant dense<[true, false]> : tensor<2xi1>
  %d = nn.constant dense<[255, 1]> : tensor<2xui8>
  %e = nn.constant dense<0.333333333333333333> : tensor<f64>
  %f = nn.constant dense<[1.0, 3.0e+9]> : tensor<2xf32>
  %0 = nn.cast %x : tensor<2xf32> to tensor<2xf32>
  // Widening and narrowing again loses nothing, narrowing and widening does.
  %1 = nn.cast %h : tensor<2xbf16> to tensor<2xf32>
  %2 = nn.cast %1 : tensor<2xf32> to tensor<2xbf16>
  %3 = nn.cast %a : tensor<2xf32> to tensor<2xi64>
  %4 = nn.cast %b : tensor<3xf32> to tensor<3xi1>
  %5 = nn.cast %c : tensor<2xi1> to tensor<2xf32>
  %6 = nn.cast %d : tensor<2xui8> to tensor<2xi64>
  %7 = nn.cast %e : tensor<f64> to tensor<f16>
  %8 = nn.cast %x : tensor<2xf32> to tensor<2xbf16>
  %9 = nn.cast %8 : tensor<2xbf16> to tensor<2xf32>
  %10 = nn.cast %n : tensor<2xi32> to tensor<2xf32>
  %11 = nn.cast %10 : tensor<2xf32> to tensor<2xi32>
  // 3e9 is no i32: the result is not defined, and not made up here.
  %12 = nn.cast %f : tensor<2xf32> to tensor<2xi32>
  return %0, %2, %3, %4, %5, %6, %7, %9, %11, %12 : tensor<2xf32>, tensor<2xbf16>, tensor<2xi64>, tensor<3xi1>, tensor<2xf32>, tensor<2xi64>, tensor<f16>, tensor<2xf32>, tensor<2xi32>, tensor<2xi32>
}

// -----

// Constants stay small: 64 KiB and a little more; a splat of any size is small.
// CHECK-LABEL: func.func @sizes
// CHECK-DAG: nn.constant dense<5.000000e+00> : tensor<100000000xf32>
// CHECK: nn.iota 0 : tensor<16385xf32>
// CHECK: nn.neg %{{.*}} : tensor<16385xf32>
// CHECK-NOT: nn.neg
// CHECK: return
func.func @sizes() -> (tensor<16385xf32>, tensor<16384xf32>, tensor<100000000xf32>) {
  %a = nn.iota 0 : tensor<16385xf32>
  %b = nn.iota 0 : tensor<16384xf32>
  %c = nn.constant dense<2.0> : tensor<100000000xf32>
  %d = nn.constant dense<3.0> : tensor<100000000xf32>
  %0 = nn.neg %a : tensor<16385xf32>
  %1 = nn.neg %b : tensor<16384xf32>
  %2 = nn.add %c, %d : tensor<100000000xf32>
  return %0, %1, %2 : tensor<16385xf32>, tensor<16384xf32>, tensor<100000000xf32>
}
