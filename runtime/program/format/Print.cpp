// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program as text.

#include "program/format/Print.h"

#include "program/format/Axes.h"
#include "program/format/LibraryFunction.h"
#include "program/format/Naming.h"

#include <cstdio>
#include <map>
#include <sstream>

using namespace dpcrt;

std::string dpcrt::bytesInWords(uint64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  const char *units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  int unit = 0;
  for (; value >= 1024 && unit < 5; ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

/// "1 kernel", "2 kernels".
static std::string counted(uint64_t number, const char *noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

namespace {

class Printer {
public:
  Printer(const fb::Program &program, const PrintOptions &options)
      : program(program), options(options) {}

  void printHeader();
  void printTables();
  void printBlocks(bool commands);
  void printBlock(const fb::Block &block, bool commands);
  void printOrder();
  std::string take() { return out.str(); }

private:
  void printCommand(const fb::Block *block, uint32_t index);
  void printAction(const fb::Block *block, const fb::Command &command);
  void printRun(const fb::Run &run);
  void printExchange(const fb::Exchange &exchange);
  void printArguments(const fb::Block *block,
                      const flatbuffers::Vector<const fb::Argument *> *arguments);
  void printMoments(const fb::Parameter &parameter,
                    const flatbuffers::Vector<const fb::Ref *> *moments);
  void printPart(const fb::Parameter &parameter, const fb::Part &part);
  std::string replicasOf(const flatbuffers::Vector<uint32_t> *replicas) const;
  void printFunction(const fb::DeviceFunction &function);
  void printFunctions(const fb::DeviceShape &shape);
  void printBuffers(const flatbuffers::Vector<const fb::Buffer *> *buffers);
  void printTensors(const char *title,
                    const flatbuffers::Vector<flatbuffers::Offset<fb::Tensor>> *tensors);
  void printTensor(const fb::Tensor &tensor);
  template <typename T> void printNumbers(const T *numbers, const char *between);
  std::string place(const fb::Block *block, const fb::Ref &ref) const;

  const fb::Program &program;
  const PrintOptions &options;
  std::ostringstream out;
};

} // namespace

/// A whole operand by its name alone, anything else with its bytes.
std::string Printer::place(const fb::Block *block, const fb::Ref &ref) const {
  std::string name = rangeName(program, block, ref);
  if (block && ref.space() == fb::Space::Operand && ref.offset() == 0 &&
      ref.bytes() == block->operands()->Get(ref.index())->bytes())
    name.resize(name.rfind('['));
  return name;
}

template <typename T> void Printer::printNumbers(const T *numbers, const char *between) {
  const char *separator = "";
  for (auto number : items(numbers)) {
    out << separator << number;
    separator = between;
  }
}

void Printer::printHeader() {
  const fb::Mesh &mesh = *program.mesh();
  out << "program " << quoted(text(program.entry())) << " of rank " << program.coordinate()
      << ", format " << program.format_major() << "." << program.format_minor() << "\n"
      << "mesh pp=" << mesh.pp() << " mirror=" << mesh.mirror() << " dp=" << mesh.dp()
      << " ep=" << mesh.ep() << " tp=" << mesh.tp() << ", " << program.micro_batches()
      << (program.micro_batches() == 1 ? " micro-batch" : " micro-batches");
  if (!text(program.optimizer()).empty())
    out << ", optimizer " << plainText(text(program.optimizer()));
  out << "\nstreams";
  uint32_t index = 0;
  for (const fb::Stream *stream : items(program.streams()))
    out << (index ? ", " : " ") << streamName(program, index++) << " ("
        << streamKindName(stream->kind()) << ")";
  out << "\narenas\n";
  for (const fb::Arena *arena : items(program.arenas()))
    out << "  " << plainText(text(arena->name())) << ": " << roleName(arena->role()) << ", "
        << bytesInWords(arena->bytes()) << (arena->host() ? ", in host memory" : "") << "\n";

  uint64_t messages = 0, bytes = 0;
  std::map<std::string, uint64_t> kinds;
  for (const fb::Command *command : items(program.order())) {
    ++kinds[actionNoun(*command)];
    if (const fb::Exchange *exchange = command->action_as_Exchange())
      for (const fb::Transfer *transfer : items(exchange->transfers())) {
        ++messages;
        bytes += transfer->ref()->bytes();
      }
  }
  out << counted(count(program.blocks()), "block") << ", "
      << counted(count(program.kernels()), "kernel") << ", "
      << counted(count(program.library()), "library call") << ", "
      << counted(count(program.parameters()), "parameter") << "\n"
      << counted(count(program.order()), "command") << " in a step";
  const char *separator = ": ";
  for (const auto &[kind, number] : kinds) {
    out << separator << number << " " << kind;
    separator = ", ";
  }
  out << "\n"
      << counted(messages, "message") << " sent or received, " << bytesInWords(bytes) << "\n";
}

void Printer::printTensor(const fb::Tensor &tensor) {
  out << plainText(text(tensor.name())) << " ";
  for (uint64_t size : items(tensor.shape()))
    out << size << "x";
  out << nameOf(elementOf(tensor));
}

void Printer::printTensors(const char *title,
                           const flatbuffers::Vector<flatbuffers::Offset<fb::Tensor>> *tensors) {
  if (count(tensors) == 0)
    return;
  out << title;
  const char *separator = " ";
  for (const fb::Tensor *tensor : items(tensors)) {
    out << separator;
    printTensor(*tensor);
    separator = ", ";
  }
  out << "\n";
}

void Printer::printTables() {
  printTensors("inputs", program.inputs());
  printTensors("outputs", program.outputs());
  if (count(program.groups())) {
    out << "groups\n";
    for (const fb::Group *group : items(program.groups())) {
      out << "  " << plainText(text(group->name())) << ": ranks ";
      printNumbers(group->pp(), " ");
      if (group->over() != fb::Axes::NONE)
        out << ", all of " << inWords(group->over());
      out << "\n";
    }
  }
  if (count(program.kernels())) {
    out << "kernels\n";
    for (const fb::Kernel *kernel : items(program.kernels())) {
      out << "  " << plainText(text(kernel->symbol()));
      printBuffers(kernel->buffers());
      out << ", " << kernel->flops() << " flops, " << kernel->bytes() << " bytes\n";
      if (options.kernels)
        if (const fb::DeviceShape *shape = options.kernels->findFunctions(text(kernel->symbol())))
          printFunctions(*shape);
    }
  }
  if (options.kernels && count(options.kernels->sums())) {
    out << "sums\n";
    for (const fb::SumFunction *sum : items(options.kernels->sums())) {
      out << "  " << sum->sources() << " of " << nameOf(*elementNumbered(sum->element())) << "\n";
      printFunction(*sum->function());
    }
  }
  if (count(program.library())) {
    out << "library calls\n";
    uint32_t index = 0;
    for (const fb::LibraryCall *call : items(program.library())) {
      const LibraryFunction &function = *findLibraryFunction(call->function_type());
      out << "  " << index++ << ": " << function.name();
      printBuffers(call->operands());
      out << " ";
      function.print(out, *call);
      out << "\n";
    }
  }
  if (count(program.parameters())) {
    out << "parameters\n";
    for (const fb::Parameter *parameter : items(program.parameters())) {
      out << "  ";
      printTensor(*parameter->tensor());
      out << " at " << place(nullptr, *parameter->weight());
      if (parameter->master())
        out << ", master " << place(nullptr, *parameter->master());
      if (parameter->gradient())
        out << ", gradient " << place(nullptr, *parameter->gradient());
      printMoments(*parameter, parameter->moments());
      out << (parameter->trained() ? "" : ", not trained")
          << (parameter->counted() ? ", counted in norms\n" : "\n");
      for (const fb::Part *part : items(parameter->parts()))
        printPart(*parameter, *part);
    }
  }
  if (count(program.constants())) {
    out << "constants\n";
    for (const fb::Constant *constant : items(program.constants()))
      out << "  " << plainText(text(constant->name())) << " at " << place(nullptr, *constant->dst())
          << " from file offset " << constant->file_offset() << "\n";
  }
}

void Printer::printMoments(const fb::Parameter &parameter,
                           const flatbuffers::Vector<const fb::Ref *> *moments) {
  for (uint32_t k = 0; k < count(moments); ++k)
    out << ", " << plainText(text(parameter.moment_names()->Get(k))) << " "
        << place(nullptr, *moments->Get(k));
}

void Printer::printPart(const fb::Parameter &parameter, const fb::Part &part) {
  out << "    elements [" << part.begin() << ".." << part.begin() + part.elements() << ")";
  if (count(part.replicas()) > 0)
    out << " on" << replicasOf(part.replicas());
  if (part.master())
    out << ", master " << place(nullptr, *part.master());
  printMoments(parameter, part.moments());
  out << "\n";
}

void Printer::printFunction(const fb::DeviceFunction &function) {
  out << "    " << plainText(text(function.symbol())) << ": " << counted(function.grid(), "block")
      << " of " << function.block() << " threads, " << bytesInWords(function.shared_bytes())
      << " shared";
  for (const fb::DeviceUse *use : items(function.uses())) {
    out << "; " << plainText(text(use->architecture())) << " "
        << counted(use->registers(), "register");
    if (use->spill_bytes() || use->stack_bytes())
      out << ", " << bytesInWords(use->spill_bytes()) << " spilled, "
          << bytesInWords(use->stack_bytes()) << " of stack";
  }
  out << "\n";
}

void Printer::printFunctions(const fb::DeviceShape &shape) {
  for (const fb::DeviceFunction *function : items(shape.functions()))
    printFunction(*function);
  if (shape.scratch_bytes())
    out << "    scratch of a queue: " << bytesInWords(shape.scratch_bytes()) << "\n";
}

/// " replica 0", " replicas 0 2".
std::string Printer::replicasOf(const flatbuffers::Vector<uint32_t> *replicas) const {
  std::string words = count(replicas) == 1 ? " replica" : " replicas";
  for (uint32_t replica : items(replicas))
    words += " " + std::to_string(replica);
  return words;
}

/// "(read 64 f32, write 32 bf16)": bytes of elements.
void Printer::printBuffers(const flatbuffers::Vector<const fb::Buffer *> *buffers) {
  const char *separator = "(";
  for (const fb::Buffer *buffer : items(buffers)) {
    out << separator << accessName(buffer->access()) << " " << buffer->bytes() << " "
        << nameOf(elementOf(*buffer));
    separator = ", ";
  }
  out << ")";
}

void Printer::printArguments(const fb::Block *block,
                             const flatbuffers::Vector<const fb::Argument *> *arguments) {
  const char *separator = "(";
  for (const fb::Argument *argument : items(arguments)) {
    out << separator << place(block, argument->ref());
    if (argument->access() != fb::Access::Read)
      out << (argument->access() == fb::Access::Write ? " out" : " inout");
    separator = ", ";
  }
  out << ")";
}

void Printer::printExchange(const fb::Exchange &exchange) {
  const char *separator = "";
  for (const fb::Transfer *transfer : items(exchange.transfers())) {
    bool send = transfer->direction() == fb::Direction::Send;
    out << separator << (send ? "send " : "receive ") << nameOf(elementOf(*transfer->ref())) << " "
        << place(nullptr, *transfer->ref()) << (send ? " to " : " from ") << transfer->peer()
        << " as message " << transfer->message();
    for (uint32_t event : items(transfer->after()))
      out << " after e" << event;
    if (transfer->signal() >= 0)
      out << " -> e" << transfer->signal();
    separator = "; ";
  }
}

void Printer::printRun(const fb::Run &run) {
  const fb::Block &block = *program.blocks()->Get(run.block());
  out << taskName(program, run) << " = " << blockName(program, block);
  const char *separator = "(";
  for (uint32_t k = 0; k < count(run.operands()); ++k) {
    std::string_view name = text(program, block.operands()->Get(k)->name());
    out << separator;
    if (!name.empty())
      out << plainText(name) << "=";
    out << place(nullptr, *run.operands()->Get(k));
    if (run.operand_events()->Get(k) >= 0)
      out << " after e" << run.operand_events()->Get(k);
    separator = ", ";
  }
  out << (count(run.operands()) ? ")" : "()");
  separator = " -> ";
  for (uint32_t k = 0; k < count(run.result_events()); ++k) {
    if (run.result_events()->Get(k) < 0)
      continue;
    const fb::Operand *operand = block.operands()->Get(block.result_operands()->Get(k));
    out << separator << plainText(text(program, operand->name())) << " e"
        << run.result_events()->Get(k);
    separator = ", ";
  }
}

void Printer::printAction(const fb::Block *block, const fb::Command &command) {
  switch (command.action_type()) {
  case fb::Action::Launch: {
    const fb::Launch &launch = *command.action_as_Launch();
    out << plainText(text(program.kernels()->Get(launch.kernel())->symbol()));
    return printArguments(block, launch.args());
  }
  case fb::Action::Call: {
    const fb::Call &call = *command.action_as_Call();
    const fb::LibraryCall &library = *program.library()->Get(call.call());
    out << findLibraryFunction(library.function_type())->name() << " " << call.call();
    return printArguments(block, call.args());
  }
  case fb::Action::Copy:
    out << place(block, *command.action_as_Copy()->src()) << " to "
        << place(block, *command.action_as_Copy()->dst());
    return;
  case fb::Action::Fill: {
    char pattern[16];
    std::snprintf(pattern, sizeof pattern, "0x%08x", unsigned(command.action_as_Fill()->pattern()));
    out << place(block, *command.action_as_Fill()->dst()) << " with " << pattern;
    return;
  }
  case fb::Action::Feed: {
    const fb::Feed &feed = *command.action_as_Feed();
    out << quoted(text(program.inputs()->Get(feed.input())->name())) << " m" << feed.micro_batch()
        << " to " << place(block, *feed.dst());
    return;
  }
  case fb::Action::Fetch: {
    const fb::Fetch &fetch = *command.action_as_Fetch();
    out << quoted(text(program.outputs()->Get(fetch.output())->name())) << " m"
        << fetch.micro_batch() << " from " << place(block, *fetch.src());
    return;
  }
  case fb::Action::Exchange:
    return printExchange(*command.action_as_Exchange());
  case fb::Action::Collective: {
    const fb::Collective &collective = *command.action_as_Collective();
    out << nameOf(elementOf(collective)) << " " << place(block, *collective.src());
    if (count(collective.parts()) > 0)
      out << " in parts of";
    else
      out << " to " << place(block, *collective.dst());
    for (uint64_t part : items(collective.parts()))
      out << " " << part;
    out << " among " << plainText(text(program.groups()->Get(collective.group())->name()));
    return;
  }
  case fb::Action::Run:
    return printRun(*command.action_as_Run());
  case fb::Action::Join:
  case fb::Action::NONE:
    return;
  }
}

void Printer::printCommand(const fb::Block *block, uint32_t index) {
  const fb::Command &command = *(block ? block->commands() : program.order())->Get(index);
  out << "  #" << index << " ";
  if (const fb::Run *run = command.action_as_Run()) {
    const char *separator = "";
    for (uint16_t stream : items(run->streams())) {
      out << separator << streamName(program, stream);
      separator = "+";
    }
  } else if (block) {
    out << "stream " << command.stream();
  } else {
    out << streamName(program, command.stream());
  }
  const char *separator = " after e";
  for (uint32_t event : items(command.waits())) {
    out << separator << event;
    separator = " e";
  }
  out << ": " << actionNoun(command);
  if (count(command.replicas()) > 0)
    out << " on" << replicasOf(command.replicas());
  if (command.compares_mirrors())
    out << " if comparing";
  if (command.action_type() != fb::Action::Join)
    out << " ";
  printAction(block, command);
  if (command.signal() >= 0)
    out << " -> " << (command.action_as_Run() ? "done " : "") << "e" << command.signal();
  std::string_view label = text(program, command.label());
  if (!label.empty())
    out << "  " << quoted(label);
  out << "\n";
}

void Printer::printBlock(const fb::Block &block, bool commands) {
  out << "block " << blockName(program, block) << ": " << taskName(program, block) << ", "
      << counted(block.streams(), "stream") << ", " << counted(count(block.commands()), "command")
      << "\n";
  if (!commands)
    return;
  uint32_t index = 0;
  for (const fb::Operand *operand : items(block.operands())) {
    out << "  operand " << index << " %" << plainText(text(program, operand->name())) << ": "
        << accessName(operand->access()) << " " << operand->bytes() << " B of "
        << nameOf(elementOf(*operand)) << ", ready at e" << index << "\n";
    ++index;
  }
  for (uint32_t k = 0; k < count(block.results()); ++k)
    out << "  result " << k << " %"
        << plainText(text(program, block.operands()->Get(block.result_operands()->Get(k))->name()))
        << ": at e" << block.results()->Get(k) << "\n";
  for (uint32_t k = 0; k < count(block.commands()); ++k)
    printCommand(&block, k);
}

void Printer::printBlocks(bool commands) {
  for (const fb::Block *block : items(program.blocks()))
    printBlock(*block, commands);
}

void Printer::printOrder() {
  out << "order\n";
  for (uint32_t k = 0; k < count(program.order()); ++k)
    printCommand(nullptr, k);
}

std::string dpcrt::printProgram(const fb::Program &program, const PrintOptions &options) {
  Printer printer(program, options);
  if (!options.block.empty()) {
    for (const fb::Block *block : items(program.blocks()))
      if (text(program, block->name()) == options.block)
        printer.printBlock(*block, true);
    return printer.take();
  }
  printer.printHeader();
  if (options.tables)
    printer.printTables();
  printer.printBlocks(options.blocks);
  if (options.order)
    printer.printOrder();
  return printer.take();
}
