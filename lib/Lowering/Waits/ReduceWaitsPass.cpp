// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Takes waits out of programs that others imply.
//
// While a program is written, what a stream knows of others is known from command to
// command of the order. What one stream of a block learns of the other inside of it is
// seen here, where the blocks are: each run of a block is looked through.
#include "ImpliedWaits.h"
#include "dpc/Lowering/Passes.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace dpc::prog;

namespace dpc::lowering {
#define GEN_PASS_DEF_PROGREDUCEWAITS
#include "dpc/Lowering/Passes.h.inc"

namespace {

/// What waits for an event: an operand of the operation that does.
using WaitingOperand = OpOperand *;

/// A block's commands, read once for all its runs.
struct BlockList {
  struct Command {
    unsigned axis;
    bool isJoin;
    std::vector<std::pair<WaitingOperand, unsigned>> internal; // for which command
    std::vector<std::pair<WaitingOperand, unsigned>> operands; // for which operand's event
  };
  std::vector<Command> commands;
  std::vector<unsigned> results; // the command that makes each
};

class Reducer {
public:
  explicit Reducer(ProgramOp program)
      : program(program), implied(axisOfTransfer(mostTransfers(program))) {}

  /// What waits for something and need not.
  llvm::DenseSet<WaitingOperand> run() {
    for (OrderOp order : program.getOps<OrderOp>())
      for (Operation &op : order.getBody().front())
        visit(op);
    llvm::DenseSet<WaitingOperand> dropped;
    for (auto [number, operand] : llvm::enumerate(operands))
      if (!implied.isNeeded(number))
        dropped.insert(operand);
    return dropped;
  }

private:
  static unsigned mostTransfers(ProgramOp program) {
    unsigned most = 0;
    program.walk([&](ExchangeOp op) { most = std::max<unsigned>(most, op.getComplete().size()); });
    return most;
  }
  static unsigned axisOf(StreamKind stream) { return unsigned(stream); }
  static unsigned axisOfTransfer(unsigned number) {
    return getMaxEnumValForStreamKind() + 1 + number;
  }

  unsigned numberOf(WaitingOperand operand) {
    auto [it, isNew] = numbers.try_emplace(operand, unsigned(operands.size()));
    if (isNew)
      operands.push_back(operand);
    return it->second;
  }
  std::vector<ImpliedWaits::Wait> waitsOf(MutableArrayRef<OpOperand> those) {
    std::vector<ImpliedWaits::Wait> waits;
    for (OpOperand &operand : those)
      if (isa<EventType>(operand.get().getType()))
        waits.push_back({{numberOf(&operand)}, fired[operand.get()]});
    return waits;
  }

  void visit(Operation &op) {
    if (auto run = dyn_cast<RunOp>(op))
      visitRun(run);
    else if (auto exchange = dyn_cast<ExchangeOp>(op))
      visitExchange(exchange);
    else if (auto command = dyn_cast<CommandOpInterface>(op))
      fired[command.getDoneEvent()] = {implied.add(axisOf(*command.getStreamKind()), {},
                                                   waitsOf(op.getOpOperands()), isa<JoinOp>(op))};
  }

  // The messages go on together, behind all that any of them waits for; each has an end
  // of its own.
  void visitExchange(ExchangeOp exchange) {
    unsigned axis = axisOf(exchange.getStream());
    std::vector<ImpliedWaits::Wait> waits;
    for (Operation &transfer : exchange.getBody().front())
      llvm::append_range(waits, waitsOf(transfer.getOpOperands()));
    ImpliedWaits::Node begin = implied.add(axis, {}, waits);
    std::vector<ImpliedWaits::Node> ends;
    for (auto [i, event] : llvm::enumerate(exchange.getComplete())) {
      ends.push_back(implied.add(axisOfTransfer(i), {begin}, {}));
      fired[event] = {ends.back()};
    }
    fired[exchange.getDone()] = {implied.add(axis, ends, {})};
  }

