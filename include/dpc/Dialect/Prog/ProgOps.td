// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_PROG_PROGOPS_TD
#define DPC_DIALECT_PROG_PROGOPS_TD

include "dpc/Dialect/Library/LibraryAttrInterfaces.td"
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
    stream by kind. A program that doubles an input and hands it out:

    ```mlir
    prog.program @train_step.rank0 entry "train_step" coordinate 0 streams [#prog<stream compute>] micro_batches 1
        weighting "mean" optimizer "sgd" {
      prog.arena @stash stash 128
      prog.tensor "x" : tensor<16xf32>
      prog.tensor output "y" : tensor<16xf32>
      prog.kernel @k_2f01 [!prog.slot<16xf32>, !prog.slot<16xf32>] [#prog<access read>, #prog<access write>]
      prog.block @double forward attributes {operand_access = [#prog<access read>, #prog<access write>], operand_names = ["x", "y"]} {
      ^bb0(%x: !prog.slot<16xf32>, %y: !prog.slot<16xf32>, %x_ready: !prog.event, %y_ready: !prog.event):
        %done = prog.launch @k_2f01(%x, %y : !prog.slot<16xf32>, !prog.slot<16xf32>) on compute after %x_ready, %y_ready
        prog.results %done for [1]
      }
      %x = prog.slot @stash[0] : !prog.slot<16xf32>
      %y = prog.slot @stash[64] : !prog.slot<16xf32>
      prog.order {
        %fed = prog.feed "x" 0 to %x : !prog.slot<16xf32> on compute
        %made, %ran = prog.run @double(%x, %y : !prog.slot<16xf32>, !prog.slot<16xf32>) ready %fed for [0] yields !prog.event {micro_batch = 0 : i64}
        %fetched = prog.fetch "y" 0 from %y : !prog.slot<16xf32> on compute after %made
      }
    }
    ```
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
  let description = [{
    ```mlir
    prog.arena @weights weights 4096
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Prog_ArenaRoleAttr:$role, I64Attr:$bytes);
  let assemblyFormat = "$sym_name $role $bytes attr-dict";
  let hasVerifier = 1;
}

def Prog_GroupOp : Prog_Declaration<"group", [Symbol]> {
  let summary = "the ranks that take part in a collective";
  let description = [{
    Coordinates of the pp axis; at all coordinates of the axes `over`, and at the
    rank's own of every other axis. Groups are told apart by name across ranks.

    ```mlir
    prog.group @mirror_0_3 [0, 3]
    prog.group @everybody [0, 1, 2, 3] over [dp, ep]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$members, OptionalAttr<Prog_AxesAttr>:$over);
  let assemblyFormat = "$sym_name $members (`over` $over^)? attr-dict";
  let hasVerifier = 1;
}

