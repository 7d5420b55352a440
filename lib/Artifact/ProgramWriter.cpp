// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Serialises prog operations; see ProgramWriter.h. Events become numbers in the
// order of their definition, slots become ranges of arenas or of operands.
#include "dpc/Artifact/ProgramWriter.h"

#include "dpc/Dialect/NN/Element.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/NN.h"
#include "program/format/Program.h"
#include "program/format/StepRecord.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace fb = dpcrt::fb;

namespace dpc::artifact {
namespace {

// The kernels phase and the prog dialect's verifiers take only types that files have.
uint8_t dtypeOf(Type type) {
  std::optional<dpcrt::Element> element = nn::getElement(type);
  assert(element && "a type that no file has");
  return uint8_t(*element);
}

std::unique_ptr<fb::TensorT> tensorOf(StringRef name, Type type) {
  auto tensor = std::make_unique<fb::TensorT>();
  auto ranked = cast<RankedTensorType>(type);
  tensor->name = name.str();
  tensor->dtype = dtypeOf(ranked.getElementType());
  tensor->shape.assign(ranked.getShape().begin(), ranked.getShape().end());
  return tensor;
}

fb::Buffer bufferOf(prog::SlotType slot, prog::Access access) {
  return fb::Buffer(slot.getBytes(), dtypeOf(slot.getElementType()), fb::Access(access));
}

constexpr uint8_t kBytes = uint8_t(dpcrt::Element::U8); // of no element type

class Writer {
public:
  Writer(prog::ProgramOp op, const ProgramContext &context) : op(op), context(context) {}

  std::string write() {
    writeHeader();
    // Slots name arenas, which may stand after them.
    for (prog::ArenaOp arena : op.getOps<prog::ArenaOp>())
      declare(arena);
    for (Operation &child : op.getBody().front())
      if (!isa<prog::ArenaOp>(child))
        declare(&child);
    for (Operation &child : op.getBody().front())
      if (auto block = dyn_cast<prog::BlockOp>(child))
        writeBlock(block);
    for (Operation &child : op.getBody().front())
      if (auto order = dyn_cast<prog::OrderOp>(child))
        writeOrder(order);
    flatbuffers::FlatBufferBuilder builder(1 << 16);
    builder.Finish(fb::Program::Pack(builder, &program), "DPCP");
    return std::string((const char *)builder.GetBufferPointer(), builder.GetSize());
  }

private:
  //===------------------------------------------------------------------===//
  // Declarations
  //===------------------------------------------------------------------===//
  void writeHeader() {
    program.format_major = dpcrt::kFormatMajor;
    program.format_minor = dpcrt::kFormatMinor;
    program.entry = op.getEntry().str();
    program.coordinate = op.getCoordinate();
    program.mesh = std::make_unique<fb::MeshT>();
    program.mesh->pp = context.ranks;
    program.mesh->mirror = context.mirror;
    program.mesh->dp = context.dp;
    program.mesh->ep = context.ep;
    program.micro_batches = op.getMicroBatches();
    program.weighting = op.getWeighting() == "denominator" ? fb::LossWeighting::Denominator
                        : op.getWeighting() == "mean"      ? fb::LossWeighting::Mean
                                                           : fb::LossWeighting::Sum;
    program.optimizer = op.getOptimizer().str();
    for (Attribute attr : op.getStreams()) {
      auto kind = cast<prog::StreamKindAttr>(attr).getValue();
      streamNumber[kind] = program.streams.size();
      auto stream = std::make_unique<fb::StreamT>();
      stream->name = prog::stringifyStreamKind(kind).str();
      stream->kind = fb::StreamKind(kind);
      program.streams.push_back(std::move(stream));
    }
  }

