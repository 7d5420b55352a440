// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels by which ranks that hold the same weights find out whether they still do, in a sum
// over all ranks.
//
// Each hashes what it has into 32 bits: rows of words times odd numbers, modulo 2^32, and then
// the rows' sums likewise. An odd number times a difference of one bit is not 0, so that one
// flipped bit always changes the hash. The hash is cut into digits, so small that floats add
// them without rounding, and of n holders the first counts n - 1 times, each other -1 times:
//
//     (n - 1) h_0 - h_1 - ... - h_(n-1)  =  (h_0 - h_1) + ... + (h_0 - h_(n-1))
//
// which is 0 if all are equal, and is not if one differs from all others.
#ifndef DPC_OPTIMIZER_MIRRORHASH_H
#define DPC_OPTIMIZER_MIRRORHASH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace dpc::optimizer {

/// Words of a row; the last row of a parameter has what is left.
inline constexpr int64_t kHashRow = 4096;

/// The words that a weight of `elements` elements is read as, and how many: unsigned integers
/// where its elements are smaller than 32 bits, else of 32 bits.
struct HashedWords {
  mlir::Type type;
  int64_t count;
};
HashedWords hashedWords(mlir::Type element, int64_t elements);

/// How many bits a digit has where so many ranks, at most 65,536, add theirs up: 16 or 8.
unsigned mirrorDigitBits(uint64_t ranks);
/// Digits of a hash.
inline unsigned mirrorDigits(unsigned bits) { return 32 / bits; }

/// (words: tensor<rows x length x word>) -> tensor<rows x i32>.
mlir::func::FuncOp buildRowHashes(mlir::ModuleOp module, int64_t rows, int64_t length,
                                  mlir::Type word);
/// (hashes of all rows: tensor<count x i32>) -> tensor<1xi32>. Where hashes lie apart there are
/// zeros between them.
mlir::func::FuncOp buildHashTotal(mlir::ModuleOp module, int64_t count);
/// (the hash's digits: tensor<digits x ui{bits}>) -> tensor<digits x f32>: `times` each.
mlir::func::FuncOp buildMirrorDigits(mlir::ModuleOp module, unsigned bits, int64_t times);

} // namespace dpc::optimizer

#endif // DPC_OPTIMIZER_MIRRORHASH_H
