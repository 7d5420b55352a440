// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's program while it is written: where things lie, what each command has to
// wait for, and what the program declares. The parts of a step write into it.
#ifndef DPC_LIB_LOWERING_EMIT_RANKPROGRAM_H
#define DPC_LIB_LOWERING_EMIT_RANKPROGRAM_H

#include "../Plan/Hazards.h"
#include "../Plan/RankMemory.h"
#include "../Plan/StepKernels.h"
#include "BlockEmitter.h"
#include "dpc/Optimizer/Update.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace dpc::lowering {

enum StreamNumber : unsigned { Compute, Comm, Collective, Reduce, StreamCount };

class RankProgram : public FixedPlaces {
public:
  RankProgram(mlir::OpBuilder &builder, const StepModel &model, const StepPlan &plan, unsigned rank,
              RankMemory memory, const StepKernels &kernels);

  const StepModel &model;
  const StepPlan &plan;
  const RankPlan &mine;
  const StepKernels &kernels;
  const RankMemory memory;

  //===------------------------------------------------------------------===//
  // Places
  //===------------------------------------------------------------------===//
  struct Range {
    unsigned arena;
    int64_t offset;
    prog::SlotType type;
    int64_t bytes() const { return type.getBytes(); }
  };
  prog::SlotType floats(int64_t count) const;
  prog::SlotType integers(int64_t count) const; // of 64 bits
  prog::SlotType bytes(int64_t count) const;
  unsigned parameterOf(unsigned stage, unsigned index) const {
    return model.stages[stage].parameters[index];
  }
  Range weight(unsigned p) const {
    return {Weights, mine.weightOffset.at(p), model.parameters[p].type};
  }
  /// Of a parameter that has one.
  Range master(unsigned p) const {
    return {Masters, memory.masterOffset.at(p), model.parameters[p].kept};
  }
  Range gradient(unsigned p) const {
    return {Gradients, mine.gradientOffset.at(p), model.parameters[p].kept};
  }
  Range moment(unsigned p, unsigned k) const {
    return {Moments, memory.momentOffset.at({p, k}), model.parameters[p].kept};
  }
  /// Elements of a parameter's weight or gradient.
  Range part(Range whole, const Shard &shard) const;
  Range master(const KeptShard &kept) const {
    return {Masters, kept.master, keptType(kept.parameter, kept.shard.elements)};
  }
  Range moment(const KeptShard &kept, unsigned k) const {
    return {Moments, kept.moments[k], keptType(kept.parameter, kept.shard.elements)};
  }
  Range sums(int64_t offset, int64_t count) const { return {Sums, offset, floats(count)}; }
  Range den(unsigned microBatch) const { return sums(memory.sums.den + 4 * microBatch, 1); }
  Range loss(unsigned microBatch) const { return sums(memory.sums.loss + 4 * microBatch, 1); }
  /// Where integers were divided by 0 in one micro-batch, and in all of them.
  Range fault(unsigned microBatch) const { return faults(microBatch, 1); }
  Range faults(unsigned first, int64_t count) const {
    return {Sums, memory.sums.fault + 8 * first, integers(count)};
  }
  Range statistic(unsigned number) const { return sums(memory.sums.statistics + 4 * number, 1); }
  Range statistics() const {
    return sums(memory.sums.statistics, optimizer::kStatistics + model.mirrors.words());
  }
  /// A set's floats among them.
  Range mirrorDigits(unsigned set) const {
    const unsigned digits = model.mirrors.digits();
    return sums(memory.sums.statistics + 4 * (optimizer::kStatistics + digits * set), digits);
  }
  Range recordHeader() const;
  Range recordWords(int64_t offset, int64_t bytes) const; // of the header
  Range recordEntry(unsigned p) const;
  /// Of a value of one micro-batch.
  Range instance(const Instance &instance) const;
  mlir::Value slot(Range range);

  //===------------------------------------------------------------------===//
  // Waits
  //===------------------------------------------------------------------===//
  /// Every command has a number, and perhaps parts, each with an event of its own.
  unsigned newCommand() { return count++; }
  /// A range that a command touches: by one of its parts with an event of its own (-1: it
  /// has none), from a place in the command (Hazards::Awaited) to one (Touch::place).
  struct Use {
    Range range;
    bool write = false;
    int part = -1;
    unsigned begin = 0, end = 0, written = 0;
  };
  /// Of each use, the events that must have come before command `number` makes it on
  /// `stream`.
  std::vector<llvm::SmallVector<mlir::Value>> waits(llvm::ArrayRef<Use> uses, unsigned number,
                                                    unsigned stream);
  /// From now on the command has made them. A command of two streams waits on both first.
  void touch(llvm::ArrayRef<Use> uses, unsigned number, unsigned stream);
  /// Of all uses together, which it then has made.
  llvm::SmallVector<mlir::Value> waitsOfAll(llvm::ArrayRef<Use> uses, unsigned number,
                                            unsigned stream);
  void setPartEvent(unsigned number, int part, mlir::Value event) {
    partEvent[{number, part}] = event;
  }
  /// The command is written, and `done` its last event.
  void place(unsigned number, unsigned stream, mlir::Value done);
  static void append(llvm::SmallVector<mlir::Value> &to, llvm::ArrayRef<mlir::Value> events);

