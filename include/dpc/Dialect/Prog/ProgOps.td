#ifndef DPC_DIALECT_PROG_PROGOPS_TD
#define DPC_DIALECT_PROG_PROGOPS_TD

include "dpc/Dialect/Prog/ProgAttrs.td"
include "dpc/Dialect/Prog/ProgDialect.td"
include "dpc/Dialect/Prog/ProgInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Prog_Op<string mnemonic, list<Trait> traits = []> : Op<Prog_Dialect, mnemonic, traits>;
// Stands in a program, beside the others.
class Prog_Declaration<string mnemonic, list<Trait> traits = []> : Prog_Op<mnemonic, !listconcat([HasParent<"ProgramOp">], traits)>;

//===--------------------------------------------------------------------===//
// What a program is made of
//===--------------------------------------------------------------------===//

def Prog_ProgramOp : Prog_Op<"program", [Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "what the ranks at one coordinate of the pp axis do";
  let description = [{
    Arenas, groups, parameters, inputs, outputs, kernels and blocks, then one
    `prog.order`. `streams` lists the kinds of its streams; a command names its
    stream by kind.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$entry, I64Attr:$coordinate, ArrayAttr:$streams,
                       I64Attr:$micro_batches, StrAttr:$weighting, StrAttr:$optimizer);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `entry` $entry `coordinate` $coordinate `streams` $streams `micro_batches` $micro_batches
    `weighting` $weighting `optimizer` $optimizer attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
}

def Prog_ArenaOp : Prog_Declaration<"arena", [Symbol]> {
  let summary = "a range of device memory, allocated once";
  let description = "Example: `prog.arena @weights weights 4096`.";
  let arguments = (ins SymbolNameAttr:$sym_name, Prog_ArenaRoleAttr:$role, I64Attr:$bytes);
  let assemblyFormat = "$sym_name $role $bytes attr-dict";
  let hasVerifier = 1;
}

def Prog_GroupOp : Prog_Declaration<"group", [Symbol]> {
  let summary = "coordinates of the pp axis that take part in a collective, at all coordinates of ep if `all_ep`";
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$members, UnitAttr:$all_ep);
  let assemblyFormat = "$sym_name $members (`all_ep` $all_ep^)? attr-dict";
  let hasVerifier = 1;
}

def Prog_KernelOp : Prog_Declaration<"kernel", [Symbol]> {
  let summary = "a kernel's buffers: bytes and access of each, in the order of its arguments";
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$buffer_bytes, ArrayAttr:$buffer_access);
  let assemblyFormat = "$sym_name $buffer_bytes $buffer_access attr-dict";
  let hasVerifier = 1;
}

