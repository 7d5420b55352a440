// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_CommunicatesOp : NativeOpTrait<"CollectiveOp"> {
  let cppNamespace = "::dpc::nn";
}

def NN_CollectiveGroup : OpDocGroup {
  let summary = "Collectives";
  let description = [{
    Communication inside a stage, over a named axis of the mesh (the module's
    `nn.mesh = {ep = 2}`). Operations like others, with derivatives: that of an
    all-to-all is an all-to-all, that of an all-gather a reduce-scatter. Members
    are ordered by their coordinate on the axis, and sums are taken in that order.
  }];
}
let opDocGroup = NN_CollectiveGroup in {

class NN_CollectiveOp<string mnemonic, list<Trait> traits = []> : NN_PureOp<mnemonic, !listconcat([NN_CommunicatesOp, NN_Derivative], traits)>;

def NN_AllToAllOp : NN_CollectiveOp<"all_to_all"> {
  let summary = "sends part i along `split_axis` to member i, and joins what arrives along `concat_axis`";
  let description = [{
    The extent along `split_axis` is divided by the group's size, the one along
    `concat_axis` multiplied by it. What tokens of a mixture of experts do on
    their way to the experts and back.

    ```mlir
    module attributes {nn.mesh = {ep = 2 : i64}} {
      func.func @exchange(%x: tensor<4x6xf32>) -> tensor<2x12xf32> {
        %y = nn.all_to_all %x over "ep" split 0 concat 1 : tensor<4x6xf32> to tensor<2x12xf32>
        return %y : tensor<2x12xf32>
      }
    }
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, StrAttr:$group, I64Attr:$split_axis, I64Attr:$concat_axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `over` $group `split` $split_axis `concat` $concat_axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "Precision getPrecision() { return Precision::Narrow; }";
}
def NN_AllGatherOp : NN_CollectiveOp<"all_gather"> {
  let summary = "joins the members' operands along `axis`";
  let description = [{
    ```mlir
    module attributes {nn.mesh = {tp = 3 : i64}} {
      func.func @gather(%x: tensor<4x6xf32>) -> tensor<4x18xf32> {
        %y = nn.all_gather %x over "tp" axis 1 : tensor<4x6xf32> to tensor<4x18xf32>
        return %y : tensor<4x18xf32>
      }
    }
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, StrAttr:$group, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `over` $group `axis` $axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "Precision getPrecision() { return Precision::Narrow; }";
}
def NN_ReduceScatterOp : NN_CollectiveOp<"reduce_scatter"> {
  let summary = "the member's part along `axis` of the sum over the members";
  let description = [{
    ```mlir
    module attributes {nn.mesh = {tp = 3 : i64}} {
      func.func @scatter(%x: tensor<4x6xf32>) -> tensor<4x2xf32> {
        %y = nn.reduce_scatter %x over "tp" axis 1 : tensor<4x6xf32> to tensor<4x2xf32>
        return %y : tensor<4x2xf32>
      }
    }
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand, StrAttr:$group, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand `over` $group `axis` $axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
}
def NN_AllReduceOp : NN_CollectiveOp<"all_reduce", [SameOperandsAndResultType]> {
  let summary = "the sum over the members, in ascending order of members";
  let description = [{
    ```mlir
    module attributes {nn.mesh = {ep = 2 : i64}} {
      func.func @sum(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
        %y = nn.all_reduce %x over "ep" : tensor<4x6xf32>
        return %y : tensor<4x6xf32>
      }
    }
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand, StrAttr:$group);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand `over` $group attr-dict `:` type($result)";
  let hasVerifier = 1;
}

} // opDocGroup