  void declare(Operation *child) {
    llvm::TypeSwitch<Operation *>(child)
        .Case([&](prog::ArenaOp arena) {
          arenaNumber[arena.getSymName()] = program.arenas.size();
          auto table = std::make_unique<fb::ArenaT>();
          table->name = arena.getSymName().str();
          table->role = fb::ArenaRole(arena.getRole());
          table->bytes = arena.getBytes();
          if (arena.getRole() == prog::ArenaRole::StepRecord) {
            program.step_record = std::make_unique<fb::StepRecordT>();
            program.step_record->arena = program.arenas.size();
            program.step_record->header = std::make_unique<fb::Ref>(
                fb::Space::Arena, kBytes, program.arenas.size(), 0, sizeof(dpcrt::StepHeader));
          }
          program.arenas.push_back(std::move(table));
        })
        .Case([&](prog::GroupOp group) {
          groupNumber[group.getSymName()] = program.groups.size();
          auto table = std::make_unique<fb::GroupT>();
          table->name = group.getSymName().str();
          table->pp.assign(group.getMembers().begin(), group.getMembers().end());
          table->over = fb::Axes(group.getOver().value_or(prog::Axes{}));
          program.groups.push_back(std::move(table));
        })
        .Case([&](prog::KernelOp kernel) { declareKernel(kernel); })
        .Case([&](prog::TensorOp tensor) {
          auto &list = tensor.getOutput() ? program.outputs : program.inputs;
          (tensor.getOutput() ? outputNumber : inputNumber)[tensor.getName()] = list.size();
          list.push_back(tensorOf(tensor.getName(), tensor.getType()));
        })
        .Case([&](prog::SlotOp slot) { bind(slot); })
        .Case([&](prog::ParameterOp parameter) { declareParameter(parameter); })
        .Case([&](prog::PartOp part) { declarePart(part); })
        .Case([&](prog::ConstantOp constant) { declareConstant(constant); });
  }

  void declareKernel(prog::KernelOp kernel) {
    kernelNumber[kernel.getSymName()] = program.kernels.size();
    auto table = std::make_unique<fb::KernelT>();
    table->symbol = kernel.getSymName().str();
    for (auto [buffer, access] :
         llvm::zip(kernel.getBuffers().getAsValueRange<TypeAttr>(), kernel.getBufferAccess()))
      table->buffers.push_back(
          bufferOf(cast<prog::SlotType>(buffer), cast<prog::AccessAttr>(access).getValue()));
    if (auto it = context.kernels.find(table->symbol); it != context.kernels.end()) {
      table->flops = it->second.flops;
      table->bytes = it->second.bytes;
    }
    program.kernels.push_back(std::move(table));
  }

  void declareParameter(prog::ParameterOp parameter) {
    auto table = std::make_unique<fb::ParameterT>();
    table->tensor = tensorOf(parameter.getName(), parameter.getType());
    table->trained = (bool)parameter.getGradient();
    table->counted = parameter.getCounted();
    table->weight = std::make_unique<fb::Ref>(ref(parameter.getWeight()));
    if (parameter.getMaster()) {
      table->master = std::make_unique<fb::Ref>(ref(parameter.getMaster()));
      program.features |= dpcrt::kFeatureMasters;
    }
    if (parameter.getGradient())
      table->gradient = std::make_unique<fb::Ref>(ref(parameter.getGradient()));
    for (Value slot : parameter.getMoments())
      table->moments.push_back(ref(slot));
    for (Attribute name : parameter.getMomentNames())
      table->moment_names.push_back(cast<StringAttr>(name).str());
    if (parameter.getRecordEntry())
      table->record = std::make_unique<fb::Ref>(
          fb::Space::Arena, kBytes, program.step_record->arena,
          sizeof(dpcrt::StepHeader) + sizeof(dpcrt::StepEntry) * *parameter.getRecordEntry(),
          sizeof(dpcrt::StepEntry));
    program.parameters.push_back(std::move(table));
  }

  void declarePart(prog::PartOp part) {
    auto table = std::make_unique<fb::PartT>();
    table->begin = part.getBegin();
    table->elements = part.getElements();
    if (std::optional<ArrayRef<int64_t>> replicas = part.getReplicas())
      table->replicas.assign(replicas->begin(), replicas->end());
    for (Value slot : part.getMoments())
      table->moments.push_back(ref(slot));
    if (part.getMaster()) {
      table->master = std::make_unique<fb::Ref>(ref(part.getMaster()));
      program.features |= dpcrt::kFeatureMasters;
    }
    program.features |= dpcrt::kFeatureParts;
    for (auto &parameter : llvm::reverse(program.parameters)) // it stands behind its own
      if (parameter->tensor->name == part.getParameter()) {
        parameter->parts.push_back(std::move(table));
        return;
      }
  }

