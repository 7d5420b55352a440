// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Execute.h.
#include "Execute.h"

#include "Collectives.h"
#include "Memory.h"
#include "program/format/Axes.h"
#include "program/format/Naming.h"

#include <algorithm>
#include <deque>

namespace fb = dpcrt::fb;
using dpcrt::items;

namespace dpc::proof {
namespace {

struct Operand {
  bool isOperand; // of the block
  uint32_t index;
  uint64_t offset, bytes;
  bool reads = false, writes = false;
};

// A command as it is carried out: decoded once, carried out for every micro-batch.
struct Step {
  fb::Action kind;
  Function function = 0;         // Launch, Call, Collective (a sum's)
  std::vector<Operand> operands; // Launch, Call; (dst, src) of Copy and Collective; one of others
  uint32_t number = 0;           // of an input, an output, a group; a fill's pattern
  uint32_t microBatch = 0;
  fb::CollectiveKind collective = fb::CollectiveKind::AllReduce;
  const fb::Command *command = nullptr;
};

struct Code {
  const fb::Program *program;
  std::vector<Step> order;
  std::vector<std::vector<Step>> blocks;
};

Operand operandOf(const fb::Ref &ref) {
  return {ref.space() == fb::Space::Operand, ref.index(), ref.offset(), ref.bytes()};
}

// A collective under way: what each member brings, and what each takes away.
struct Meeting {
  size_t present = 0;
  std::vector<Pieces> brought, taken;
};

} // namespace

class Execution::Implementation {
public:
  Implementation(const Execution &names, Terms &terms, Sites &sites, Vocabulary &vocabulary)
      : names(names), terms(terms), sites(sites), vocabulary(vocabulary) {}

  std::string decode(const fb::Program &program) {
    codes.push_back({&program, {}, {}});
    Code &code = codes.back();
    grid = {program.mesh()->pp(), program.mesh()->dp(), program.mesh()->ep()};
    std::string problem;
    std::vector<Function> kernels, calls;
    for (const fb::Kernel *kernel : items(program.kernels())) {
      std::optional<Function> function = vocabulary.kernel(*kernel);
      if (!function && problem.empty())
        problem = "kernel " + dpcrt::quoted(dpcrt::text(kernel->symbol())) +
                  " of the program is none of the module's, or takes other buffers";
      kernels.push_back(function.value_or(0));
    }
    for (const fb::LibraryCall *call : items(program.library()))
      calls.push_back(vocabulary.call(*call));
    for (const fb::Block *block : items(program.blocks())) {
      code.blocks.emplace_back();
      for (const fb::Command *command : items(block->commands()))
        code.blocks.back().push_back(stepOf(*command, kernels, calls));
    }
    for (const fb::Command *command : items(program.order()))
      code.order.push_back(stepOf(*command, kernels, calls));
    return problem;
  }

  std::string run(Outcome &outcome) {
    for (uint32_t rank = 0; rank < grid.ranks(); ++rank) {
      const dpcrt::RankPlace place = grid.placeOf(rank);
      ranks.push_back(std::make_unique<Rank>(codes[place.pp], place, terms));
    }
    for (auto &rank : ranks)
      fillArenas(*rank);
    bool isMoving = true;
    while (isMoving && problem.empty()) {
      isMoving = false;
      for (auto &rank : ranks)
        isMoving |= advance(*rank, outcome);
    }
    if (!problem.empty())
      return problem;
    for (auto &rank : ranks)
      if (rank->at < rank->code.order.size())
        return "rank " + std::to_string(rank->place.pp) + " cannot go on at " +
               dpcrt::commandName(*rank->code.program, nullptr, uint32_t(rank->at)) +
               " when every rank takes its commands in the order of its list";
    for (auto &rank : ranks)
      outcome.ranks.push_back(finalOf(*rank));
    return "";
  }

