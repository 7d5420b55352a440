// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What commands wait for and touch, and what their symbols must name.
#include "dpc/Dialect/Prog/Prog.h"

#include "Replicas.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace dpc::prog;

using Accesses = SmallVector<std::pair<Value, Access>>;

SmallVector<Value> LaunchOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> CallOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> CopyOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> FillOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> FeedOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> FetchOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> CollectiveOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> JoinOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> RunOp::getWaits() { return llvm::to_vector(getAfter()); }
SmallVector<Value> ExchangeOp::getWaits() {
  SmallVector<Value> waits;
  for (Operation &op : getBody().front())
    for (Value operand : op.getOperands())
      if (isa<EventType>(operand.getType()))
        waits.push_back(operand);
  return waits;
}

using IsDropped = llvm::function_ref<bool(OpOperand &)>;

/// Which of the operands are dropped, by their place among these. Asked before any is
/// erased, for then the others move.
static SmallVector<bool> drop(MutableOperandRange waits, IsDropped isDropped) {
  SmallVector<bool> dropped;
  for (OpOperand &wait : waits)
    dropped.push_back(isDropped(wait));
  for (unsigned i = dropped.size(); i-- > 0;)
    if (dropped[i])
      waits.erase(i);
  return dropped;
}

void LaunchOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void CallOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void CopyOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void FillOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void FeedOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void FetchOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void CollectiveOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void JoinOp::dropWaits(IsDropped isDropped) { drop(getAfterMutable(), isDropped); }
void RunOp::dropWaits(IsDropped isDropped) {
  // An operand that is erased moves those behind it.
  SmallVector<bool> after;
  for (OpOperand &wait : getAfterMutable())
    after.push_back(isDropped(wait));
  SmallVector<bool> ready = drop(getReadyMutable(), isDropped);
  for (unsigned i = after.size(); i-- > 0;)
    if (after[i])
      getAfterMutable().erase(i);
  SmallVector<int64_t> operands;
  for (auto [operand, isGone] : llvm::zip(getReadyOperands(), ready))
    if (!isGone)
      operands.push_back(operand);
  setReadyOperands(operands);
}
void ExchangeOp::dropWaits(IsDropped isDropped) {
  for (Operation &op : getBody().front()) {
    if (auto send = dyn_cast<SendOp>(op))
      drop(send.getAfterMutable(), isDropped);
    else if (auto recv = dyn_cast<RecvOp>(op))
      drop(recv.getAfterMutable(), isDropped);
  }
}

std::optional<StreamKind> RunOp::getStreamKind() { return std::nullopt; }

Value LaunchOp::getDoneEvent() { return getDone(); }
Value CallOp::getDoneEvent() { return getDone(); }
Value CopyOp::getDoneEvent() { return getDone(); }
Value FillOp::getDoneEvent() { return getDone(); }
Value FeedOp::getDoneEvent() { return getDone(); }
Value FetchOp::getDoneEvent() { return getDone(); }
Value CollectiveOp::getDoneEvent() { return getDone(); }
Value JoinOp::getDoneEvent() { return getDone(); }
Value RunOp::getDoneEvent() { return getDone(); }
Value ExchangeOp::getDoneEvent() { return getDone(); }

