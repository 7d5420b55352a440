// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all ranks agree on before the update: the sum of the losses' weights, the sum
// of the gradients' squares, whether anything was not finite, and, in runs that compare mirrors,
// whether ranks that hold the same parameters still have the same of them; each rank's own,
// then everybody's by one all-reduce.
#include "StepPart.h"

#include "dpc/Optimizer/Update.h"

#include <numeric>

using namespace mlir;

namespace dpc::lowering {
namespace {

class Statistics : public StepPart {
public:
  using StepPart::StepPart;

  void begin() override { program.fill({Sums, 0, program.bytes(program.memory.bytes[Sums])}); }

  void end() override {
    const StepModel &model = program.model;
    Range dens = program.sums(program.memory.sums.den, model.table.microBatches);
    program.launch(program.kernels.denSum, {{dens, false}, {program.statistic(0), true}});
    // A step with a division by 0 is skipped, as one that is not finite.
    SmallVector<std::pair<Range, bool>> watched = {
        {program.sums(program.memory.sums.loss, model.table.microBatches), false}};
    if (model.hasFault)
      watched.push_back({program.faults(0, model.table.microBatches), false});
    watched.push_back({program.statistic(2), true});
    program.launch(program.kernels.flag, watched);
    emitSquares();
    for (const SetHashes &hashes : program.memory.hashes)
      emitHash(hashes);
    const prog::Axes over = model.axesOver(/*sharded=*/false);
    if (model.ranks * model.copiesOver(over) == 1)
      return;
    std::vector<unsigned> all(model.ranks);
    std::iota(all.begin(), all.end(), 0);
    program.collective(prog::CollectiveKind::AllReduce, program.statistics(),
                       program.groupOf(all, over));
  }

private:
  // The sums of all blocks, first of what is reduced first, and then their sum in the
  // order in which they lie. Between the parameters' sums lies padding, which is zero.
  void emitSquares() {
    const StepSums &places = program.memory.sums;
    for (unsigned p : program.mine.parameters)
      if (program.model.parameters[p].isCountedOn(program.mine.rank) &&
          !program.memory.gatheredSquares.count(p))
        emitSquaresOf(p, program.gradient(p), places.squaresOf.at(p), {});
    for (const KeptShard &kept : program.memory.shards)
      emitSquaresOf(kept.parameter, program.part(program.gradient(kept.parameter), kept.shard),
                    program.memory.gatheredSquares.at(kept.parameter) +
                        4 * (kept.shard.begin / optimizer::kSquareBlock),
                    kept.replicas);
    for (auto &[bucket, place] : program.memory.gatheredOf)
      gatherSquares(bucket, place.first, place.second);
    if (places.squaresBytes == 0)
      return;
    program.launch(program.kernels.squareTotal[program.mine.rank],
                   {{program.sums(places.squares, places.squaresBytes / 4), true}});
    program.copy(program.sums(places.squares + places.squaresBytes - 4, 1), program.statistic(1));
  }

  void emitSquaresOf(unsigned p, const Range &gradient, int64_t offset,
                     ArrayRef<int64_t> replicas) {
    emitBlocks(program.kernels.squares.at({p, gradient.type.getCount()}),
               squareBlocks(gradient.type.getCount()), gradient, program.sums(offset, 1), replicas,
               /*comparesMirrors=*/false);
  }

  // One result per block, the first at `to`.
  void emitBlocks(const BlockKernels &kernels, const Blocks &blocks, const Range &values, Range to,
                  ArrayRef<int64_t> replicas, bool comparesMirrors) {
    auto emit = [&](StringRef kernel, int64_t elements, int64_t count, int64_t before) {
      if (count == 0)
        return;
      Range from = values, out = to;
      from.offset += before * blocks.size * (values.bytes() / values.type.getCount());
      from.type = prog::SlotType::get(elements, values.type.getElementType());
      out.offset += before * to.bytes();
      out.type = prog::SlotType::get(count, to.type.getElementType());
      program.launch(kernel, {{from, false}, {out, true}}, replicas, comparesMirrors);
    };
    emit(kernels.blocks, blocks.wholeElements(), blocks.whole, 0);
    emit(kernels.rest, blocks.rest, blocks.rest > 0, blocks.whole);
  }

