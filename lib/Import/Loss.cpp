// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Loss.h"

#include "Initializers.h"
#include "LossBuilder.h"
#include "program/format/Element.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

StringRef dpc::import::getLossOpName(LossOp op) {
  switch (op) {
  case LossOp::None:
    return "none";
  case LossOp::SoftmaxCrossEntropy:
    return "softmax_cross_entropy";
  case LossOp::CausalLM:
    return "causal_lm";
  case LossOp::MSE:
    return "mse";
  case LossOp::BCE:
    return "bce";
  }
  llvm_unreachable("all losses are named");
}

static const onnx::ValueInfoProto *findOutput(const ModelFile &file, StringRef name) {
  for (const onnx::ValueInfoProto &output : file.getProto().graph().output())
    if (name == output.name())
      return &output;
  return nullptr;
}

// "'logits' float 2x16x128"
static std::string describe(const onnx::ValueInfoProto &value) {
  const onnx::TypeProto_Tensor &type = value.type().tensor_type();
  std::string text = "'" + value.name() + "' " + getTypeName(type.elem_type());
  if (!type.has_shape())
    return text;
  SmallVector<std::string> extents;
  for (const auto &dim : type.shape().dim())
    extents.push_back(dim.has_dim_value() ? std::to_string(dim.dim_value()) : dim.dim_param());
  return text + " " + (extents.empty() ? "scalar" : llvm::join(extents, "x"));
}

static std::string listOutputs(const ModelFile &file) {
  SmallVector<std::string> texts;
  for (const onnx::ValueInfoProto &output : file.getProto().graph().output())
    texts.push_back(describe(output));
  return texts.empty() ? "none" : llvm::join(texts, ", ");
}

static bool isFloatType(int64_t type) {
  std::optional<dpcrt::Element> element = dpcrt::elementOfOnnx(type);
  return element && dpcrt::isFloat(*element);
}

FailureOr<LossChoice> dpc::import::chooseLoss(const ModelFile &file, const Graph &graph,
                                              const ImportOptions &options, Location loc,
                                              ImportError &blame) {
  LossChoice choice;
  choice.op = options.lossOp;
  auto defines = [&](StringRef name) {
    return graph.producers.contains(name) || graph.initializers.contains(name) ||
           llvm::any_of(graph.inputs,
                        [&](const onnx::ValueInfoProto *input) { return name == input->name(); });
  };
  if (choice.op == LossOp::None) {
    if (!options.loss.empty()) {
      // Any value of the graph may be named; outputs are what users know.
      if (!defines(options.loss))
        return emitError(loc) << "the model has no output '" << options.loss
                              << "' for --loss; its outputs are: " << listOutputs(file);
      choice.output = options.loss;
      return choice;
    }
    if (findOutput(file, "loss")) {
      choice.output = "loss";
      return choice;
    }
    SmallVector<std::string> scalars;
    for (const onnx::ValueInfoProto &output : file.getProto().graph().output()) {
      const onnx::TypeProto_Tensor &type = output.type().tensor_type();
      bool scalar = type.has_shape() && type.shape().dim_size() == 0;
      if (scalar && isFloatType(type.elem_type()))
        scalars.push_back(output.name());
    }
    if (scalars.size() == 1) {
      choice.output = scalars.front();
      return choice;
    }
    if (scalars.size() > 1)
      return emitError(loc) << "several outputs may be the loss ('" << llvm::join(scalars, "', '")
                            << "'); name one with --loss";
    return emitError(loc) << "dpc trains; this model has no loss: no output is named 'loss' or "
                             "is a floating scalar. Its outputs are: "
                          << listOutputs(file)
                          << ". Name the loss with --loss OUTPUT, export the model with its "
                             "loss, or let dpc add one: --loss-op softmax_cross_entropy, "
                             "causal_lm, mse or bce with --logits OUTPUT";
  }
  if (!options.loss.empty()) {
    blame = ImportError::Usage;
    return emitError(loc) << "--loss names a loss of the graph, --loss-op adds "
                             "one; give one of them";
  }
  choice.output = options.logits;
  if (choice.output.empty()) {
    if (graph.outputs.size() != 1)
      return emitError(loc) << "--loss-op needs --logits; the outputs are: " << listOutputs(file);
    choice.output = graph.outputs.front();
  }
  if (!defines(choice.output))
    return emitError(loc) << "the model has no output '" << choice.output
                          << "' for --logits; its outputs are: " << listOutputs(file);
  choice.labels = options.labels.empty() ? "labels" : options.labels;
  choice.addsLabels = !defines(choice.labels);
  return choice;
}

static bool hasClasses(LossOp op) {
  return op == LossOp::SoftmaxCrossEntropy || op == LossOp::CausalLM;
}

static FailureOr<int64_t> getClassAxis(RankedTensorType logits, const ImportOptions &options,
                                       Location loc) {
  int64_t rank = logits.getRank(), axis = options.classAxis.value_or(-1);
  if (axis < -rank || axis >= rank || rank < 2)
    return emitError(loc) << "--class-axis " << axis << " is not an axis of the "
                          << "logits " << toString(logits.getShape());
  return axis < 0 ? axis + rank : axis;
}

