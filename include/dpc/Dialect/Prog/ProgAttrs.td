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
    I32EnumAttrCase<"StepRecord", 6, "step_record">, I32EnumAttrCase<"Messages", 7, "messages">,
    I32EnumAttrCase<"Masters", 8, "masters">]>;
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

def Prog_Axes : I32BitEnumAttr<"Axes", "axes of the mesh beside pp", [
    I32BitEnumAttrCaseBit<"Dp", 0, "dp">, I32BitEnumAttrCaseBit<"Ep", 1, "ep">, I32BitEnumAttrCaseBit<"Tp", 2, "tp">]> {
  let cppNamespace = "::dpc::prog";
  let genSpecializedAttr = 0;
  let separator = ", ";
}
def Prog_AxesAttr : Prog_EnumAttr<Prog_Axes, "axes"> { let assemblyFormat = "`[` $value `]`"; }

class Prog_Type<string name, string mnem> : TypeDef<Prog_Dialect, name> { let mnemonic = mnem; }
def Prog_EventType : Prog_Type<"Event", "event"> {
  let summary = "a point in a rank's time";
  let description = "Fires once in a step; what waits for it comes after all that came before it.";
}
def Prog_SlotType : Prog_Type<"Slot", "slot"> {
  let summary = "elements in a range of an arena";
  let description = [{
    `!prog.slot<256xf32>` has 256 elements, 1,024 bytes; where they lie, `prog.slot`
    or the run of a block says. Bytes whose elements do not matter are `ui8`.
  }];
  let parameters = (ins "int64_t":$count, "::mlir::Type":$elementType);
  let builders = [
    TypeBuilderWithInferredContext<(ins "int64_t":$count, "::mlir::Type":$elementType),
      [{ return $_get(elementType.getContext(), count, elementType); }]>,
    TypeBuilderWithInferredContext<(ins "::mlir::ShapedType":$tensor),
      [{ return $_get(tensor.getContext(), tensor.getNumElements(), tensor.getElementType()); }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getBytes() const;
    /// So many bytes of no element type.
    static SlotType getOfBytes(::mlir::MLIRContext *context, int64_t bytes);
  }];
}

#endif