  // A range is a command of the order, of one rank.
  std::string describe(uint64_t range, uint32_t index) const {
    const uint64_t rank = range >> 32, number = range & UINT32_MAX;
    const fb::Program &program = *codes[rank].program;
    const fb::Command &command = *program.order()->Get(uint32_t(number));
    std::string where =
        dpcrt::commandName(program, nullptr, uint32_t(number)) + " of rank " + std::to_string(rank);
    if (const fb::Run *run = command.action_as_Run())
      return dpcrt::commandName(program, program.blocks()->Get(run->block()), index) + " of " +
             where;
    return where;
  }

private:
  struct Rank {
    Rank(const Code &code, const dpcrt::RankPlace &place, const Terms &terms)
        : code(code), place(place), memory(terms) {}
    const Code &code;
    dpcrt::RankPlace place;
    Memory memory;
    size_t at = 0, inner = 0; // in the order, and in the block of the run there
    Site site = 0;            // of the command of the order; 0: not begun
    bool hasPosted = false;   // its part of the exchange or collective
    Meeting *meeting = nullptr;
    std::vector<uint32_t> collectives; // of each group, so far
  };

  Step stepOf(const fb::Command &command, const std::vector<Function> &kernels,
              const std::vector<Function> &calls) {
    Step step;
    step.kind = command.action_type();
    step.command = &command;
    auto addArguments = [&](const flatbuffers::Vector<const fb::Argument *> *arguments) {
      for (const fb::Argument *argument : items(arguments)) {
        Operand operand = operandOf(argument->ref());
        operand.reads = argument->access() != fb::Access::Write;
        operand.writes = argument->access() != fb::Access::Read;
        step.operands.push_back(operand);
      }
    };
    switch (step.kind) {
    case fb::Action::Launch:
      step.function = kernels[command.action_as_Launch()->kernel()];
      addArguments(command.action_as_Launch()->args());
      if (command.compares_mirrors()) {
        step.function = vocabulary.ifComparing(step.function);
        for (Operand &operand : step.operands)
          operand.reads = true;
      }
      break;
    case fb::Action::Call:
      step.function = calls[command.action_as_Call()->call()];
      addArguments(command.action_as_Call()->args());
      break;
    case fb::Action::Copy:
      step.operands = {operandOf(*command.action_as_Copy()->dst()),
                       operandOf(*command.action_as_Copy()->src())};
      break;
    case fb::Action::Fill:
      step.operands = {operandOf(*command.action_as_Fill()->dst())};
      step.number = command.action_as_Fill()->pattern();
      break;
    case fb::Action::Feed:
      step.operands = {operandOf(*command.action_as_Feed()->dst())};
      step.number = command.action_as_Feed()->input();
      step.microBatch = command.action_as_Feed()->micro_batch();
      break;
    case fb::Action::Fetch:
      step.operands = {operandOf(*command.action_as_Fetch()->src())};
      step.number = command.action_as_Fetch()->output();
      step.microBatch = command.action_as_Fetch()->micro_batch();
      break;
    case fb::Action::Collective: {
      const fb::Collective &collective = *command.action_as_Collective();
      step.operands = {operandOf(*collective.dst()), operandOf(*collective.src())};
      step.number = collective.group();
      step.collective = collective.kind();
      step.function = vocabulary.sum(dpcrt::elementOf(*collective.src()));
      break;
    }
    default:
      break;
    }
    return step;
  }

