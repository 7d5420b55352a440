// Communication inside a stage, over a named axis of the mesh (the module's
// `nn.mesh = {ep = 2}`). Operations like others, with derivatives. Members are
// ordered by their coordinate on the axis.

def NN_CommunicatesOp : NativeOpTrait<"CollectiveOp"> {
  let cppNamespace = "::dpc::nn";
}
class NN_CollectiveOp<string mnemonic, list<Trait> traits = []> : NN_PureOp<mnemonic, !listconcat([NN_CommunicatesOp, NN_Derivative], traits)>;

def NN_AllToAllOp : NN_CollectiveOp<"all_to_all"> {
  let summary = "sends the i-th part of `split_axis` to member i and joins what arrives along `concat_axis`";
  let description = "Example: `%y = nn.all_to_all %x over \"ep\" split 0 concat 0 : tensor<4x8xf32> to tensor<4x8xf32>`.";
  let arguments = (ins NN_Tensor:$operand, StrAttr:$group, I64Attr:$split_axis, I64Attr:$concat_axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `over` $group `split` $split_axis `concat` $concat_axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
}
def NN_AllGatherOp : NN_CollectiveOp<"all_gather"> {
  let summary = "joins the members' operands along `axis`";
  let arguments = (ins NN_Tensor:$operand, StrAttr:$group, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `over` $group `axis` $axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
}
def NN_ReduceScatterOp : NN_CollectiveOp<"reduce_scatter"> {
  let summary = "the member's part along `axis` of the sum over the members";
  let arguments = (ins NN_FloatTensor:$operand, StrAttr:$group, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand `over` $group `axis` $axis attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
}
def NN_AllReduceOp : NN_CollectiveOp<"all_reduce", [SameOperandsAndResultType]> {
  let summary = "the sum over the members, in ascending order of members";
  let arguments = (ins NN_FloatTensor:$operand, StrAttr:$group);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand `over` $group attr-dict `:` type($result)";
  let hasVerifier = 1;
}
