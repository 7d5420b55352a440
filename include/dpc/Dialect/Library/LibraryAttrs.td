// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_LIBRARY_LIBRARYATTRS_TD
#define DPC_DIALECT_LIBRARY_LIBRARYATTRS_TD

include "dpc/Dialect/Library/LibraryAttrInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Library_Dialect : Dialect {
  let name = "library";
  let cppNamespace = "::dpc::library";
  let summary = "What libraries are asked to compute";
  let description = [{
    Attributes only: a function of a library, described by its shapes. nn
    operations that run as library calls describe themselves by one of these, and
    the prog dialect calls it.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Library_Function<string name, string mnem>
    : AttrDef<Library_Dialect, name, [DeclareAttrInterfaceMethods<Library_FunctionAttrInterface, ["getNumSources", "pack"]>]> {
  let mnemonic = mnem;
}

def Library_MatmulAttr : Library_Function<"Matmul", "matmul"> {
  let summary = "a matrix product: extents and strides in elements";
  let description = [{
    Strides: batch dimensions first, then the two matrix dimensions as the product
    sees them; 0 repeats. The device deals blocks of `blockRows` x `blockColumns`
    of the output to its threads; they depend on the shape alone.
  }];
  let parameters = (ins OptionalArrayRefParameter<"int64_t">:$batch, "int64_t":$m, "int64_t":$n, "int64_t":$k,
    ArrayRefParameter<"int64_t">:$lhsStrides, ArrayRefParameter<"int64_t">:$rhsStrides, ArrayRefParameter<"int64_t">:$dstStrides,
    "bool":$accumulate, "int64_t":$blockRows, "int64_t":$blockColumns);
  let assemblyFormat = [{
    `<` (`batch` ` ` `[` $batch^ `]` ` `)? `m` $m `n` $n `k` $k `lhs` ` ` `[` $lhsStrides `]` `rhs` ` ` `[` $rhsStrides `]`
    `dst` ` ` `[` $dstStrides `]` `accumulate` $accumulate `blocks` $blockRows `,` $blockColumns `>`
  }];
  let genVerifyDecl = 1;
}

def Library_ConvolutionKind : I32EnumAttr<"ConvolutionKind", "what of a convolution is computed", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"InputGrad", 1, "input_grad">,
    I32EnumAttrCase<"WeightGrad", 2, "weight_grad">]> {
  let cppNamespace = "::dpc::library";
  let genSpecializedAttr = 0;
}

def Library_ConvolutionAttr : Library_Function<"Convolution", "convolution"> {
  let summary = "a convolution or one of its gradients, in one or two spatial dimensions";
  let description = [{
    Of operand [batch, input channels, input...], weight [output channels, input
    channels / groups, kernel...] and result, all dense and row-major. `low` and
    `high` are the padding before and behind. Its sources are operand and weight,
    the result's gradient and weight, or operand and the result's gradient, by kind.
  }];
  let parameters = (ins EnumParameter<Library_ConvolutionKind>:$kind, "int64_t":$batch, "int64_t":$groups, "int64_t":$inputChannels, "int64_t":$outputChannels,
    ArrayRefParameter<"int64_t">:$input, ArrayRefParameter<"int64_t">:$kernel, ArrayRefParameter<"int64_t">:$strides,
    ArrayRefParameter<"int64_t">:$dilations, ArrayRefParameter<"int64_t">:$low, ArrayRefParameter<"int64_t">:$high, "bool":$accumulate);
  let assemblyFormat = [{
    `<` $kind `batch` $batch `groups` $groups `channels` $inputChannels `to` $outputChannels `input` ` ` `[` $input `]`
    `kernel` ` ` `[` $kernel `]` `strides` ` ` `[` $strides `]` `dilations` ` ` `[` $dilations `]` `low` ` ` `[` $low `]`
    `high` ` ` `[` $high `]` `accumulate` $accumulate `>`
  }];
  let genVerifyDecl = 1;
}

#endif