  //===------------------------------------------------------------------===//
  // Before and after the step
  //===------------------------------------------------------------------===//
  void fillArenas(Rank &rank) {
    const fb::Program &program = *rank.code.program;
    rank.collectives.resize(dpcrt::count(program.groups()));
    for (const fb::Arena *arena : items(program.arenas())) {
      std::string name = "bytes of arena " + dpcrt::quoted(dpcrt::text(arena->name())) +
                         " on rank " + std::to_string(rank.place.pp) + " that nothing has written";
      rank.memory.addArena(terms.leaf(name, std::max<uint64_t>(arena->bytes(), 1)), arena->bytes());
    }
    auto put = [&](const fb::Ref *ref, Term term) {
      rank.memory.write(ref->index(), ref->offset(), {{term, 0, ref->bytes()}});
    };
    for (const fb::Constant *constant : items(program.constants()))
      put(constant->dst(), vocabulary.constant(constant->file_offset(), constant->dst()->bytes()));
    if (program.step_record()) {
      const fb::Ref *header = program.step_record()->header();
      put(header, vocabulary.recordHeader(header->bytes()));
    }
    for (const fb::Parameter *p : items(program.parameters())) {
      const std::string name(dpcrt::text(p->tensor()->name()));
      put(p->weight(), vocabulary.parameter(name, "weight", rank.place.ep, p->weight()->bytes()));
      const dpcrt::Kept kept = dpcrt::keptBy(*p, grid.replicaOf(rank.place));
      const uint64_t unit = dpcrt::sizeOf(dpcrt::keptElement(*p)),
                     whole = dpcrt::elementsOf(*p) * unit;
      auto leaf = [&](const fb::Ref *ref, const std::string &what) {
        rank.memory.write(ref->index(), ref->offset(),
                          {{vocabulary.parameter(name, what, rank.place.ep, whole),
                            kept.extent.begin * unit, ref->bytes()}});
      };
      if (kept.master)
        leaf(kept.master, "master");
      for (uint32_t m = 0; m < dpcrt::count(kept.moments); ++m)
        leaf(kept.moments->Get(m), p->moment_names()->Get(m)->str());
      if (p->record())
        put(p->record(), vocabulary.recordEntry(name, p->record()->bytes()));
    }
  }

  FinalRank finalOf(Rank &rank) {
    const fb::Program &program = *rank.code.program;
    FinalRank result;
    auto at = [&](const fb::Ref *ref) {
      return read(rank, ref->index(), ref->offset(), ref->bytes());
    };
    if (program.step_record())
      result.header = at(program.step_record()->header());
    for (const fb::Parameter *p : items(program.parameters())) {
      FinalParameter &parameter = result.parameters[std::string(dpcrt::text(p->tensor()->name()))];
      parameter.declared = p;
      parameter.weight = at(p->weight());
      const dpcrt::Kept kept = dpcrt::keptBy(*p, grid.replicaOf(rank.place));
      parameter.kept = kept.extent;
      if (kept.master)
        parameter.master = at(kept.master);
      if (const fb::Ref *gradient = p->gradient(); gradient && kept.extent.count > 0) {
        const uint64_t unit = dpcrt::sizeOf(dpcrt::keptElement(*p));
        parameter.gradient =
            read(rank, gradient->index(), gradient->offset() + kept.extent.begin * unit,
                 kept.extent.count * unit);
      }
      for (const fb::Ref *moment : items(kept.moments))
        parameter.moments.push_back(at(moment));
    }
    return result;
  }

  Term read(Rank &rank, uint32_t arena, uint64_t offset, uint64_t bytes) {
    pieces.clear();
    rank.memory.read(arena, offset, bytes, pieces);
    return terms.join(pieces);
  }

  //===------------------------------------------------------------------===//
  // The step
  //===------------------------------------------------------------------===//

  // Takes a rank as far as it gets; whether it moved.
  bool advance(Rank &rank, Outcome &outcome) {
    bool hasMoved = false;
    while (rank.at < rank.code.order.size()) {
      const Step &step = rank.code.order[rank.at];
      const fb::Run *run = step.command->action_as_Run();
      const std::vector<Step> *block = run ? &rank.code.blocks[run->block()] : nullptr;
      if (rank.site == 0)
        rank.site = sites.open(names, uint64_t(rank.place.pp) << 32 | rank.at,
                               block ? uint32_t(block->size()) + 1 : 1);
      if (block) {
        for (; rank.inner < block->size(); ++rank.inner) {
          if (!perform(rank, (*block)[rank.inner], run, rank.site + Site(rank.inner), outcome))
            return hasMoved;
          hasMoved = true;
          ++outcome.commands;
        }
      } else if (!perform(rank, step, nullptr, rank.site, outcome)) {
        return hasMoved;
      }
      hasMoved = true;
      ++outcome.commands;
      ++rank.at;
      rank.inner = 0;
      rank.site = 0;
    }
    return hasMoved;
  }