  void declareConstant(prog::ConstantOp constant) {
    auto table = std::make_unique<fb::ConstantT>();
    table->name = "constant" + std::to_string(program.constants.size());
    fb::Ref dst = ref(constant.getSlot());
    table->dst = std::make_unique<fb::Ref>(dst);
    std::string bytes = bytesOf(constant.getValue());
    bytes.resize(dst.bytes());
    if (context.constants) {
      auto [it, isNew] = context.constantOffsets->try_emplace(bytes, context.constants->size());
      if (isNew) {
        *context.constants += bytes;
        context.constants->resize((context.constants->size() + 63) / 64 * 64);
      }
      table->file_offset = it->second;
    }
    program.constants.push_back(std::move(table));
  }
  static std::string bytesOf(ElementsAttr value) {
    auto dense = cast<DenseElementsAttr>(value);
    int64_t count = dense.getNumElements();
    if (dense.getElementType().isInteger(1)) {
      std::string bytes;
      for (bool element : dense.getValues<bool>())
        bytes.push_back(element);
      return bytes;
    }
    ArrayRef<char> raw = dense.getRawData();
    if (!dense.isSplat())
      return std::string(raw.data(), raw.size());
    std::string bytes;
    for (int64_t i = 0; i < count; ++i)
      bytes.append(raw.data(), raw.size());
    return bytes;
  }

  //===------------------------------------------------------------------===//
  // Slots, events, strings
  //===------------------------------------------------------------------===//
  void bind(prog::SlotOp slot) {
    slots[slot.getResult()] =
        fb::Ref(fb::Space::Arena, dtypeOf(slot.getType().getElementType()),
                arenaNumber.lookup(slot.getArena()), slot.getOffset(), slot.getType().getBytes());
  }
  fb::Ref ref(Value value) const { return slots.lookup(value); }
  uint32_t string(const std::string &text) {
    auto [it, isNew] = stringNumber.try_emplace(text, program.strings.size());
    if (isNew)
      program.strings.push_back(text);
    return it->second;
  }
  std::vector<uint32_t> numbersOf(ValueRange values) {
    std::vector<uint32_t> result;
    for (Value value : values)
      result.push_back(events.lookup(value));
    return result;
  }
  // An event nobody waits for needs no number.
  int32_t define(Value value, uint32_t &count) {
    if (value.use_empty())
      return -1;
    events[value] = count;
    return count++;
  }

  //===------------------------------------------------------------------===//
  // Blocks and the order
  //===------------------------------------------------------------------===//
  void writeBlock(prog::BlockOp block) {
    blockNumber[block.getSymName()] = program.blocks.size();
    auto table = std::make_unique<fb::BlockT>();
    table->name = string(block.getSymName().str());
    table->kind = fb::TaskKind(block.getKind());
    table->stage = block.getStage();
    table->pair_stage = block.getPairStage();
    Block &body = block.getBody().front();
    unsigned operands = block.getOperandAccess().size();
    for (unsigned k = 0; k < operands; ++k) {
      auto operand = std::make_unique<fb::OperandT>();
      operand->name = string(cast<StringAttr>(block.getOperandNames()[k]).str());
      auto slot = cast<prog::SlotType>(body.getArgument(k).getType());
      operand->bytes = slot.getBytes();
      operand->dtype = dtypeOf(slot.getElementType());
      operand->access = fb::Access(cast<prog::AccessAttr>(block.getOperandAccess()[k]).getValue());
      slots[body.getArgument(k)] =
          fb::Ref(fb::Space::Operand, operand->dtype, k, 0, operand->bytes);
      events[body.getArgument(operands + k)] = k;
      table->operands.push_back(std::move(operand));
    }
    table->events = operands;

    // The streams a block uses, compute first.
    localStream.clear();
    localStream[prog::StreamKind::Compute] = 0;
    for (Operation &child : body)
      if (auto collective = dyn_cast<prog::CollectiveOp>(child))
        localStream.try_emplace(collective.getStream(), localStream.size());
    table->streams = localStream.size();
    blockStreams.push_back({});
    blockStreams.back().resize(localStream.size());
    for (auto [kind, number] : localStream)
      blockStreams.back()[number] = streamNumber[kind];
    for (Operation &child : body) {
      if (auto slot = dyn_cast<prog::SlotOp>(child))
        bind(slot);
      else if (auto results = dyn_cast<prog::ResultsOp>(child)) {
        table->results = numbersOf(results.getEvents());
        table->result_operands.assign(results.getCompleted().begin(), results.getCompleted().end());
      } else {
        table->commands.push_back(command(child, localStream, table->events));
      }
    }
    program.blocks.push_back(std::move(table));
  }

