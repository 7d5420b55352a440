// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_DUALPIPE_DUALPIPEATTRS_TD
#define DPC_DIALECT_DUALPIPE_DUALPIPEATTRS_TD

include "dpc/Dialect/DualPipe/DualPipeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def DualPipe_RoleKind : I32EnumAttr<"RoleKind", "what an argument or result of a body's function is", [
    // forward arguments
    I32EnumAttrCase<"Input", 0, "input">,              // i-th activation from another stage
    I32EnumAttrCase<"Feed", 1, "feed">,                // i-th graph input this body reads
    I32EnumAttrCase<"Param", 2, "param">,              // i-th parameter
    // forward results
    I32EnumAttrCase<"Output", 3, "output">,            // i-th activation other stages read
    I32EnumAttrCase<"Loss", 4, "loss">,                // the micro-batch's loss
    I32EnumAttrCase<"Den", 5, "den">,                  // its denominator
    I32EnumAttrCase<"Fault", 14, "fault">,             // where an integer was divided by 0; 0: nowhere
    I32EnumAttrCase<"GraphOutput", 13, "graph_output">, // i-th further output of the graph, for evaluation
    // forward or input half results, arguments of a later half
    I32EnumAttrCase<"Kept", 6, "kept">,                // i-th value kept between halves
    // backward
    I32EnumAttrCase<"OutputGrad", 7, "output_grad">,   // gradient of output i
    I32EnumAttrCase<"InputGrad", 8, "input_grad">,     // gradient of input i
    I32EnumAttrCase<"ParamGrad", 9, "param_grad">,     // gradient of parameter i (weight half result)
    I32EnumAttrCase<"Accumulator", 10, "accumulator">, // sum so far of that gradient; tied to its result
    I32EnumAttrCase<"LossScale", 11, "loss_scale">,    // scalar of the step record
    I32EnumAttrCase<"Key", 12, "key">]> {              // random key of (seed, global micro-batch)
  let cppNamespace = "::dpc::dualpipe";
  let genSpecializedAttr = 0;
}

class DualPipe_Attr<string name, string mnem> : AttrDef<DualPipe_Dialect, name> { let mnemonic = mnem; }

def DualPipe_RoleAttr : DualPipe_Attr<"Role", "role"> {
  let summary = "what an argument or result is: a kind and a number";
  let description = [{
    Stands as `dualpipe.role` on every argument and result of a body's functions,
    as in `dualpipe.role = #dualpipe.role<kept 2>`. The number of loss, den,
    fault, loss_scale and key is 0.
  }];
  let parameters = (ins EnumParameter<DualPipe_RoleKind>:$kind, "unsigned":$index);
  let assemblyFormat = "`<` $kind $index `>`";
}

def DualPipe_SourceAttr : DualPipe_Attr<"Source", "source"> {
  let summary = "output `index` of a stage";
  let description = "An element of a stage's `inputs`, as in `inputs [#dualpipe.source<@s0, 1>]`.";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$stage, "unsigned":$index);
  let assemblyFormat = "`<` $stage `,` $index `>`";
}

def DualPipe_CostAttr : DualPipe_Attr<"Cost", "cost"> {
  let summary = "time of one micro-batch through a stage, by task, and bytes that cross its borders";
  let description = [{
    Seconds of forward, input half and weight half; of these, the seconds of
    communication inside the body; bytes of its inputs and of its outputs per
    micro-batch. Set by the kernels phase from the machine description.
  }];
  let parameters = (ins "::mlir::FloatAttr":$forward, "::mlir::FloatAttr":$input, "::mlir::FloatAttr":$weight,
                        "::mlir::FloatAttr":$communication, "uint64_t":$bytesIn, "uint64_t":$bytesOut);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif
