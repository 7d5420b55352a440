// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a program must hold as a whole: the parts are there, and commands name
// streams, inputs, outputs, micro-batches and ranks that exist.
#include "dpc/Dialect/Prog/Prog.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dpc::prog;

namespace {

class ProgramVerifier {
public:
  explicit ProgramVerifier(ProgramOp program)
      : program(program), coordinate(program.getCoordinate()),
        microBatches(program.getMicroBatches()) {}

  LogicalResult verify() {
    if (failed(verifyHeader()) || failed(verifyParts()))
      return failure();
    for (Operation &op : program.getBody().front()) {
      if (auto block = dyn_cast<BlockOp>(op)) {
        for (Operation &command : block.getBody().front())
          if (failed(verifyBlockCommand(command)))
            return failure();
      } else if (auto order = dyn_cast<OrderOp>(op)) {
        for (Operation &command : order.getBody().front())
          if (failed(verifyCommand(command)))
            return failure();
      }
    }
    return success();
  }

private:
  LogicalResult verifyHeader() {
    if (coordinate < 0)
      return program.emitOpError()
             << "has coordinate " << coordinate << "; coordinates are counted from 0";
    if (microBatches < 1)
      return program.emitOpError() << "needs at least one micro-batch, got " << microBatches;
    static constexpr StringLiteral weightings[] = {"denominator", "mean", "sum"};
    if (!llvm::is_contained(weightings, program.getWeighting()))
      return program.emitOpError() << "has weighting \"" << program.getWeighting()
                                   << "\"; known are denominator, mean and sum";
    for (Attribute attr : program.getStreams()) {
      auto stream = dyn_cast<StreamKindAttr>(attr);
      if (!stream)
        return program.emitOpError()
               << "has " << attr
               << " among its streams; expected #prog<stream compute>, comm, collective or reduce";
      if (!streams.insert(stream.getValue()).second)
        return program.emitOpError()
               << "has the stream " << stringifyStreamKind(stream.getValue()) << " twice";
    }
    if (!streams.contains(StreamKind::Compute))
      return program.emitOpError() << "has no compute stream, on which blocks run";
    return success();
  }

  LogicalResult verifyParts() {
    unsigned orders = 0;
    Operation *record = nullptr, *parameter = nullptr;
    for (Operation &op : program.getBody().front()) {
      if (!isa<ArenaOp, GroupOp, KernelOp, ParameterOp, PartOp, TensorOp, ConstantOp, SlotOp,
               BlockOp, OrderOp>(op))
        return op.emitOpError()
               << "is in a program, where only declarations, blocks and one order are allowed";
      orders += isa<OrderOp>(op);
      if (auto held = dyn_cast<ParameterOp>(op); held && held.getRecordEntry())
        parameter = held;
      if (auto tensor = dyn_cast<TensorOp>(op))
        if (!(tensor.getOutput() ? outputs : inputs)
                 .try_emplace(tensor.getName(), cast<ShapedType>(tensor.getType()))
                 .second)
          return tensor.emitOpError()
                 << "is the second " << (tensor.getOutput() ? "output" : "input") << " named \""
                 << tensor.getName() << "\"";
      if (auto arena = dyn_cast<ArenaOp>(op); arena && arena.getRole() == ArenaRole::StepRecord) {
        if (record) {
          InFlightDiagnostic diag = arena.emitOpError()
                                    << "is a second step record; a program has one";
          diag.attachNote(record->getLoc()) << "the first is here";
          return diag;
        }
        record = arena;
      }
    }
    if (orders != 1)
      return program.emitOpError() << "has " << orders << " orders; a program has one";
    if (parameter && !record)
      return parameter->emitOpError()
             << "has an entry in the step record, but the program has no arena for one";
    return success();
  }

  LogicalResult verifyStream(Operation &op) {
    auto attr = op.getAttrOfType<StreamKindAttr>("stream");
    if (attr && !streams.contains(attr.getValue()))
      return op.emitOpError() << "is on the stream " << stringifyStreamKind(attr.getValue())
                              << ", which the program does not have";
    return success();
  }

  LogicalResult verifyBlockCommand(Operation &op) {
    if (isa<SlotOp, ResultsOp>(op))
      return success();
    if (!isa<CommandOpInterface>(op))
      return op.emitOpError() << "is in a block, where only commands and slots are allowed";
    auto attr = op.getAttrOfType<StreamKindAttr>("stream");
    if (attr && attr.getValue() != StreamKind::Compute && !isa<CollectiveOp>(op))
      return op.emitOpError() << "is on the stream " << stringifyStreamKind(attr.getValue())
                              << "; in a block only collectives leave the compute stream";
    return verifyStream(op);
  }

  LogicalResult verifyMicroBatch(Operation &op, int64_t microBatch, int64_t least) {
    if (microBatch < least || microBatch >= microBatches)
      return op.emitOpError() << "is for micro-batch " << microBatch << " of a step with "
                              << microBatches;
    return success();
  }

  LogicalResult verifyCommand(Operation &op) {
    if (isa<SlotOp>(op))
      return success();
    if (!isa<CommandOpInterface>(op))
      return op.emitOpError() << "is in the order, where only commands and slots are allowed";
    if (failed(verifyStream(op)))
      return failure();
    if (auto feed = dyn_cast<FeedOp>(op)) {
      ShapedType tensor = inputs.lookup(feed.getInput());
      if (!tensor)
        return op.emitOpError() << "feeds \"" << feed.getInput()
                                << "\", which is not an input of the program";
      if (SlotType slot = feed.getDst().getType(); slot != SlotType::get(tensor))
        return op.emitOpError() << "feeds \"" << feed.getInput() << "\" of type " << tensor
                                << " into " << slot;
      return verifyMicroBatch(op, feed.getMicroBatch(), 0);
    }
    if (auto fetch = dyn_cast<FetchOp>(op)) {
      ShapedType tensor = outputs.lookup(fetch.getOutput());
      if (!tensor)
        return op.emitOpError() << "fetches \"" << fetch.getOutput()
                                << "\", which is not an output of the program";
      if (SlotType slot = fetch.getSrc().getType(); slot != SlotType::get(tensor))
        return op.emitOpError() << "fetches \"" << fetch.getOutput() << "\" of type " << tensor
                                << " from " << slot;
      return verifyMicroBatch(op, fetch.getMicroBatch(), 0);
    }
    if (auto run = dyn_cast<RunOp>(op)) // -1: of no micro-batch
      return success(succeeded(verifyMicroBatch(op, run.getMicroBatch(), -1)) &&
                     succeeded(verifyMicroBatch(op, run.getPairMicroBatch(), -1)));
    if (auto exchange = dyn_cast<ExchangeOp>(op))
      for (Operation &transfer : exchange.getBody().front())
        if (transfer.getAttrOfType<IntegerAttr>("peer").getInt() == coordinate)
          return transfer.emitOpError() << "is between coordinate " << coordinate << " and itself";
    return success();
  }

  ProgramOp program;
  int64_t coordinate, microBatches;
  llvm::SmallSet<StreamKind, 4> streams;
  llvm::StringMap<ShapedType> inputs, outputs;
};

} // namespace

LogicalResult ProgramOp::verifyRegions() { return ProgramVerifier(*this).verify(); }