  struct Place {
    uint32_t arena;
    uint64_t offset;
  };
  static Place placeOf(const Operand &operand, const fb::Run *run) {
    if (!operand.isOperand)
      return {operand.index, operand.offset};
    const fb::Ref *bound = run->operands()->Get(operand.index);
    return {bound->index(), bound->offset() + operand.offset};
  }
  Term read(Rank &rank, const Operand &operand, const fb::Run *run) {
    Place place = placeOf(operand, run);
    return read(rank, place.arena, place.offset, operand.bytes);
  }
  void readPieces(Rank &rank, const Operand &operand, const fb::Run *run, Pieces &to) {
    Place place = placeOf(operand, run);
    to.clear();
    rank.memory.read(place.arena, place.offset, operand.bytes, to);
  }
  void write(Rank &rank, const Operand &operand, const fb::Run *run, const Pieces &content) {
    Place place = placeOf(operand, run);
    rank.memory.write(place.arena, place.offset, content);
  }

  // False: it must be tried again when others have moved.
  bool perform(Rank &rank, const Step &step, const fb::Run *run, Site site, Outcome &outcome) {
    switch (step.kind) {
    case fb::Action::Launch:
    case fb::Action::Call: {
      if (!dpcrt::isOf(step.command->replicas(), grid.replicaOf(rank.place)))
        return true;
      arguments.clear();
      for (const Operand &operand : step.operands)
        if (operand.reads)
          arguments.push_back(read(rank, operand, run));
      for (unsigned k = 0; k < step.operands.size(); ++k) {
        const Operand &operand = step.operands[k];
        if (!operand.writes)
          continue;
        one[0] = {terms.apply(step.function, k, arguments, operand.bytes, site), 0, operand.bytes};
        write(rank, operand, run, one);
      }
      return true;
    }
    case fb::Action::Copy:
      readPieces(rank, step.operands[1], run, pieces);
      write(rank, step.operands[0], run, pieces);
      return true;
    case fb::Action::Fill:
      one[0] = {terms.fill(step.number), 0, step.operands[0].bytes};
      write(rank, step.operands[0], run, one);
      return true;
    case fb::Action::Feed: {
      const Operand &to = step.operands[0];
      std::string name(dpcrt::text(rank.code.program->inputs()->Get(step.number)->name()));
      one[0] = {vocabulary.input(name, microBatchOf(rank, step), rank.place.ep, to.bytes), 0,
                to.bytes};
      write(rank, to, run, one);
      return true;
    }
    case fb::Action::Fetch: {
      std::string name(dpcrt::text(rank.code.program->outputs()->Get(step.number)->name()));
      outcome.fetched[{name, microBatchOf(rank, step), rank.place.ep}].push_back(
          read(rank, step.operands[0], run));
      return true;
    }
    case fb::Action::Exchange:
      return exchange(rank, *step.command->action_as_Exchange());
    case fb::Action::Collective:
      return meet(rank, step, run, site);
    default:
      return true;
    }
  }

  // A program counts the micro-batches of its replica.
  static uint32_t microBatchOf(const Rank &rank, const Step &step) {
    return rank.place.dp * rank.code.program->micro_batches() + step.microBatch;
  }

  // Nothing is overwritten before it has been taken (races), so a message may be carried
  // from the moment its sender comes to it.
  bool exchange(Rank &rank, const fb::Exchange &exchange) {
    auto lane = [&](unsigned from, unsigned to) -> std::deque<Pieces> & {
      return messages[{from, to, grid.replicaOf(rank.place)}];
    };
    if (!rank.hasPosted)
      for (const fb::Transfer *t : items(exchange.transfers()))
        if (t->direction() == fb::Direction::Send) {
          const fb::Ref &ref = *t->ref();
          Pieces content;
          rank.memory.read(ref.index(), ref.offset(), ref.bytes(), content);
          lane(rank.place.pp, t->peer()).push_back(std::move(content));
        }
    rank.hasPosted = true;
    std::map<unsigned, size_t> expected;
    for (const fb::Transfer *t : items(exchange.transfers()))
      if (t->direction() == fb::Direction::Receive &&
          ++expected[t->peer()] > lane(t->peer(), rank.place.pp).size())
        return false;
    for (const fb::Transfer *t : items(exchange.transfers()))
      if (t->direction() == fb::Direction::Receive) {
        std::deque<Pieces> &from = lane(t->peer(), rank.place.pp);
        if (byteCount(from.front()) != t->ref()->bytes()) {
          problem = "rank " + std::to_string(rank.place.pp) + " does not get the " +
                    std::to_string(t->ref()->bytes()) + " bytes of " + dpcrt::transferName(*t);
          return false;
        }
        rank.memory.write(t->ref()->index(), t->ref()->offset(), from.front());
        from.pop_front();
      }
    rank.hasPosted = false;
    return true;
  }