  void writeOrder(prog::OrderOp order) {
    for (Operation &child : order.getBody().front()) {
      if (auto slot = dyn_cast<prog::SlotOp>(child))
        bind(slot);
      else
        program.order.push_back(command(child, streamNumber, program.events));
    }
  }

  using Streams = std::map<prog::StreamKind, uint16_t>;

  std::unique_ptr<fb::CommandT> command(Operation &child, Streams &streams, uint32_t &count) {
    auto table = std::make_unique<fb::CommandT>();
    auto interface = cast<prog::CommandOpInterface>(child);
    table->label = string(nn::describe(child.getLoc()));
    if (!isa<prog::ExchangeOp>(child))
      for (Value wait : interface.getWaits())
        table->waits.push_back(events.lookup(wait));
    auto on = [&](auto typed) { table->stream = streams.at(typed.getStream()); };
    llvm::TypeSwitch<Operation *>(&child)
        .Case([&](prog::LaunchOp launch) {
          on(launch);
          fb::LaunchT action;
          action.kernel = kernelNumber.lookup(launch.getKernel());
          const fb::KernelT &kernel = *program.kernels[action.kernel];
          for (auto [slot, buffer] : llvm::zip(launch.getSlots(), kernel.buffers))
            action.args.push_back(fb::Argument(ref(slot), buffer.access()));
          if (std::optional<ArrayRef<int64_t>> replicas = launch.getReplicas()) {
            table->replicas.assign(replicas->begin(), replicas->end());
            program.features |= dpcrt::kFeatureParts;
          }
          if (launch.getComparesMirrors()) {
            table->compares_mirrors = true;
            program.features |= dpcrt::kFeatureMirrors;
          }
          table->action.Set(std::move(action));
        })
        .Case([&](prog::CallOp call) {
          on(call);
          table->action.Set(writeCall(call));
        })
        .Case([&](prog::CopyOp copy) {
          on(copy);
          fb::CopyT action;
          action.src = std::make_unique<fb::Ref>(ref(copy.getSrc()));
          action.dst = std::make_unique<fb::Ref>(ref(copy.getDst()));
          table->action.Set(std::move(action));
        })
        .Case([&](prog::FillOp fill) {
          on(fill);
          fb::FillT action;
          action.dst = std::make_unique<fb::Ref>(ref(fill.getDst()));
          action.pattern = fill.getPattern();
          table->action.Set(std::move(action));
        })
        .Case([&](prog::FeedOp feed) {
          on(feed);
          fb::FeedT action;
          action.input = inputNumber.lookup(feed.getInput());
          action.micro_batch = feed.getMicroBatch();
          action.dst = std::make_unique<fb::Ref>(ref(feed.getDst()));
          table->action.Set(std::move(action));
        })
        .Case([&](prog::FetchOp fetch) {
          on(fetch);
          fb::FetchT action;
          action.output = outputNumber.lookup(fetch.getOutput());
          action.micro_batch = fetch.getMicroBatch();
          action.src = std::make_unique<fb::Ref>(ref(fetch.getSrc()));
          table->action.Set(std::move(action));
        })
        .Case([&](prog::CollectiveOp collective) {
          on(collective);
          fb::CollectiveT action;
          action.kind = fb::CollectiveKind(collective.getKind());
          action.group = groupNumber.lookup(collective.getGroup());
          action.src = std::make_unique<fb::Ref>(ref(collective.getSrc()));
          action.dst = std::make_unique<fb::Ref>(ref(collective.getDst()));
          if (std::optional<ArrayRef<int64_t>> parts = collective.getParts()) {
            const prog::SlotType whole = collective.getSrc().getType();
            const int64_t size = whole.getBytes() / std::max<int64_t>(whole.getCount(), 1);
            for (int64_t part : *parts)
              action.parts.push_back(part * size);
            program.features |= dpcrt::kFeatureParts;
          }
          table->action.Set(std::move(action));
        })
        .Case([&](prog::JoinOp join) {
          on(join);
          table->action.Set(fb::JoinT());
        })
        .Case([&](prog::ExchangeOp exchange) {
          on(exchange);
          table->action.Set(writeExchange(exchange, count));
        })
        .Case([&](prog::RunOp run) { table->action.Set(writeRun(run, count, table->stream)); });
    table->signal = define(interface.getDoneEvent(), count);
    return table;
  }