def Prog_KernelOp : Prog_Declaration<"kernel", [Symbol]> {
  let summary = "a kernel's buffers: elements and access of each, in the order of its arguments";
  let description = [{
    A declaration: the code is in the artifact's shared object, under this name.

    ```mlir
    prog.kernel @k_2f01 [!prog.slot<16xf32>, !prog.slot<16xf32>] [#prog<access read>, #prog<access write>]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeArrayAttr:$buffers, ArrayAttr:$buffer_access);
  let assemblyFormat = "$sym_name $buffers $buffer_access attr-dict";
  let hasVerifier = 1;
}

def Prog_ParameterOp : Prog_Declaration<"parameter", [AttrSizedOperandSegments]> {
  let summary = "a parameter this rank holds, and where";
  let description = [{
    `weight`, `gradient` and `moments` are slots; `entry` is the index of its entry
    in the step record, where the program updates it. Exactly one holder of a parameter
    is `counted`: it is the one that a norm over all parameters sums. Where the weight
    is of 16 bits, `master` has the values that are updated, in f32, as the gradient and
    the moments are then.

    A rank that keeps only a part of what is updated has no master and no moments here, but
    names the moments; `prog.part` has the rest.

    ```mlir
    prog.arena @weights weights 64
    prog.arena @gradients gradients 64
    %w = prog.slot @weights[0] : !prog.slot<16xf32>
    %g = prog.slot @gradients[0] : !prog.slot<16xf32>
    prog.parameter "fc.weight" : tensor<4x4xf32> weight %w gradient %g [] entry 0 counted : !prog.slot<16xf32>, !prog.slot<16xf32>
    prog.arena @masters masters 64
    %m = prog.slot @masters[0] : !prog.slot<4xf32>
    %n = prog.slot @weights[0] : !prog.slot<4xbf16>
    prog.parameter "fc.frozen" : tensor<4xbf16> weight %n master %m [] : !prog.slot<4xbf16> master !prog.slot<4xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$type, Prog_SlotType:$weight, Optional<Prog_SlotType>:$master, Optional<Prog_SlotType>:$gradient, Variadic<Prog_SlotType>:$moments,
                       StrArrayAttr:$moment_names, OptionalAttr<I64Attr>:$record_entry, UnitAttr:$counted);
  let assemblyFormat = [{
    $name `:` $type `weight` $weight (`master` $master^)? (`gradient` $gradient^)? (`moments` $moments^)?
    $moment_names (`entry` $record_entry^)?
    (`counted` $counted^)? attr-dict `:` type($weight) (`master` type($master)^)? (`,` type($gradient)^)? (`moments` type($moments)^)?
  }];
  let hasVerifier = 1;
}

def Prog_PartOp : Prog_Declaration<"part", [AttrSizedOperandSegments]> {
  let summary = "the elements of a parameter that a rank keeps";
  let description = [{
    Of these elements alone the rank has masters, moments and, after a step, the sums in
    `gradient`; other holders keep the rest. A part begins and ends at a multiple of 4,096
    elements or at the parameter's end. It stands behind its parameter, and is that of the
    replicas it is `for`, or of all. A rank that keeps nothing of a parameter has one empty part.

    ```mlir
    prog.arena @large weights 24000
    prog.arena @sums gradients 24000
    prog.arena @moments moments 7616
    %l = prog.slot @large[0] : !prog.slot<6000xf32>
    %s = prog.slot @sums[0] : !prog.slot<6000xf32>
    %b = prog.slot @moments[0] : !prog.slot<1904xf32>
    prog.parameter "large" : tensor<6000xf32> weight %l gradient %s ["momentum_buffer"] entry 1 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
    prog.part of "large" from 4096 elements 1904 moments %b : !prog.slot<1904xf32>
    ```
  }];
  let arguments = (ins StrAttr:$parameter, I64Attr:$begin, I64Attr:$elements, OptionalAttr<DenseI64ArrayAttr>:$replicas,
                       Optional<Prog_SlotType>:$master, Variadic<Prog_SlotType>:$moments);
  let assemblyFormat = [{
    `of` $parameter `from` $begin `elements` $elements (`for` $replicas^)? (`master` $master^ `:` type($master))?
    (`moments` $moments^ `:` type($moments))? attr-dict
  }];
  let hasVerifier = 1;
}

def Prog_TensorOp : Prog_Declaration<"tensor"> {
  let summary = "an input the program feeds, or an output it fetches";
  let description = [{
    Its name is the graph's. The type is that of one micro-batch.

    ```mlir
    prog.tensor "input_ids" : tensor<1x128xi64>
    prog.tensor output "loss" : tensor<f32>
    ```
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$type, UnitAttr:$output);
  let assemblyFormat = "(`output` $output^)? $name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Prog_ConstantOp : Prog_Declaration<"constant"> {
  let summary = "bytes the artifact puts into the constants arena";
  let description = [{
    ```mlir
    prog.arena @constants constants 64
    %c = prog.slot @constants[0] : !prog.slot<4xf32>
    prog.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> in %c : !prog.slot<4xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value, Prog_SlotType:$slot);
  let assemblyFormat = "$value `in` $slot attr-dict `:` type($slot)";
  let hasVerifier = 1;
}

def Prog_SlotOp : Prog_Op<"slot", [Pure, ParentOneOf<["ProgramOp", "BlockOp", "OrderOp"]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a byte range of an arena";
  let description = [{
    ```mlir
    prog.arena @weights weights 4096
    %w = prog.slot @weights[64] : !prog.slot<256xf32>
    ```
  }];
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

    ```mlir
    prog.block @clear other attributes {operand_access = [#prog<access write>], operand_names = ["sum"]} {
    ^bb0(%sum: !prog.slot<16xf32>, %sum_ready: !prog.event):
      %done = prog.fill %sum with 0 : !prog.slot<16xf32> on compute after %sum_ready
      prog.results %done for [0]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Prog_TaskKindAttr:$kind, DefaultValuedAttr<I64Attr, "-1">:$stage,
                       DefaultValuedAttr<I64Attr, "-1">:$pair_stage, ArrayAttr:$operand_access, StrArrayAttr:$operand_names);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $kind attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}
def Prog_ResultsOp : Prog_Op<"results", [Terminator, HasParent<"BlockOp">]> {
  let summary = "what a run of the block yields: an event per result";
  let description = [{
    Operand `completed[i]` is complete at event i: a send of it may start then,
    while the rest of the block still computes.
  }];
  let arguments = (ins Variadic<Prog_EventType>:$events, DenseI64ArrayAttr:$completed);
  let assemblyFormat = "$events `for` $completed attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, mlir::ValueRange{}, mlir::ArrayRef<int64_t>{}); }]>];
}
def Prog_OrderOp : Prog_Declaration<"order", [NoTerminator, SingleBlock]> {
  let summary = "the step: what each stream does, in order";
  let description = [{
    Runs, exchanges, collectives, feeds and fetches. Commands of one stream happen
    in the order in which they stand here; across streams, only events order.
  }];
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

def Prog_LaunchOp : Prog_Command<"launch",
    (ins FlatSymbolRefAttr:$kernel, Variadic<Prog_SlotType>:$slots, OptionalAttr<DenseI64ArrayAttr>:$replicas, UnitAttr:$compares_mirrors),
    "$kernel `(` ($slots^ `:` type($slots))? `)` (`for` $replicas^)? (`if` `comparing` $compares_mirrors^)?",
    [Prog_InBlockOrOrder, AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a generated kernel";
  let description = [{
    Its slots are the buffers of the `prog.kernel`, which says how each is used. In the
    order it may be `for` some replicas alone, the ranks at this coordinate of pp numbered
    by their others, dp before ep; on all else it only waits. `if comparing` it acts only
    where a run compares the mirrors of parameters.

    ```mlir
    %done = prog.launch @k_2f01(%a, %b : !prog.slot<16xf32>, !prog.slot<16xf32>) for [0, 1] on compute
    ```
  }];
}
def Prog_CallOp : Prog_Command<"call", (ins Library_FunctionAttrInterface:$function, Variadic<Prog_SlotType>:$slots),
    "$function `(` ($slots^ `:` type($slots))? `)`", [Prog_InBlockOrOrder, AttrSizedOperandSegments]> {
  let summary = "a library call";
  let description = [{
    The function's sources, its destination, and workspace if it needs some. A
    function that accumulates adds to what the destination holds.

    ```mlir
    %done = prog.call #library.matmul<m 4 n 4 k 8 lhs [8, 1] rhs [4, 1] dst [4, 1] accumulate false blocks 4, 4>
        (%a, %w, %y : !prog.slot<32xf32>, !prog.slot<32xf32>, !prog.slot<16xf32>) on compute
    ```
  }];
  let hasVerifier = 1;
}
def Prog_CopyOp : Prog_Command<"copy", (ins Prog_SlotType:$src, Prog_SlotType:$dst), "$src `to` $dst `:` type($src)", [Prog_InBlockOrOrder, AllTypesMatch<["src", "dst"]>]> {
  let summary = "copies bytes";
  let description = [{
    ```mlir
    %done = prog.copy %a to %b : !prog.slot<16xf32> on compute
    ```
  }];
}
def Prog_FillOp : Prog_Command<"fill", (ins Prog_SlotType:$dst, I32Attr:$pattern), "$dst `with` $pattern `:` type($dst)", [Prog_InBlockOrOrder]> {
  let summary = "repeats four bytes over a slot";
  let description = [{
    ```mlir
    %done = prog.fill %sum with 0 : !prog.slot<16xf32> on compute
    ```
  }];
}
def Prog_FeedOp : Prog_Command<"feed", (ins StrAttr:$input, I64Attr:$micro_batch, Prog_SlotType:$dst), "$input $micro_batch `to` $dst `:` type($dst)", [Prog_InOrder]> {
  let summary = "a graph input of a micro-batch of the step";
  let description = [{
    The runtime adds the number of the step's first micro-batch.

    ```mlir
    %done = prog.feed "input_ids" 3 to %ids : !prog.slot<128xi64> on compute
    ```
  }];
}
def Prog_FetchOp : Prog_Command<"fetch", (ins StrAttr:$output, I64Attr:$micro_batch, Prog_SlotType:$src), "$output $micro_batch `from` $src `:` type($src)", [Prog_InOrder]> {
  let summary = "an output of a micro-batch, to the host";
  let description = [{
    ```mlir
    %done = prog.fetch "loss" 3 from %loss : !prog.slot<1xf32> on compute after %made
    ```
  }];
}
def Prog_CollectiveOp : Prog_Command<"collective",
    (ins Prog_CollectiveKindAttr:$kind, FlatSymbolRefAttr:$group, Prog_SlotType:$src, Prog_SlotType:$dst,
         OptionalAttr<DenseI64ArrayAttr>:$parts),
    "$kind `over` $group $src `to` $dst `:` type($src) `,` type($dst) (`parts` $parts^)?",
    [Prog_InBlockOrOrder, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a collective over a group";
  let description = [{
    The k-th collective of a group on one rank meets the k-th on all others. Sums
    are taken in ascending order of ranks. A reduce-scatter or an all-gather may be of one
    range that all members have, in `parts`: as many elements of it for each member, which
    need not be as many each; nothing moves within a rank.

    ```mlir
    %done = prog.collective all_reduce over @mirror_0_3 %g to %g : !prog.slot<1024xf32>, !prog.slot<1024xf32> on reduce after %last
    ```
  }];
}
def Prog_JoinOp : Prog_Command<"join", (ins), "", [Prog_InBlockOrOrder]> {
  let summary = "only waits";
  let description = [{
    Joins a stream with others without touching memory; every step ends so.

    ```mlir
    %done = prog.join on compute after %a, %b
    ```
  }];
}

def Prog_RunOp : Prog_Op<"run", [Prog_InOrder, AttrSizedOperandSegments, DeclareOpInterfaceMethods<Prog_CommandOpInterface, ["getStreamKind"]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a block";
  let description = [{
    `slots[k]` is operand k, which may be touched after `ready`: event j of `ready`
    belongs to operand `ready_operands[j]`. Yields an event per result of the
    block, then `done`. See `prog.program` for an example.
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
    overwritten, a receive's that the bytes are there. Then `done`. A transfer
    completes when both ranks have started their exchange: nothing is buffered.

    ```mlir
    %sent, %received, %done = prog.exchange on comm completes !prog.event, !prog.event {
      prog.send %y after %made to 2 message 16 : !prog.slot<1024xf32>
      prog.recv %g after %freed from 2 message 17 : !prog.slot<1024xf32>
    }
    ```
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
def Prog_SendOp : Prog_Transfer<"send", "to"> {
  let summary = "sends a slot to a rank";
  let description = "Once `after` has come. Messages are numbered over the whole step, the same on both ranks; see `prog.exchange`.";
}
def Prog_RecvOp : Prog_Transfer<"recv", "from"> {
  let summary = "receives into a slot from a rank";
  let description = "Once `after` has come, when the slot may be overwritten; see `prog.exchange`.";
}

#endif
