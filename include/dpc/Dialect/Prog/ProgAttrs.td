// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_PROG_PROGATTRS_TD
#define DPC_DIALECT_PROG_PROGATTRS_TD

include "dpc/Dialect/Prog/ProgDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Prog_Enum<string name, string text, list<I32EnumAttrCase> cases> : I32EnumAttr<name, text, cases> {
  let cppNamespace = "::dpc::prog";
  let genSpecializedAttr = 0;
}
class Prog_EnumAttr<EnumInfo info, string mnemonic> : EnumAttr<Prog_Dialect, info, mnemonic> {
  let assemblyFormat = "$value";
}

// The values of these enumerations are those of runtime/program/format/Program.fbs.
def Prog_StreamKind : Prog_Enum<"StreamKind", "what a stream is for", [
    I32EnumAttrCase<"Compute", 0, "compute">,          // tasks
    I32EnumAttrCase<"Communication", 1, "comm">,       // messages between stages
    I32EnumAttrCase<"Collective", 2, "collective">,    // collectives inside blocks
    I32EnumAttrCase<"Reduce", 3, "reduce">]>;          // gradients and the step's statistics
def Prog_StreamKindAttr : Prog_EnumAttr<Prog_StreamKind, "stream">;

def Prog_ArenaRole : Prog_Enum<"ArenaRole", "what an arena holds", [
    I32EnumAttrCase<"Weights", 0, "weights">, I32EnumAttrCase<"Gradients", 1, "gradients">,
    I32EnumAttrCase<"Moments", 2, "moments">, I32EnumAttrCase<"Stash", 3, "stash">,
    I32EnumAttrCase<"Workspace", 4, "workspace">, I32EnumAttrCase<"Constants", 5, "constants">,
    I32EnumAttrCase<"StepRecord", 6, "step_record">, I32EnumAttrCase<"Messages", 7, "messages">]>;
def Prog_ArenaRoleAttr : Prog_EnumAttr<Prog_ArenaRole, "role">;

def Prog_TaskKind : Prog_Enum<"TaskKind", "what task a block is", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"InputHalf", 1, "input_half">,
    I32EnumAttrCase<"WeightHalf", 2, "weight_half">, I32EnumAttrCase<"Backward", 3, "backward">,
    I32EnumAttrCase<"Pair", 4, "pair">, I32EnumAttrCase<"Update", 5, "update">, I32EnumAttrCase<"Other", 6, "other">]>;
def Prog_TaskKindAttr : Prog_EnumAttr<Prog_TaskKind, "task">;

def Prog_CollectiveKind : Prog_Enum<"CollectiveKind", "which collective", [
    I32EnumAttrCase<"AllReduce", 0, "all_reduce">, I32EnumAttrCase<"AllGather", 1, "all_gather">,
    I32EnumAttrCase<"ReduceScatter", 2, "reduce_scatter">, I32EnumAttrCase<"AllToAll", 3, "all_to_all">]>;
def Prog_CollectiveKindAttr : Prog_EnumAttr<Prog_CollectiveKind, "collective_kind">;

def Prog_Access : Prog_Enum<"Access", "how a buffer is used", [
    I32EnumAttrCase<"Read", 0, "read">, I32EnumAttrCase<"Write", 1, "write">, I32EnumAttrCase<"ReadWrite", 2, "read_write">]>;
def Prog_AccessAttr : Prog_EnumAttr<Prog_Access, "access">;

class Prog_Attr<string name, string mnem> : AttrDef<Prog_Dialect, name> { let mnemonic = mnem; }

def Prog_MatmulAttr : Prog_Attr<"Matmul", "matmul"> {
  let summary = "a library matmul: extents and strides in elements";
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

class Prog_Type<string name, string mnem> : TypeDef<Prog_Dialect, name> { let mnemonic = mnem; }
def Prog_EventType : Prog_Type<"Event", "event"> {
  let summary = "a point in a rank's time";
  let description = "Fires once in a step; what waits for it comes after all that came before it.";
}
def Prog_SlotType : Prog_Type<"Slot", "slot"> {
  let summary = "a byte range of an arena";
  let description = "`!prog.slot<1024>` has 1,024 bytes; which ones, `prog.slot` or the run of a block says.";
  let parameters = (ins "int64_t":$bytes);
  let assemblyFormat = "`<` $bytes `>`";
  let genVerifyDecl = 1;
}

#endif