  bool meet(Rank &rank, const Step &step, const fb::Run *run, Site site) {
    const fb::Group &group = *rank.code.program->groups()->Get(step.number);
    const std::vector<uint32_t> ranksOfIt = dpcrt::membersOf(group, grid, rank.place);
    const size_t members = ranksOfIt.size();
    const size_t self =
        size_t(std::lower_bound(ranksOfIt.begin(), ranksOfIt.end(), grid.rankOf(rank.place)) -
               ranksOfIt.begin());
    std::string name(dpcrt::text(group.name()));
    if (!rank.hasPosted) {
      // The k-th of a group on one rank meets the k-th of the others.
      auto key = std::make_tuple(name, ranksOfIt.front(), rank.collectives[step.number]++);
      std::unique_ptr<Meeting> &meeting = meetings[key];
      if (!meeting) {
        meeting = std::make_unique<Meeting>();
        meeting->brought.resize(members);
      }
      rank.meeting = meeting.get();
      readPieces(rank, step.operands[1], run, meeting->brought[self]);
      rank.hasPosted = true;
      if (++meeting->present == members)
        conclude(*meeting, step, site);
    }
    if (rank.meeting->present < members || !problem.empty())
      return false;
    write(rank, step.operands[0], run, rank.meeting->taken[self]);
    rank.meeting->taken[self] = {};
    rank.hasPosted = false;
    return true;
  }

  void conclude(Meeting &meeting, const Step &step, Site site) {
    for (const Pieces &brought : meeting.brought)
      if (byteCount(brought) != byteCount(meeting.brought.front())) {
        problem = std::string("members of one ") + dpcrt::collectiveName(step.collective) +
                  " bring different numbers of bytes";
        return;
      }
    std::vector<uint64_t> parts;
    for (uint64_t part : items(step.command->action_as_Collective()->parts()))
      parts.push_back(part);
    carryOut(terms, step.collective, step.function, parts, meeting.brought, site, meeting.taken);
    meeting.brought.clear();
  }

private:
  const Execution &names;
  Terms &terms;
  Sites &sites;
  Vocabulary &vocabulary;
  dpcrt::RankGrid grid;
  std::vector<Code> codes;
  std::vector<std::unique_ptr<Rank>> ranks;
  std::map<std::tuple<unsigned, unsigned, unsigned>, std::deque<Pieces>> messages;
  std::map<std::tuple<std::string, unsigned, uint32_t>, std::unique_ptr<Meeting>> meetings;
  std::string problem; // "": none so far
  // Reused, so that a command allocates nothing.
  Pieces pieces, one = {{0, 0, 0}};
  std::vector<Term> arguments;
};

Execution::Execution(const std::vector<const fb::Program *> &programs, Terms &terms, Sites &sites,
                     Vocabulary &vocabulary)
    : implementation(std::make_unique<Implementation>(*this, terms, sites, vocabulary)) {
  for (const fb::Program *program : programs)
    if (std::string problem = implementation->decode(*program); !problem.empty())
      decodingProblem = "rank " + std::to_string(program->coordinate()) + ": " + problem;
}

Execution::~Execution() = default;

std::string Execution::run(Outcome &outcome) {
  return decodingProblem.empty() ? implementation->run(outcome) : decodingProblem;
}

std::string Execution::describe(uint64_t range, uint32_t index) const {
  return implementation->describe(range, index);
}

} // namespace dpc::proof