Accesses LaunchOp::getAccesses() {
  Accesses accesses;
  auto kernel = SymbolTable::lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  for (auto [i, slot] : llvm::enumerate(getSlots())) {
    Access access = Access::ReadWrite;
    if (kernel && i < kernel.getBufferAccess().size())
      access = cast<AccessAttr>(kernel.getBufferAccess()[i]).getValue();
    accesses.push_back({slot, access});
  }
  return accesses;
}
Accesses CallOp::getAccesses() {
  Accesses accesses;
  unsigned sources = getFunction().getNumSources();
  for (auto [i, slot] : llvm::enumerate(getSlots())) {
    bool adds = i == sources && getFunction().getAccumulate();
    accesses.push_back({slot, i < sources ? Access::Read
                              : adds      ? Access::ReadWrite
                                          : Access::Write});
  }
  return accesses;
}
Accesses CopyOp::getAccesses() { return {{getSrc(), Access::Read}, {getDst(), Access::Write}}; }
Accesses FillOp::getAccesses() { return {{getDst(), Access::Write}}; }
Accesses FeedOp::getAccesses() { return {{getDst(), Access::Write}}; }
Accesses FetchOp::getAccesses() { return {{getSrc(), Access::Read}}; }
Accesses CollectiveOp::getAccesses() {
  if (getSrc() == getDst())
    return {{getSrc(), Access::ReadWrite}};
  return {{getSrc(), Access::Read}, {getDst(), Access::Write}};
}
Accesses JoinOp::getAccesses() { return {}; }
Accesses RunOp::getAccesses() {
  Accesses accesses;
  auto block = SymbolTable::lookupNearestSymbolFrom<BlockOp>(*this, getBlockAttr());
  for (auto [i, slot] : llvm::enumerate(getSlots())) {
    Access access = Access::ReadWrite;
    if (block && i < block.getOperandAccess().size())
      access = cast<AccessAttr>(block.getOperandAccess()[i]).getValue();
    accesses.push_back({slot, access});
  }
  return accesses;
}
Accesses ExchangeOp::getAccesses() {
  Accesses accesses;
  for (Operation &op : getBody().front()) {
    if (auto send = dyn_cast<SendOp>(op))
      accesses.push_back({send.getSlot(), Access::Read});
    else if (auto recv = dyn_cast<RecvOp>(op))
      accesses.push_back({recv.getSlot(), Access::Write});
  }
  return accesses;
}

LogicalResult SlotOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto arena = symbols.lookupNearestSymbolFrom<ArenaOp>(*this, getArenaAttr());
  if (!arena)
    return emitOpError() << "lies in " << getArenaAttr() << ", which is not a prog.arena";
  int64_t bytes = getType().getBytes(), offset = getOffset(), size = arena.getBytes();
  if (offset < 0 || offset > size || bytes > size - offset) {
    InFlightDiagnostic diag = emitOpError()
                              << "takes " << bytes << " bytes from " << offset << " on of "
                              << getArenaAttr() << ", which has " << size;
    diag.attachNote(arena.getLoc()) << "the arena is here";
    return diag;
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "launches " << getKernelAttr() << ", which is not a prog.kernel";
  auto buffers = llvm::to_vector(kernel.getBuffers().getAsValueRange<TypeAttr>());
  if (getSlots().size() != buffers.size())
    return emitOpError() << "gives " << getSlots().size() << " slots to " << getKernelAttr()
                         << ", which has " << buffers.size() << " buffers";
  for (auto [i, slot, buffer] : llvm::enumerate(getSlots(), buffers))
    if (slot.getType() != buffer)
      return emitOpError() << "gives " << slot.getType() << " as buffer " << i << " of "
                           << getKernelAttr() << ", which takes " << buffer;
  if (getReplicas() && !isa<OrderOp>((*this)->getParentOp()))
    return emitOpError() << "is for some replicas; only launches of an order can be";
  if (getComparesMirrors() && !isa<OrderOp>((*this)->getParentOp()))
    return emitOpError() << "compares mirrors; only launches of an order can";
  return verifyReplicas(*this, getReplicas());
}

LogicalResult CallOp::verify() {
  unsigned sources = getFunction().getNumSources(), slots = getSlots().size();
  if (slots != sources + 1 && slots != sources + 2)
    return emitOpError() << "gives " << slots << " slots to a function of " << sources
                         << " sources; it takes these, a destination and perhaps workspace";
  return success();
}

LogicalResult CollectiveOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!symbols.lookupNearestSymbolFrom<GroupOp>(*this, getGroupAttr()))
    return emitOpError() << "is over " << getGroupAttr() << ", which is not a prog.group";
  if (getSrc().getType().getElementType() != getDst().getType().getElementType())
    return emitOpError() << "takes " << getSrc().getType() << " and gives " << getDst().getType()
                         << "; a collective keeps the type of elements";
  int64_t src = getSrc().getType().getBytes(), dst = getDst().getType().getBytes();
  if (std::optional<ArrayRef<int64_t>> parts = getParts()) {
    if (getKind() != CollectiveKind::ReduceScatter && getKind() != CollectiveKind::AllGather)
      return emitOpError() << "has parts; only a reduce_scatter or an all_gather can have them";
    if (getSrc() != getDst())
      return emitOpError() << "has parts; its source and its destination must be one slot";
    int64_t sum = 0;
    for (int64_t part : *parts) {
      if (part < 0 || part > getSrc().getType().getCount() - sum)
        return emitOpError() << "has a part of " << part << " elements; there are "
                             << getSrc().getType().getCount() - sum << " left";
      sum += part;
    }
    if (sum != getSrc().getType().getCount())
      return emitOpError() << "has parts of " << sum << " elements together, not of "
                           << getSrc().getType().getCount();
  }
  bool keepsSize = getKind() == CollectiveKind::AllReduce || getKind() == CollectiveKind::AllToAll;
  if (keepsSize && src != dst)
    return emitOpError() << "takes " << src << " bytes and gives " << dst << "; "
                         << stringifyCollectiveKind(getKind()) << " keeps their number";
  return success();
}