def Prog_ParameterOp : Prog_Declaration<"parameter", [AttrSizedOperandSegments]> {
  let summary = "a parameter this rank holds, and where";
  let description = [{
    `weight`, `gradient` and `moments` are slots; `entry` is the index of its entry
    in the step record. Exactly one holder of a parameter is `counted`.
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$type, Prog_SlotType:$weight, Optional<Prog_SlotType>:$gradient, Variadic<Prog_SlotType>:$moments,
                       StrArrayAttr:$moment_names, I64Attr:$record_entry, UnitAttr:$counted);
  let assemblyFormat = [{
    $name `:` $type `weight` $weight (`gradient` $gradient^)? (`moments` $moments^)? $moment_names `entry` $record_entry
    (`counted` $counted^)? attr-dict `:` type($weight) (`,` type($gradient)^)? (`moments` type($moments)^)?
  }];
  let hasVerifier = 1;
}

def Prog_TensorOp : Prog_Declaration<"tensor"> {
  let summary = "an input the program feeds, or an output it fetches";
  let arguments = (ins StrAttr:$name, TypeAttr:$type, UnitAttr:$output);
  let assemblyFormat = "(`output` $output^)? $name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Prog_ConstantOp : Prog_Declaration<"constant"> {
  let summary = "bytes the artifact puts into the constants arena";
  let arguments = (ins ElementsAttr:$value, Prog_SlotType:$slot);
  let assemblyFormat = "$value `in` $slot attr-dict `:` type($slot)";
  let hasVerifier = 1;
}

def Prog_SlotOp : Prog_Op<"slot", [Pure, ParentOneOf<["ProgramOp", "BlockOp", "OrderOp"]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a byte range of an arena";
  let description = "Example: `%w = prog.slot @weights[64] : !prog.slot<1024>`.";
  let arguments = (ins FlatSymbolRefAttr:$arena, I64Attr:$offset);
  let results = (outs Prog_SlotType:$result);
  let assemblyFormat = "$arena `[` $offset `]` attr-dict `:` type($result)";
}

def Prog_BlockOp : Prog_Declaration<"block", [Symbol, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "the command list of one task";
  let description = [{
    The arguments are its operands (slots), and after them as many events: operand
    k may be touched once event k has come. `prog.results` closes it.
    `stage` (and `pair_stage`, of the second task of a pair) are for people.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Prog_TaskKindAttr:$kind, DefaultValuedAttr<I64Attr, "-1">:$stage,
                       DefaultValuedAttr<I64Attr, "-1">:$pair_stage, ArrayAttr:$operand_access, StrArrayAttr:$operand_names);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $kind attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}
def Prog_ResultsOp : Prog_Op<"results", [Terminator, HasParent<"BlockOp">]> {
  let summary = "events a run of the block yields: operand `operands[i]` is complete at event i";
  let arguments = (ins Variadic<Prog_EventType>:$events, DenseI64ArrayAttr:$completed);
  let assemblyFormat = "$events `for` $completed attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, mlir::ValueRange{}, mlir::ArrayRef<int64_t>{}); }]>];
}
def Prog_OrderOp : Prog_Declaration<"order", [NoTerminator, SingleBlock]> {
  let summary = "the step: what each stream does, in order";
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

//===--------------------------------------------------------------------===//
// Commands
//===--------------------------------------------------------------------===//

// Waits for `after`, acts on `stream`, yields `done`. Some stand in blocks too.
defvar Prog_InBlockOrOrder = ParentOneOf<["BlockOp", "OrderOp"]>;
defvar Prog_InOrder = HasParent<"OrderOp">;
class Prog_Command<string mnemonic, dag own, string format, list<Trait> traits = []>
    : Prog_Op<mnemonic, !listconcat([DeclareOpInterfaceMethods<Prog_CommandOpInterface>], traits)> {
  let arguments = !con(own, (ins Variadic<Prog_EventType>:$after, Prog_StreamKindAttr:$stream));
  let results = (outs Prog_EventType:$done);
  let assemblyFormat = format # " `on` $stream (`after` $after^)? attr-dict";
}

def Prog_LaunchOp : Prog_Command<"launch", (ins FlatSymbolRefAttr:$kernel, Variadic<Prog_SlotType>:$slots), "$kernel `(` ($slots^ `:` type($slots))? `)`",
    [Prog_InBlockOrOrder, AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a generated kernel";
}
def Prog_CallOp : Prog_Command<"call", (ins Prog_MatmulAttr:$function, Prog_SlotType:$lhs, Prog_SlotType:$rhs, Prog_SlotType:$dst),
    "$function `(` $lhs `,` $rhs `,` $dst `:` type($lhs) `,` type($rhs) `,` type($dst) `)`", [Prog_InBlockOrOrder]> {
  let summary = "a library call";
}
def Prog_CopyOp : Prog_Command<"copy", (ins Prog_SlotType:$src, Prog_SlotType:$dst), "$src `to` $dst `:` type($src)", [Prog_InBlockOrOrder, AllTypesMatch<["src", "dst"]>]> {
  let summary = "copies bytes";
}
def Prog_FillOp : Prog_Command<"fill", (ins Prog_SlotType:$dst, I32Attr:$pattern), "$dst `with` $pattern `:` type($dst)", [Prog_InBlockOrOrder]> {
  let summary = "repeats four bytes over a slot";
}
def Prog_FeedOp : Prog_Command<"feed", (ins StrAttr:$input, I64Attr:$micro_batch, Prog_SlotType:$dst), "$input $micro_batch `to` $dst `:` type($dst)", [Prog_InOrder]> {
  let summary = "a graph input of a micro-batch of the step";
}
def Prog_FetchOp : Prog_Command<"fetch", (ins StrAttr:$output, I64Attr:$micro_batch, Prog_SlotType:$src), "$output $micro_batch `from` $src `:` type($src)", [Prog_InOrder]> {
  let summary = "an output of a micro-batch, to the host";
}
def Prog_CollectiveOp : Prog_Command<"collective",
    (ins Prog_CollectiveKindAttr:$kind, FlatSymbolRefAttr:$group, TypeAttr:$element_type, Prog_SlotType:$src, Prog_SlotType:$dst),
    "$kind `over` $group $element_type $src `to` $dst `:` type($src) `,` type($dst)",
    [Prog_InBlockOrOrder, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a collective over a group";
}
def Prog_CheckFiniteOp : Prog_Command<"check_finite", (ins Prog_SlotType:$src, Prog_SlotType:$flag), "$src `flag` $flag `:` type($src) `,` type($flag)", [Prog_InBlockOrOrder]> {
  let summary = "raises the flag if a float is not finite";
}
def Prog_JoinOp : Prog_Command<"join", (ins), "", [Prog_InBlockOrOrder]> {
  let summary = "only waits";
}

def Prog_RunOp : Prog_Op<"run", [Prog_InOrder, AttrSizedOperandSegments, DeclareOpInterfaceMethods<Prog_CommandOpInterface>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a block";
  let description = [{
    `slots[k]` is operand k, which may be touched after `ready`: event j of `ready`
    belongs to operand `ready_operands[j]`. Yields an event per result of the
    block, then `done`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$block, Variadic<Prog_SlotType>:$slots, Variadic<Prog_EventType>:$ready, DenseI64ArrayAttr:$ready_operands,
                       Variadic<Prog_EventType>:$after, DefaultValuedAttr<I64Attr, "-1">:$micro_batch, DefaultValuedAttr<I64Attr, "-1">:$pair_micro_batch);
  let results = (outs Variadic<Prog_EventType>:$results, Prog_EventType:$done);
  let assemblyFormat = [{
    $block `(` ($slots^ `:` type($slots))? `)` (`ready` $ready^)? `for` $ready_operands (`after` $after^)? (`yields` type($results)^)? attr-dict
  }];
}

def Prog_ExchangeOp : Prog_Op<"exchange", [Prog_InOrder, NoTerminator, SingleBlock, DeclareOpInterfaceMethods<Prog_CommandOpInterface>]> {
  let summary = "messages that progress together";
  let description = [{
    Yields an event per transfer, in their order: a send's says that its slot may be
    overwritten, a receive's that the bytes are there. Then `done`.
  }];
  let arguments = (ins Prog_StreamKindAttr:$stream);
  let results = (outs Variadic<Prog_EventType>:$complete, Prog_EventType:$done);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`on` $stream (`completes` type($complete)^)? attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}
class Prog_Transfer<string mnemonic, string preposition> : Prog_Op<mnemonic, [HasParent<"ExchangeOp">]> {
  let arguments = (ins Prog_SlotType:$slot, Variadic<Prog_EventType>:$after, I64Attr:$peer, I64Attr:$message);
  let assemblyFormat = "$slot (`after` $after^)? `" # preposition # "` $peer `message` $message attr-dict `:` type($slot)";
}
def Prog_SendOp : Prog_Transfer<"send", "to"> { let summary = "sends a slot"; }
def Prog_RecvOp : Prog_Transfer<"recv", "from"> { let summary = "receives into a slot"; }

#endif