  fb::CallT writeCall(prog::CallOp call) {
    fb::CallT action;
    auto table = std::make_unique<fb::LibraryCallT>();
    std::string key;
    llvm::raw_string_ostream text(key);
    text << call.getFunction();
    for (auto [slot, access] : call.getAccesses()) {
      action.args.push_back(fb::Argument(ref(slot), fb::Access(access)));
      table->operands.push_back(bufferOf(cast<prog::SlotType>(slot.getType()), access));
      text << ' ' << slot.getType();
    }
    auto [it, isNew] = libraryNumber.try_emplace(key, program.library.size());
    if (isNew) {
      call.getFunction().pack(table->function);
      program.library.push_back(std::move(table));
    }
    action.call = it->second;
    return action;
  }

  fb::ExchangeT writeExchange(prog::ExchangeOp exchange, uint32_t &count) {
    fb::ExchangeT action;
    unsigned number = 0;
    auto add = [&](auto transfer, fb::Direction direction) {
      auto table = std::make_unique<fb::TransferT>();
      table->direction = direction;
      table->peer = transfer.getPeer();
      table->message = transfer.getMessage();
      table->ref = std::make_unique<fb::Ref>(ref(transfer.getSlot()));
      table->after = numbersOf(transfer.getAfter());
      table->signal = define(exchange.getComplete()[number++], count);
      action.transfers.push_back(std::move(table));
    };
    for (Operation &child : exchange.getBody().front()) {
      if (auto send = dyn_cast<prog::SendOp>(child))
        add(send, fb::Direction::Send);
      else
        add(cast<prog::RecvOp>(child), fb::Direction::Receive);
    }
    return action;
  }

  fb::RunT writeRun(prog::RunOp run, uint32_t &count, uint16_t &stream) {
    fb::RunT action;
    action.block = blockNumber.lookup(run.getBlock());
    for (Value slot : run.getSlots())
      action.operands.push_back(ref(slot));
    action.operand_events.assign(action.operands.size(), -1);
    for (auto [event, operand] : llvm::zip(run.getReady(), run.getReadyOperands()))
      action.operand_events[operand] = events.lookup(event);
    for (Value result : run.getResults())
      action.result_events.push_back(define(result, count));
    action.streams = blockStreams[action.block];
    stream = action.streams.front();
    action.micro_batch = run.getMicroBatch();
    action.pair_micro_batch = run.getPairMicroBatch();
    return action;
  }

  prog::ProgramOp op;
  const ProgramContext &context;
  fb::ProgramT program;
  llvm::StringMap<uint32_t> arenaNumber, groupNumber, kernelNumber, inputNumber, outputNumber,
      blockNumber;
  std::map<std::string, uint32_t> stringNumber, libraryNumber;
  Streams streamNumber, localStream;
  std::vector<std::vector<uint16_t>> blockStreams;
  llvm::DenseMap<Value, fb::Ref> slots;
  llvm::DenseMap<Value, uint32_t> events;
};

} // namespace

std::string writeProgram(prog::ProgramOp program, const ProgramContext &context) {
  return Writer(program, context).write();
}

} // namespace dpc::artifact
