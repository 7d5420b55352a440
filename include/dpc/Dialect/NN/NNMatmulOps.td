// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_LibraryGroup : OpDocGroup {
  let summary = "Library calls";
  let description = "Compute-bound work, which runs as a library's own kernel instead of a generated one.";
}
let opDocGroup = NN_LibraryGroup in {

def NN_MatmulOp : NN_PureOp<"matmul", [NN_Infer, NN_Derivative, NN_Formed,
    DeclareOpInterfaceMethods<NN_LibraryOpInterface, ["getLibrarySources", "canAccumulate", "setAccumulator", "describeCall"]>]> {
  let summary = "a batched matrix product, with permutations as strides";
  let description = [{
    `lhs` permuted by `lhs_perm` is [batch..., M, K], `rhs` permuted by `rhs_perm`
    is [batch..., K, N] with the same batch extents; the product [batch..., M, N]
    permuted by `result_perm` is the result. A permutation is written like
    `nn.transpose`: dimension i of the permuted tensor is dimension perm[i] of the
    stored one; absent means the identity. Permutations are strides of the
    library call and cost nothing; which ones a call absorbs is decided before
    partition, so that its bits never depend on a cut.

    An `into` operand is added to the product, and shares its buffer with the
    result: the call overwrites it, and it must not be used afterwards. The
    kernels phase makes these from sums into accumulators.

    ```mlir
    %y = nn.matmul %x, %w : tensor<32x64xf32>, tensor<64x8xf32> to tensor<32x8xf32>
    %s = nn.matmul %q, %k lhs [0, 2, 1, 3] rhs [0, 2, 3, 1] : tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32> to tensor<1x4x16x16xf32>
    %sum = nn.matmul %x, %w into %accumulator : tensor<32x64xf32>, tensor<64x8xf32>, tensor<32x8xf32> to tensor<32x8xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$lhs, NN_FloatTensor:$rhs,
    OptionalAttr<DenseI64ArrayAttr>:$lhs_perm, OptionalAttr<DenseI64ArrayAttr>:$rhs_perm, OptionalAttr<DenseI64ArrayAttr>:$result_perm,
    Optional<NN_FloatTensor>:$accumulator);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`into` $accumulator^)? (`lhs` $lhs_perm^)? (`rhs` $rhs_perm^)? (`result` $result_perm^)? attr-dict
    `:` type($lhs) `,` type($rhs) (`,` type($accumulator)^)? `to` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let builders = [
    // A product alone: only the kernels phase adds the operand `into`.
    OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$lhs, "::mlir::Value":$rhs,
      "::mlir::DenseI64ArrayAttr":$lhs_perm, "::mlir::DenseI64ArrayAttr":$rhs_perm, "::mlir::DenseI64ArrayAttr":$result_perm),
    [{ build($_builder, $_state, type, lhs, rhs, lhs_perm, rhs_perm, result_perm, ::mlir::Value()); }]>,
    OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs,
      "::mlir::DenseI64ArrayAttr":$lhs_perm, "::mlir::DenseI64ArrayAttr":$rhs_perm, "::mlir::DenseI64ArrayAttr":$result_perm),
    [{ build($_builder, $_state, lhs, rhs, lhs_perm, rhs_perm, result_perm, ::mlir::Value()); }]>];
  let extraClassDeclaration = [{
    bool isLibraryCall();
    Precision getPrecision() { return Precision::Narrow; }
    ::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual);
    /// Extents of the product as the library sees it.
    struct Extents { llvm::SmallVector<int64_t> batch; int64_t m, n, k; };
    Extents getExtents();
    /// The permutation, the identity if the attribute is absent.
    llvm::SmallVector<int64_t> getLhsPermutation();
    llvm::SmallVector<int64_t> getRhsPermutation();
    llvm::SmallVector<int64_t> getResultPermutation();
  }];
}

} // opDocGroup