  void visitRun(RunOp run) {
    const BlockList &block = read(run);
    std::vector<WaitingOperand> ready(run.getSlots().size(), nullptr);
    MutableOperandRange given = run.getReadyMutable();
    for (auto [i, operand] : llvm::enumerate(run.getReadyOperands()))
      ready[operand] = &given[i];

    std::vector<ImpliedWaits::Node> nodes;
    std::map<unsigned, ImpliedWaits::Node> last; // of each stream
    for (const BlockList::Command &command : block.commands) {
      std::vector<ImpliedWaits::Wait> waits;
      // What the run waits for holds back each of its streams.
      if (!last.count(command.axis))
        for (OpOperand &operand : run.getAfterMutable())
          waits.push_back({{numberOf(&operand)}, fired[operand.get()]});
      for (auto [waiting, other] : command.internal)
        waits.push_back({{numberOf(waiting)}, {nodes[other]}});
      // An operand's event is waited for where the run gives one and the command takes it.
      for (auto [waiting, operand] : command.operands)
        if (WaitingOperand event = ready[operand])
          waits.push_back({{numberOf(waiting), numberOf(event)}, fired[event->get()]});
      nodes.push_back(implied.add(command.axis, {}, waits, command.isJoin));
      last[command.axis] = nodes.back();
    }
    for (auto [event, result] : llvm::zip(run.getResults(), block.results))
      fired[event] = {nodes[result]};
    for (auto [axis, node] : last)
      fired[run.getDone()].push_back(node);
  }

  const BlockList &read(RunOp run) {
    auto [it, isNew] = blocks.try_emplace(run.getBlock());
    BlockList &list = it->second;
    if (!isNew)
      return list;
    BlockOp block = cast<BlockOp>(program.lookupSymbol(run.getBlockAttr()));
    Block &body = block.getBody().front();
    unsigned firstEvent = body.getNumArguments() / 2;
    llvm::DenseMap<Value, unsigned> commandOf; // by its event
    for (auto command : body.getOps<CommandOpInterface>()) {
      BlockList::Command mine{axisOf(*command.getStreamKind()), isa<JoinOp>(command), {}, {}};
      for (OpOperand &operand : command->getOpOperands()) {
        if (!isa<EventType>(operand.get().getType()))
          continue;
        numberOf(&operand); // a wait that no run makes one is none
        if (auto argument = dyn_cast<BlockArgument>(operand.get()))
          mine.operands.push_back({&operand, argument.getArgNumber() - firstEvent});
        else
          mine.internal.push_back({&operand, commandOf.at(operand.get())});
      }
      commandOf[command.getDoneEvent()] = list.commands.size();
      list.commands.push_back(std::move(mine));
    }
    for (Value event : cast<ResultsOp>(body.getTerminator()).getEvents())
      list.results.push_back(commandOf.at(event));
    return list;
  }

  ProgramOp program;
  ImpliedWaits implied;
  llvm::DenseMap<Value, std::vector<ImpliedWaits::Node>> fired; // by event of the order
  llvm::DenseMap<WaitingOperand, unsigned> numbers;
  std::vector<WaitingOperand> operands; // by number
  llvm::StringMap<BlockList> blocks;
};

struct ProgReduceWaits : impl::ProgReduceWaitsBase<ProgReduceWaits> {
  using ProgReduceWaitsBase::ProgReduceWaitsBase;

  void runOnOperation() override {
    llvm::DenseSet<WaitingOperand> dropped = Reducer(getOperation()).run();
    if (dropped.empty())
      return markAllAnalysesPreserved();
    removed += dropped.size();
    getOperation().walk([&](CommandOpInterface command) {
      command.dropWaits([&](OpOperand &operand) { return dropped.contains(&operand); });
    });
  }
};

} // namespace
} // namespace dpc::lowering
