// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_NN_NNINTERFACES_TD
#define DPC_DIALECT_NN_NNINTERFACES_TD

include "mlir/IR/OpBase.td"

def NN_DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = [{
    The reverse-mode derivative of an operation, declared beside it. An operation
    that neither implements this nor carries `InactiveOp` has no derivative: a
    gradient that would have to flow through it is an error, never a silent zero.
  }];
  let methods = [
    InterfaceMethod<[{
      Whether the results depend differentiably on this operand (indices and
      predicates do not). By default, whether the operand's elements are floats.
    }], "bool", "isDifferentiableOperand", (ins "unsigned":$operand), "",
    [{ return ::mlir::isa<::mlir::FloatType>(::mlir::getElementTypeOrSelf($_op->getOperand(operand).getType())); }]>,
    InterfaceMethod<[{
      Builds the gradient of each operand for which `needed` is true, at the
      builder's insertion point, from the gradients of the results. A null
      result gradient is zero (at least one is not null). Writes
      `operandGrads[i]`: a value of the operand's type, or null for zero.
      May use operands and results of the operation, which become residuals.
    }], "::mlir::LogicalResult", "buildBackward",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGrads,
         "::llvm::ArrayRef<bool>":$needed,
         "::llvm::MutableArrayRef<::mlir::Value>":$operandGrads)>
  ];
}

def NN_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = [{
    Work of an operation executed alone. Partition and scheduling ask before any
    backward exists, so the backward's cost is asked here too.
  }];
  let methods = [
    InterfaceMethod<"Floating-point operations.", "int64_t", "getFlops", (ins)>,
    InterfaceMethod<"Floating-point operations of the backward towards all operands; by default twice those of the forward.",
      "int64_t", "getBackwardFlops", (ins), "", [{ return 2 * $_op.getFlops(); }]>,
    InterfaceMethod<"Bytes read and written if executed alone; by default those of all operands and results, 0 for a view.",
      "int64_t", "getBytes", (ins), "",
      [{ return $_op.isView() ? 0 : ::dpc::nn::getOperandAndResultBytes($_op); }]>,
    InterfaceMethod<"Bytes read and written by the backward towards all operands; by default twice those of the forward.",
      "int64_t", "getBackwardBytes", (ins), "", [{ return 2 * $_op.getBytes(); }]>,
    InterfaceMethod<[{
      Whether the operation runs as a library call of its own (compute bound),
      rather than as part of a generated, usually memory-bound kernel. By default
      not.
    }], "bool", "isLibraryCall", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      Whether the result is a view of the first operand's bytes (a reshape):
      no work and no bytes. By default not.
    }], "bool", "isView", (ins), "", [{ return false; }]>
  ];
}

def NN_LibraryOpInterface : OpInterface<"LibraryOpInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = [{
    An operation with one result that can run as a library call of its own
    (`isLibraryCall` of the cost interface says of an operation whether it does).
    The call reads the sources in order and writes the result, or adds to it;
    what else it needs is workspace. Grouping, costs and lowering know library
    calls by these answers alone.
  }];
  let methods = [
    InterfaceMethod<"The values it reads, in the order of the function's operands.",
      "::llvm::SmallVector<::mlir::Value>", "getLibrarySources", (ins)>,
    InterfaceMethod<[{
      The value that the result is added to and whose buffer it takes, or null. By
      default there can be none.
    }], "::mlir::Value", "getAccumulator", (ins), "", [{ return {}; }]>,
    InterfaceMethod<[{
      Makes the call add to `accumulator`, which has the result's type. Only if the
      function can (`canAccumulate`) and does not already.
    }], "void", "setAccumulator", (ins "::mlir::Value":$accumulator), "",
    [{ llvm_unreachable("this call cannot add to its destination"); }]>,
    InterfaceMethod<"Whether the call can add to its destination. By default not.",
      "bool", "canAccumulate", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      Bytes of memory that the call overwrites while it runs. By default those of
      f32 copies of all operands and results of 16-bit floats.
    }], "int64_t", "getWorkspaceBytes", (ins), "", [{
      ::llvm::SmallVector<::mlir::Type> types;
      for (::mlir::Value source : $_op.getLibrarySources())
        types.push_back(source.getType());
      types.push_back($_op->getResult(0).getType());
      return ::dpc::library::getWideningBytes(types);
    }]>,
    InterfaceMethod<"The function, with all that shapes decide.",
      "::dpc::library::FunctionAttrInterface", "describeCall", (ins)>
  ];
}

def NN_KernelFormInterface : OpInterface<"KernelFormInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = [{
    In which loops a generated kernel computes an operation (`KernelForm`, NN.h). The
    kernels phase asks which operations may share a kernel, code generation which
    loops the kernel has. There is no default: an operation that neither implements
    this nor runs outside of kernels (a library call, a collective) is refused.
  }];
  let methods = [
    InterfaceMethod<"The form of the operation alone; a function of its types and attributes.",
      "::dpc::nn::KernelForm", "getKernelForm", (ins)>
  ];
}

def NN_PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = [{
    What mixed precision does with an operation, beside which this is declared. An
    operation that says nothing stays in f32, which is always right; one whose
    operands' rounding matters little, and whose time or memory is bytes, says more.
  }];
  let methods = [
    InterfaceMethod<"By default `AsGiven` of what moves elements, and `Wide` of all else.",
      "::dpc::nn::Precision", "getPrecision", (ins), "",
      [{ return ConcreteOp::template hasTrait<::dpc::nn::MovesElementsOp>() ? Precision::AsGiven : Precision::Wide; }]>,
    InterfaceMethod<"Whether this operand of floats is one of 16 bits where the operation is narrow. By default yes.",
      "bool", "isNarrowOperand", (ins "unsigned":$operand), "", [{ return true; }]>,
    InterfaceMethod<"Whether this result of floats is one of 16 bits where the operation is narrow. By default yes.",
      "bool", "isNarrowResult", (ins "unsigned":$result), "", [{ return true; }]>,
    InterfaceMethod<[{
      Of an operation whose one result of 16 bits is the rounded value of a sum in
      f32: builds, before it, the operation without that rounding, and returns its
      result. Null, the default, if it has no such form.
    }], "::mlir::Value", "buildUnrounded", (ins "::mlir::OpBuilder &":$builder), "", [{ return {}; }]>
  ];
}

def NN_IndexingOpInterface : OpInterface<"IndexingOpInterface"> {
  let cppNamespace = "::dpc::nn";
  let description = "An operation that reads a table, or a class, by integers.";
  let methods = [
    InterfaceMethod<"The number that this operand's values are below; 0 if it is no index.",
      "int64_t", "getIndexLimit", (ins "unsigned":$operand)>,
    InterfaceMethod<"A value outside these numbers that the operation passes over; by default there is none.",
      "std::optional<int64_t>", "getIgnoredIndex", (ins "unsigned":$operand), "", [{ return std::nullopt; }]>
  ];
}

// Each result element is an element of an operand, or a constant; no arithmetic.
def NN_MovesElementsOp : NativeOpTrait<"MovesElementsOp"> {
  let cppNamespace = "::dpc::nn";
}
// Piecewise constant in all its operands: gradients stop here, rightly.
def NN_InactiveOp : NativeOpTrait<"InactiveOp"> {
  let cppNamespace = "::dpc::nn";
}
// One result element from the elements at the same position of the operands.
def NN_ElementwiseOp : NativeOpTrait<"ElementwiseOp"> {
  let cppNamespace = "::dpc::nn";
}

#endif