FailureOr<RankedTensorType> dpc::import::getLabelsType(RankedTensorType logits,
                                                       const LossChoice &choice,
                                                       const ImportOptions &options, Location loc) {
  if (!hasClasses(choice.op))
    return logits;
  FailureOr<int64_t> axis = getClassAxis(logits, options, loc);
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(logits.getShape());
  shape.erase(shape.begin() + *axis);
  return RankedTensorType::get(shape, IntegerType::get(logits.getContext(), 64));
}

// Means over all elements, weighted where labels can be ignored.
static Value meanOrSum(Emitter &b, RowLoss &loss, LossReduction reduction) {
  if (reduction == LossReduction::Sum)
    return b.reduceSum(weightRows(b, loss), {0}, /*keep=*/false);
  return weightedMean(b, loss);
}

static FailureOr<Value> buildClassLoss(Emitter &b, Value logits, Value labels,
                                       const LossChoice &choice, const ImportOptions &options) {
  FailureOr<int64_t> axis = getClassAxis(getTensorType(logits), options, b.getLoc());
  if (failed(axis))
    return failure();
  logits = b.moveToEnd(logits, *axis);
  Shape rows = getShape(logits).drop_back();
  if (getShape(labels) != rows || !getElementType(labels).isInteger() ||
      getElementType(labels).isInteger(1))
    return emitError(b.getLoc()) << "labels '" << choice.labels << "' have type "
                                 << labels.getType() << "; the logits need integers of shape "
                                 << toString(rows);
  if (choice.op == LossOp::CausalLM) {
    // Position i predicts token i + 1.
    int64_t last = rows.size() - 1, length = rows[last];
    if (length < 2)
      return emitError(b.getLoc()) << "causal_lm needs sequences of two tokens "
                                      "at least, the logits are "
                                   << toString(getShape(logits));
    logits = b.slice(logits, last, 0, length - 1);
    labels = b.slice(labels, last, 1, length);
  }
  RowLoss loss;
  int64_t count = *countElements(getShape(labels));
  int64_t classes = getShape(logits).back();
  loss.ignoreIndex = options.ignoreIndex.value_or(-100);
  loss.labels = b.reshape(labels, {count});
  logits = b.reshape(logits, {count, classes});
  crossEntropy(b, loss, logits);
  if (options.labelSmoothing != 0) {
    // (1 - s) * loss + s * mean over classes of -log softmax
    Value uniform =
        b.binary<nn::DivOp>(b.unary<nn::NegOp>(b.reduceSum(b.unary<nn::LogSoftmaxOp>(logits), {1},
                                                           /*keep=*/false)),
                            double(classes));
    loss.values = b.binary<nn::AddOp>(b.binary<nn::MulOp>(loss.values, 1 - options.labelSmoothing),
                                      b.binary<nn::MulOp>(uniform, options.labelSmoothing));
  }
  return meanOrSum(b, loss, options.reduction);
}

FailureOr<Value> dpc::import::buildLoss(Emitter &b, Value logits, Value labels,
                                        const LossChoice &choice, const ImportOptions &options) {
  if (!isFloat(logits))
    return emitError(b.getLoc()) << "logits '" << choice.output << "' are not floating";
  if (countElements(getShape(logits)) == 0)
    return emitError(b.getLoc()) << "logits '" << choice.output << "' have no elements: they are "
                                 << toString(getShape(logits));
  if (hasClasses(choice.op))
    return buildClassLoss(b, logits, labels, choice, options);
  if (options.labelSmoothing != 0)
    return emitError(b.getLoc()) << "--label-smoothing belongs to losses over classes";
  if (getShape(labels) != getShape(logits))
    return emitError(b.getLoc()) << "labels '" << choice.labels << "' have shape "
                                 << toString(getShape(labels)) << ", the logits "
                                 << toString(getShape(logits));
  labels = b.cast(labels, getElementType(logits));
  Value values;
  if (choice.op == LossOp::MSE) {
    Value difference = b.binary<nn::SubOp>(logits, labels);
    values = b.binary<nn::MulOp>(difference, difference);
  } else {
    // max(x, 0) - x*y + log(1 + exp(-|x|)): stable for large |x|.
    Value tail = b.unary<nn::LogOp>(b.binary<nn::AddOp>(
        b.unary<nn::ExpOp>(b.unary<nn::NegOp>(b.unary<nn::AbsOp>(logits))), 1.0));
    values = b.binary<nn::AddOp>(
        b.binary<nn::SubOp>(b.unary<nn::ReluOp>(logits), b.binary<nn::MulOp>(logits, labels)),
        tail);
  }
  int64_t count = *countElements(getShape(values));
  Value sum = b.reduceSum(b.reshape(values, {count}), {0}, /*keep=*/false);
  if (options.reduction == LossReduction::Sum)
    return sum;
  return b.binary<nn::DivOp>(sum, double(count));
}