LogicalResult BlockOp::verifyRegions() {
  Block &body = getBody().front();
  unsigned operands = getOperandAccess().size();
  for (Attribute access : getOperandAccess())
    if (!isa<AccessAttr>(access))
      return emitOpError()
             << "has " << access
             << " among its accesses; expected #prog<access read>, write or read_write";
  if (getOperandNames().size() != operands)
    return emitOpError() << "names " << getOperandNames().size() << " operands, but says how "
                         << operands << " are used";
  if (body.getNumArguments() != 2 * operands)
    return emitOpError() << "has " << body.getNumArguments() << " arguments; " << operands
                         << " operands need as many slots and events";
  for (unsigned i = 0; i < operands; ++i)
    if (!isa<SlotType>(body.getArgument(i).getType()) ||
        !isa<EventType>(body.getArgument(operands + i).getType()))
      return emitOpError() << "operand " << i << " is not a slot with an event";
  auto results = dyn_cast<ResultsOp>(body.getTerminator());
  if (!results)
    return emitOpError() << "does not end with prog.results";
  if (results.getEvents().size() != results.getCompleted().size())
    return results.emitOpError() << "yields " << results.getEvents().size() << " events for "
                                 << results.getCompleted().size() << " operands";
  for (int64_t operand : results.getCompleted())
    if (operand < 0 || operand >= operands)
      return results.emitOpError()
             << "completes operand " << operand << " of a block with " << operands;
  return success();
}

LogicalResult RunOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto block = symbols.lookupNearestSymbolFrom<BlockOp>(*this, getBlockAttr());
  if (!block)
    return emitOpError() << "runs " << getBlockAttr() << ", which is not a prog.block";
  Block &body = block.getBody().front();
  unsigned operands = block.getOperandAccess().size();
  if (getSlots().size() != operands)
    return emitOpError() << "gives " << getSlots().size() << " slots to " << getBlockAttr()
                         << ", which has " << operands << " operands";
  for (unsigned i = 0; i < operands && i < body.getNumArguments(); ++i)
    if (getSlots()[i].getType() != body.getArgument(i).getType())
      return emitOpError() << "gives " << getSlots()[i].getType() << " as operand " << i << " of "
                           << getBlockAttr() << ", which takes " << body.getArgument(i).getType();
  auto results = dyn_cast<ResultsOp>(body.getTerminator());
  if (results && results.getEvents().size() != getResults().size())
    return emitOpError() << "takes " << getResults().size() << " results of " << getBlockAttr()
                         << ", which yields " << results.getEvents().size();
  if (getReady().size() != getReadyOperands().size())
    return emitOpError() << "has " << getReady().size() << " events for "
                         << getReadyOperands().size() << " operands";
  llvm::SmallDenseSet<int64_t> held;
  for (int64_t operand : getReadyOperands()) {
    if (operand < 0 || operand >= operands)
      return emitOpError() << "holds back operand " << operand << " of a block with " << operands;
    if (!held.insert(operand).second)
      return emitOpError() << "holds back operand " << operand
                           << " twice; events beyond the first stand under `after`";
  }
  return success();
}

LogicalResult ExchangeOp::verifyRegions() {
  unsigned transfers = 0;
  for (Operation &op : getBody().front()) {
    if (!isa<SendOp, RecvOp>(op))
      return op.emitOpError()
             << "is in an exchange, where only prog.send and prog.recv are allowed";
    for (StringRef name : {"peer", "message"})
      if (int64_t number = op.getAttrOfType<IntegerAttr>(name).getInt(); number < 0)
        return op.emitOpError() << "has " << name << " " << number << "; they are counted from 0";
    ++transfers;
  }
  if (transfers != getComplete().size())
    return emitOpError() << "yields " << getComplete().size() << " events for " << transfers
                         << " transfers";
  return success();
}