  //===------------------------------------------------------------------===//
  // Commands
  //===------------------------------------------------------------------===//
  mlir::OpBuilder at; // the end of the order
  mlir::Type event;
  mlir::Location loc; // of what belongs to no stage

  void fill(Range range);
  void copy(Range from, Range to);
  /// `replicas`: on which; empty: on all. `comparesMirrors`: only in runs that do.
  void launch(llvm::StringRef kernel, llvm::ArrayRef<std::pair<Range, bool>> uses, // writes?
              llvm::ArrayRef<int64_t> replicas = {}, bool comparesMirrors = false);
  /// In place, on the stream of reductions. `parts`: of a reduce-scatter or an all-gather, the
  /// elements of the range that are each member's.
  void collective(prog::CollectiveKind kind, Range range, llvm::StringRef group,
                  llvm::ArrayRef<int64_t> parts = {});
  /// Waits for all streams: the step's last command.
  void join();

  //===------------------------------------------------------------------===//
  // Declarations
  //===------------------------------------------------------------------===//
  /// Declares a block once; run `number` of it, whose waits have been found, waits for these
  /// of its operands.
  void useBlock(const BlockPlan &block, llvm::StringRef name, unsigned number,
                llvm::ArrayRef<int64_t> awaited);
  /// The group of these ranks, at all coordinates of the axes `over` and each at its own of
  /// the others.
  llvm::StringRef groupOf(const std::vector<unsigned> &members, prog::Axes over);
  /// Declares all that the order uses.
  prog::ProgramOp finish();

  // Of blocks.
  FixedPlaces::Place parameter(unsigned stage, unsigned index) const override;
  FixedPlaces::Place accumulator(unsigned stage, unsigned index) const override;
  FixedPlaces::Place lossScale() const override;
  FixedPlaces::Place workspace(int64_t offset) const override;
  FixedPlaces::Place constant(mlir::ElementsAttr value) override;
  void useKernel(llvm::StringRef name) override;
  llvm::StringRef experts() override;

private:
  prog::SlotType keptType(unsigned p, int64_t elements) const {
    return prog::SlotType::get(elements, model.parameters[p].kept.getElementType());
  }
  llvm::StringRef addGroup(const std::string &name, const std::vector<unsigned> &members,
                           prog::Axes over);
  mlir::Type feedType(const Instance &instance) const;
  mlir::Type outputType(const Instance &instance) const;
  mlir::Value eventOf(const Touch &touch) const;

  void declareArenas(mlir::OpBuilder &top);
  void declareConstants(mlir::OpBuilder &top);
  void declareParameters(mlir::OpBuilder &top);
  void declarePart(mlir::OpBuilder &top, const KeptShard &kept);
  void declareTensors(mlir::OpBuilder &top);
  void declareStreams();
  void declareGroups();
  mlir::Value fixedSlot(mlir::OpBuilder &top, Range range);

  mlir::OpBuilder &builder;
  Hazards hazards;
  bool usesCollectives = false; // in blocks
  prog::ProgramOp program;
  prog::OrderOp order;
  mlir::OpBuilder declarations;
  mlir::Operation *lastSlot = nullptr;
  std::map<unsigned, unsigned> entryOf; // of the step record, by parameter
  llvm::StringSet<> usedKernels;
  // Blocks in the order of their first use, the operands that some run waits for, and the
  // commands that in some run wait for the compute stream to come to the block.
  struct UsedBlock {
    const BlockPlan *plan;
    std::string name;
    llvm::SmallBitVector awaited, atBegin;
  };
  void touchWorkspace(UsedBlock &used, unsigned number);
  std::vector<UsedBlock> usedBlocks;
  llvm::StringMap<unsigned> blockNumber;
  std::map<std::string, std::pair<std::vector<unsigned>, prog::Axes>> groups;
  std::map<std::tuple<unsigned, int64_t, const void *>, mlir::Value> slots;
  std::map<std::pair<unsigned, int>, mlir::Value> partEvent;
  std::map<unsigned, mlir::Value> doneEvent;
  std::optional<unsigned> lastOnStream[StreamCount]; // command
  bool usedStream[StreamCount] = {};
  unsigned count = 0;
};

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_EMIT_RANKPROGRAM_H
