// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Greedy grouping that saves memory traffic. Operations are taken in order; each
// starts a group of its own, which is then merged with the groups of what it reads
// where one loop can compute both (docs/Kernels.md) and where no path leaves the
// merged group and comes back.
#include "Grouping.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Collectives.h"

using namespace mlir;

namespace dpc::kernels {

namespace {
/// Constants of more elements are kernels' operands.
constexpr int64_t kMaxInlineConstant = 16;

RankedTensorType typeOf(Value v) { return cast<RankedTensorType>(v.getType()); }
bool isElementwise(Operation *op) { return op->hasTrait<nn::ElementwiseOp>(); }
bool isView(Operation *op) {
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  return cost && cost.isView();
}
} // namespace

bool isLargeConstant(Operation *op) {
  auto constant = dyn_cast<nn::ConstantOp>(op);
  return constant && typeOf(constant.getResult()).getNumElements() > kMaxInlineConstant &&
         !(isa<DenseElementsAttr>(constant.getValue()) &&
           cast<DenseElementsAttr>(constant.getValue()).isSplat());
}

bool belongsToHalf(Operation *op) {
  if (isa<dualpipe::LaunchOp>(op) || nn::isCollective(op) || isLargeConstant(op) ||
      op->hasTrait<OpTrait::IsTerminator>())
    return true;
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  return cost && (cost.isLibraryCall() || cost.isView());
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

DenseMap<Operation *, Place> placeOperations(Block &block) {
  DenseMap<Operation *, Place> places;
  // Bytes that repeating an operation would read.
  DenseMap<Operation *, int64_t> leafBytes;
  auto bytesOf = [&](Value v) {
    Operation *def = v.getDefiningOp();
    auto it = leafBytes.find(def);
    return def && it != leafBytes.end() ? it->second : nn::getByteSize(v.getType());
  };
  for (Operation &op : block) {
    if (isView(&op) && op.getOperand(0).getDefiningOp() &&
        leafBytes.count(op.getOperand(0).getDefiningOp())) {
      leafBytes[&op] = bytesOf(op.getOperand(0));
      places[&op] = Place::Anywhere;
      continue;
    }
    if (belongsToHalf(&op)) {
      places[&op] = Place::Half;
      continue;
    }
    int64_t bytes = 0;
    for (Value operand : op.getOperands())
      bytes += bytesOf(operand);
    bool repeat = isa<nn::ConstantOp, nn::IotaOp, nn::BroadcastOp>(op);
    if (isElementwise(&op)) {
      int64_t count = typeOf(op.getResult(0)).getNumElements();
      repeat = bytes * 4 <= nn::getByteSize(op.getResult(0).getType()) &&
               cast<nn::CostOpInterface>(op).getFlops() <= 2 * count;
    }
    places[&op] = repeat ? Place::Anywhere : Place::Inside;
    if (repeat)
      leafBytes[&op] = bytes;
  }
  // What something at the half's level reads must exist there.
  for (Operation &op : llvm::reverse(block)) {
    if (places[&op] != Place::Anywhere)
      continue;
    bool needed =
        llvm::any_of(op.getUsers(), [&](Operation *user) { return places[user] == Place::Half; });
    if (needed)
      places[&op] = isView(&op) ? Place::Half : Place::Inside;
  }
  return places;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

namespace {

using Form = nn::KernelForm;

// Of an operation that `groupOperations` has checked.
Form getForm(Operation *op) { return cast<nn::KernelFormInterface>(op).getKernelForm(); }

/// Rows times elements of a row.
struct Space {
  int64_t rows = 1, inner = 1;
  static Space of(RankedTensorType type) {
    int64_t inner = type.getRank() ? type.getShape().back() : 1;
    return {inner ? type.getNumElements() / inner : 0, inner};
  }
  bool operator==(const Space &o) const { return rows == o.rows && inner == o.inner; }
  bool holdsFull(RankedTensorType type) const { return Space::of(type) == *this; }
  bool holdsRow(RankedTensorType type) const { return type.getNumElements() == rows; }
  bool holds(RankedTensorType type) const { return holdsFull(type) || holdsRow(type); }
};

/// The space an operation's loop runs over.
Space spaceOf(Operation *op) {
  RankedTensorType largest = typeOf(op->getResult(0));
  Form form = getForm(op);
  if (form == Form::Rows || form == Form::Columns)
    for (Value v : op->getOperands())
      if (typeOf(v).getNumElements() > largest.getNumElements() ||
          (typeOf(v).getNumElements() == largest.getNumElements() &&
           typeOf(v).getRank() > largest.getRank()))
        largest = typeOf(v);
  Space space = Space::of(largest);
  // A row may be several dimensions: there is a result for each.
  RankedTensorType result = typeOf(op->getResult(0));
  if (form == Form::Rows && result.getRank() < largest.getRank() && result.getNumElements() > 0)
    space = {result.getNumElements(), largest.getNumElements() / result.getNumElements()};
  return space;
}

/// A value of another group (or of the half) that an operation reads.
struct Read {
  Value value;
  /// It is read at the position, or in the row, being computed.
  bool aligned;
};

struct State {
  Group operations;
  Form form = Form::Map;
  Space space;
};

class Grouping {
public:
  Grouping(Block &block, const DenseMap<Operation *, Place> &places)
      : block(block), places(places) {}

  std::vector<Group> run() {
    for (Operation &op : block)
      if (places.lookup(&op) == Place::Inside)
        add(&op);
    std::vector<Group> result;
    for (State &state : states) {
      if (state.operations.empty())
        continue;
      SmallVector<Operation *> sorted(state.operations.begin(), state.operations.end());
      llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
      result.emplace_back(sorted.begin(), sorted.end());
    }
    return result;
  }

private:
  void add(Operation *op) {
    unsigned id = states.size();
    states.emplace_back();
    State &state = states.back();
    state.operations.insert(op);
    state.form = getForm(op);
    state.space = spaceOf(op);
    groupOf[op] = id;

    SmallVector<Read> reads;
    for (OpOperand &operand : op->getOpOperands())
      collectReads(operand.get(), isAligned(op, operand), reads);
    llvm::SetVector<unsigned> producers;
    for (const Read &read : reads)
      if (Operation *def = read.value.getDefiningOp(); def && places.lookup(def) == Place::Inside)
        producers.insert(groupOf[def]);
    // The latest first: what was computed last is most likely still to be read.
    SmallVector<unsigned> order(producers.begin(), producers.end());
    llvm::sort(order, std::greater<unsigned>());
    for (unsigned other : order)
      if (!states[other].operations.empty() && isSmall(id, other) &&
          mayMerge(id, other, op, reads) && isAcyclic(id, other))
        merge(id, other);
    if (getForm(op) == Form::Columns)
      mergeSiblings(id, op, reads);
  }

  // A kernel is emitted from its results to what they read, as deep as its longest
  // chain: one without end would end the compiler's stack.
  bool isSmall(unsigned id, unsigned other) {
    constexpr size_t kMost = 1024;
    return states[id].operations.size() + states[other].operations.size() <= kMost;
  }

  // Whether `operand` of `op` is read where `op` computes.
  static bool isAligned(Operation *op, OpOperand &operand) {
    if (isElementwise(op))
      return true;
    RankedTensorType type = typeOf(operand.get());
    switch (getForm(op)) {
    case Form::Rows:
    case Form::Map:
    case Form::Columns:
      return spaceOf(op).holds(type);
    case Form::Move:
    case Form::Loops:
      return false;
    }
    llvm_unreachable("every form is one of these");
  }

  // Follows operations that are repeated, and views.
  void collectReads(Value value, bool aligned, SmallVectorImpl<Read> &reads) {
    Operation *def = value.getDefiningOp();
    if (def && isView(def)) {
      RankedTensorType from = typeOf(def->getOperand(0)), to = typeOf(value);
      bool sameRows = Space::of(from) == Space::of(to);
      collectReads(def->getOperand(0), aligned && sameRows, reads);
      return;
    }
    if (def && places.lookup(def) == Place::Anywhere) {
      for (Value operand : def->getOperands()) {
        bool here = aligned;
        if (auto broadcast = dyn_cast<nn::BroadcastOp>(def))
          here &= isRowBroadcast(broadcast);
        collectReads(operand, here, reads);
      }
      return;
    }
    reads.push_back({value, aligned});
  }

  // One value per row, repeated along the row.
  static bool isRowBroadcast(nn::BroadcastOp op) {
    RankedTensorType from = typeOf(op.getOperand()), to = typeOf(op.getResult());
    if (to.getRank() == 0)
      return true;
    int64_t last = to.getRank() - 1,
            rows = to.getDimSize(last) ? to.getNumElements() / to.getDimSize(last) : 0;
    if (from.getNumElements() != rows)
      return false;
    for (auto [i, dim] : llvm::enumerate(op.getDims()))
      if (dim == last && from.getDimSize(i) != 1)
        return false;
    return true;
  }

  // Whether every use of the group's values is in one of the two groups.
  bool isConsumedBy(unsigned group, unsigned by) {
    SmallVector<Operation *> work(states[group].operations.begin(), states[group].operations.end());
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      for (Operation *user : op->getUsers()) {
        Place place = places.lookup(user);
        if (place == Place::Inside) {
          auto it = groupOf.find(user);
          if (it == groupOf.end() || (it->second != group && it->second != by))
            return false;
        } else if (place == Place::Anywhere || isView(user)) {
          work.push_back(user);
        } else {
          return false;
        }
      }
    }
    return true;
  }

  bool fits(const Space &space, const State &state) {
    return llvm::all_of(state.operations, [&](Operation *op) {
      if (getForm(op) == Form::Rows && !(spaceOf(op) == space))
        return false;
      return llvm::all_of(op->getResults(), [&](Value v) { return space.holds(typeOf(v)); });
    });
  }

  // Whether the loop of `id`, last extended by `op`, can compute `other` too.
  bool mayMerge(unsigned id, unsigned other, Operation *op, ArrayRef<Read> reads) {
    State &mine = states[id], &theirs = states[other];
    bool aligned = true;
    for (const Read &read : reads)
      if (Operation *def = read.value.getDefiningOp();
          def && groupOf.count(def) && groupOf[def] == other)
        aligned &= read.aligned;
    if (mine.form == Form::Loops || theirs.form == Form::Loops)
      return false;
    // Sums of columns, and what is computed from them at the same position.
    if (theirs.form == Form::Columns)
      return aligned && mine.form == Form::Map && isElementwise(op) &&
             mine.operations.size() == 1 && llvm::all_of(op->getResults(), [&](Value v) {
               return typeOf(v).getShape() ==
                      typeOf(theirs.operations.front()->getResult(0)).getShape();
             });
    // Values that only this operation reads are computed where it reads them.
    if ((mine.form == Form::Move || mine.form == Form::Columns) && theirs.form == Form::Map)
      return (mine.form == Form::Columns ? aligned : isCheap(theirs)) && isConsumedBy(other, id);
    if (mine.form == Form::Move && theirs.form == Form::Move)
      return false;
    if (mine.form == Form::Columns || mine.form == Form::Move)
      return false;
    // Rows, and elements at the same position.
    if (!aligned)
      return false;
    if (theirs.form == Form::Move && mine.form == Form::Rows)
      return fits(mine.space, theirs);
    if (mine.form == Form::Rows)
      return theirs.form == Form::Rows ? theirs.space == mine.space : fits(mine.space, theirs);
    if (theirs.form == Form::Rows)
      return fits(theirs.space, mine);
    return fits(theirs.space, mine) || fits(mine.space, theirs);
  }

  // Worth repeating for an operation that may read an element more than once.
  bool isCheap(const State &state) {
    return llvm::all_of(state.operations, [](Operation *op) {
      return cast<nn::CostOpInterface>(op).getFlops() <=
             4 * typeOf(op->getResult(0)).getNumElements();
    });
  }

  // Sums over the same rows that read a common value. `op` is the sum of group `id`,
  // which may have taken in what it alone reads.
  void mergeSiblings(unsigned id, Operation *op, ArrayRef<Read> reads) {
    auto shape = [](Operation *columns) { return typeOf(columns->getOperand(0)).getShape(); };
    for (unsigned other = 0; other < id; ++other) {
      State &theirs = states[other];
      if (theirs.operations.empty() || theirs.form != Form::Columns)
        continue;
      Operation *first = *llvm::find_if(theirs.operations,
                                        [](Operation *o) { return getForm(o) == Form::Columns; });
      if (shape(first) != shape(op) ||
          typeOf(first->getResult(0)).getShape() != typeOf(op->getResult(0)).getShape())
        continue;
      bool common = llvm::any_of(first->getOperands(), [&](Value v) {
        return nn::getByteSize(v.getType()) == nn::getByteSize(op->getOperand(0).getType()) &&
               llvm::any_of(reads, [&](const Read &r) { return r.value == v; });
      });
      if (common && isAcyclic(id, other)) {
        merge(id, other);
        return;
      }
    }
  }

  void merge(unsigned id, unsigned other) {
    State &mine = states[id], &theirs = states[other];
    if (theirs.form == Form::Rows || theirs.form == Form::Columns) {
      mine.form = theirs.form;
      mine.space = theirs.space;
    } else if (mine.form == Form::Map && theirs.form != Form::Rows && fits(theirs.space, mine) &&
               theirs.form != Form::Move) {
      mine.space = theirs.space;
    } else if (mine.form == Form::Map && theirs.form == Form::Move) {
      mine.space = theirs.space;
    }
    if (mine.form == Form::Move && theirs.form == Form::Move)
      mine.form = Form::Move;
    for (Operation *op : theirs.operations) {
      mine.operations.insert(op);
      groupOf[op] = id;
    }
    theirs.operations.clear();
  }

  // Whether nothing outside the two groups lies on a path between them.
  bool isAcyclic(unsigned a, unsigned b) {
    return !reachesThroughOthers(a, a, b) && !reachesThroughOthers(b, a, b);
  }

  // Whether an operation outside `a` and `b` that `from` depends on depends on
  // either.
  bool reachesThroughOthers(unsigned from, unsigned a, unsigned b) {
    llvm::SmallPtrSet<Operation *, 32> seen;
    SmallVector<Operation *> work;
    // What stands before both groups depends on neither: the search is as long as
    // the groups are apart, not as the block is.
    Operation *first = *states[a].operations.begin();
    for (unsigned group : {a, b})
      for (Operation *op : states[group].operations)
        if (op->isBeforeInBlock(first))
          first = op;
    auto visit = [&](Operation *def) {
      if (!def->isBeforeInBlock(first) && seen.insert(def).second)
        work.push_back(def);
    };
    auto push = [&](Operation *op) {
      for (Value operand : op->getOperands())
        if (Operation *def = operand.getDefiningOp())
          visit(def);
    };
    auto isEither = [&](Operation *op) {
      auto it = groupOf.find(op);
      return it != groupOf.end() && (it->second == a || it->second == b);
    };
    // Direct reads of each other are no detour; repeated operations and views on
    // the way are part of the reading kernel.
    SmallVector<Operation *> direct(states[from].operations.begin(), states[from].operations.end());
    llvm::SmallPtrSet<Operation *, 32> passed;
    while (!direct.empty()) {
      Operation *op = direct.pop_back_val();
      for (Value operand : op->getOperands()) {
        Operation *def = operand.getDefiningOp();
        if (!def || isEither(def) || !passed.insert(def).second)
          continue;
        if (places.lookup(def) == Place::Anywhere || isView(def))
          direct.push_back(def);
        else
          visit(def);
      }
    }
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      if (isEither(op))
        return true;
      auto it = groupOf.find(op);
      if (it == groupOf.end()) {
        push(op);
        continue;
      }
      for (Operation *member : states[it->second].operations)
        push(member);
    }
    return false;
  }

  Block &block;
  const DenseMap<Operation *, Place> &places;
  std::vector<State> states;
  DenseMap<Operation *, unsigned> groupOf;
};

} // namespace

FailureOr<std::vector<Group>> groupOperations(Block &block,
                                              const DenseMap<Operation *, Place> &places) {
  bool failed = false;
  for (Operation &op : block)
    if (places.lookup(&op) != Place::Half && !isa<nn::KernelFormInterface>(op)) {
      op.emitOpError() << "does not say in which form a kernel computes it "
                          "(KernelFormInterface); without one it would have to be a library call, "
                          "a view or a collective";
      failed = true;
    }
  if (failed)
    return failure();
  return Grouping(block, places).run();
}

} // namespace dpc::kernels