  // Behind everything that computes with the weights, before anything updates them.
  void emitHash(const SetHashes &hashes) {
    const MirrorSet &set = program.model.mirrors.sets[hashes.set];
    const Type i32 = IntegerType::get(program.at.getContext(), 32);
    auto hashesAt = [&](int64_t offset, int64_t count) {
      return Range{Sums, offset, prog::SlotType::get(count, i32)};
    };
    int64_t offset = hashes.rows;
    for (const MirroredValue &value : hashes.values) {
      const auto &[word, count] = value.words;
      Range words =
          value.isMaster ? program.master(value.parameter) : program.weight(value.parameter);
      words.type = prog::SlotType::get(count, word);
      emitBlocks(program.kernels.rowHashes.at({word.getAsOpaquePointer(), count}), hashRows(count),
                 words, hashesAt(offset, 1), {}, /*comparesMirrors=*/true);
      offset += value.hashBytes();
    }
    program.launch(
        program.kernels.hashTotal[hashes.set],
        {{hashesAt(hashes.rows, hashes.count), false}, {hashesAt(hashes.total, 1), true}}, {},
        /*comparesMirrors=*/true);
    emitDigits(hashes, set);
  }

  // The first holder is the lowest rank: where a coordinate of pp has several, one of these.
  void emitDigits(const SetHashes &hashes, const MirrorSet &set) {
    const StepModel &model = program.model;
    SmallVector<int64_t> first, others;
    for (unsigned replica = 0; replica < model.dp * model.ep; ++replica) {
      const unsigned d = replica / model.ep, e = replica % model.ep;
      const bool isFirst = set.holders.front() == program.mine.rank &&
                           (d == 0 || !bitEnumContainsAny(set.over, prog::Axes::Dp)) &&
                           (e == 0 || !bitEnumContainsAny(set.over, prog::Axes::Ep));
      (isFirst ? first : others).push_back(replica);
    }
    const unsigned bits = model.mirrors.digitBits;
    const Range digits = {Sums, hashes.total,
                          prog::SlotType::get(optimizer::mirrorDigits(bits),
                                              IntegerType::get(program.at.getContext(), bits,
                                                               IntegerType::Unsigned))};
    for (bool isFirst : {true, false}) {
      const SmallVector<int64_t> &replicas = isFirst ? first : others,
                                 &rest = isFirst ? others : first;
      if (!replicas.empty())
        program.launch(program.kernels.mirrorDigits.at({hashes.set, isFirst}),
                       {{digits, false}, {program.mirrorDigits(hashes.set), true}},
                       rest.empty() ? ArrayRef<int64_t>() : replicas, /*comparesMirrors=*/true);
    }
  }

  // Each member has the squares of its own blocks. Who counts the parameters adds up those of
  // all, in the order in which it would without shards: so has the norm the same bits.
  void gatherSquares(unsigned number, int64_t begin, int64_t bytes) {
    const Bucket &bucket = program.plan.buckets[number];
    auto gathered = [&](unsigned p) {
      return program.memory.gatheredSquares.at(bucket.parameters[p]);
    };
    auto placeOf = [&](unsigned p, int64_t element) {
      return (gathered(p) - begin) / 4 + element / optimizer::kSquareBlock;
    };
    program.collective(prog::CollectiveKind::AllGather, program.sums(begin, bytes / 4),
                       program.groupOf(bucket.holders, bucket.over),
                       partSizes(boundariesOf(bucket.shards, placeOf, bytes / 4)));
    if (bucket.holders.front() != program.mine.rank)
      return;
    // What lies side by side at both ends is copied at once.
    const std::map<unsigned, int64_t> &counted = program.memory.sums.squaresOf;
    int64_t from = gathered(0), to = counted.at(bucket.parameters[0]);
    for (unsigned p = 0; p < bucket.parameters.size(); ++p) {
      const bool isLast = p + 1 == bucket.parameters.size();
      const int64_t end = isLast ? begin + bytes : gathered(p + 1);
      if (!isLast && counted.at(bucket.parameters[p + 1]) == to + (end - from))
        continue;
      program.copy(program.sums(from, (end - from) / 4), program.sums(to, (end - from) / 4));
      from = end;
      to = isLast ? to : counted.at(bucket.parameters[p + 1]);
    }
  }
};

} // namespace

std::unique_ptr<StepPart> makeStatistics(RankProgram &program) {
  return std::make_unique<Statistics>(program);
}

} // namespace dpc::lowering
