// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Programs.h"

#include "dpc/Driver/Registry.h"

#include "mlir/Parser/Parser.h"

using namespace mlir;
namespace fb = dpcrt::fb;

static DialectRegistry allDialects() {
  DialectRegistry registry;
  dpc::registerAllDialects(registry);
  return registry;
}

mutants::ProgramSet::ProgramSet() : context(allDialects()) {}

bool mutants::ProgramSet::load(const std::string &path) {
  module = parseSourceFile<ModuleOp>(path, &context);
  if (!module)
    return false;
  written = std::make_unique<dpc::artifact::WrittenPrograms>(*module);
  if (!written->areComplete)
    return false;
  entry = written->entries.front().first.str();
  programs = dpc::artifact::viewsOf(written->entries.front().second);
  return true;
}

mutants::Programs mutants::ProgramSet::unpack(ArrayRef<unsigned> ranks) const {
  Programs copies;
  for (unsigned rank : ranks)
    programs[rank]->UnPackTo(&copies[rank]);
  return copies;
}

mutants::Programs mutants::ProgramSet::unpack() const {
  return unpack(llvm::to_vector(llvm::seq<unsigned>(0, programs.size())));
}

std::string mutants::pack(const fb::ProgramT &program) {
  flatbuffers::FlatBufferBuilder builder(1 << 16);
  builder.Finish(fb::Program::Pack(builder, &program), "DPCP");
  return std::string((const char *)builder.GetBufferPointer(), builder.GetSize());
}

void mutants::mapRanges(fb::CommandT &command, llvm::function_ref<fb::Ref(const fb::Ref &)> map) {
  auto arguments = [&](std::vector<fb::Argument> &list) {
    for (fb::Argument &argument : list)
      argument = fb::Argument(map(argument.ref()), argument.access());
  };
  auto one = [&](std::unique_ptr<fb::Ref> &ref) { *ref = map(*ref); };
  if (auto *launch = command.action.AsLaunch())
    arguments(launch->args);
  if (auto *call = command.action.AsCall())
    arguments(call->args);
  if (auto *copy = command.action.AsCopy()) {
    one(copy->src);
    one(copy->dst);
  }
  if (auto *feed = command.action.AsFeed())
    one(feed->dst);
  if (auto *fetch = command.action.AsFetch())
    one(fetch->src);
  if (auto *collective = command.action.AsCollective()) {
    one(collective->src);
    one(collective->dst);
  }
  if (auto *run = command.action.AsRun())
    for (fb::Ref &operand : run->operands)
      operand = map(operand);
  if (auto *exchange = command.action.AsExchange())
    for (auto &transfer : exchange->transfers)
      one(transfer->ref);
}
