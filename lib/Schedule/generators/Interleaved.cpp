// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules over several chunks a rank in loop placement: stage c P + r is chunk c
// of rank r. They share the order in which a rank takes its chunks: `group`
// micro-batches through chunk 0, the same through chunk 1, and so on; backwards
// through the chunks in the opposite order. What differs is how many forwards a
// rank does before its first backward, and what a backward is.
//
// Interleaved 1F1B. Source: Narayanan et al., Efficient Large-Scale Language Model
// Training on GPU Clusters Using Megatron-LM, SC 2021; the order of PyTorch's
// ScheduleInterleaved1F1B. P = 2, v = 2, M = 4; the number before F is the stage:
//
//   rank 0  0F0 0F1 2F0 2F1 0F2 2B0 0F3 2B1 2F2 0B0 2F3 0B1 2B2 2B3 0B2 0B3
//   rank 1      1F0 1F1 3F0 3B0 3F1 3B1 1F2 1B0 1F3 1B1 3F2 3B2 3F3 3B3 1B2 1B3
//
// Idle (P-1)(F+B)/v; peak P(1 + (P-1)/(vP)) activations on rank 0.
//
// Interleaved zero bubble. Source: Qi et al., Zero Bubble Pipeline Parallelism,
// ICLR 2024; PyTorch's ScheduleInterleavedZeroBubble. The warm-up is half as long
// and weight halves of rank r come r micro-batches late, as in ZB-H1 (v = 1):
//
//   rank 0  0F0 0F1 2F0 2I0 2W0 2F1 2I1 2W1 0F2 0I0 ...
//   rank 1      1F0 1F1 3F0 3I0 3F1 3I1 3W0 ...
//
// Idle (P-1)(F+B-2W)/v; peak P activations.
//
// Combined 1F1B. Source: NVIDIA Megatron-LM's overlap of expert all-to-alls: one
// forward more in the warm-up makes the forward and the backward of a step
// independent, and they run as an overlapped pair:
//
//   rank 0  0F0 0F1 2F0 2F1 0F2 (0F3&2B0) (2F2&2B1) (2F3&0B0) 0B1 2B2 2B3 0B2 0B3
//   rank 1      1F0 1F1 3F0 (3F1&3B0) (1F2&3B1) (1F3&1B0) (3F2&1B1) (3F3&3B2) ..
//
// One copy of the parameters, one activation more than interleaved 1F1B.
#include "Fixed.h"

#include <algorithm>
#include <deque>

namespace dpc::schedule {
namespace {

// Micro-batches that go through a chunk before the next chunk's turn.
unsigned groupOf(unsigned ranks, unsigned microBatches) {
  return microBatches / std::max(1u, microBatches / ranks);
}

class LoopWriter {
public:
  LoopWriter(Table &table, unsigned rank, unsigned group)
      : rank(rank), ranks(table.ranks), chunks(table.stages / table.ranks), group(group),
        actions(table.actions[rank]), forwards(chunks), backwards(chunks) {}

  Task forward(size_t op) { return next(Kind::Forward, op / group % chunks, forwards); }
  Task backward(Kind kind, size_t op) {
    return next(kind, chunks - 1 - op / group % chunks, backwards);
  }
  void add(const Task &task) { actions.push_back({task, {}}); }
  void add(const Task &first, const Task &second) { actions.push_back({first, second}); }

private:
  Task next(Kind kind, size_t chunk, std::vector<unsigned> &counts) {
    return {kind, (unsigned)chunk * ranks + rank, counts[chunk]++};
  }

  unsigned rank, ranks, chunks, group;
  std::vector<Action> &actions;
  std::vector<unsigned> forwards, backwards; // done, of each chunk
};

std::string checkRounds(const std::string &name, const Request &request) {
  unsigned P = request.ranks, M = request.microBatches;
  auto isLegal = [&](unsigned m) { return m > 0 && m % std::max(1u, m / P) == 0; };
  if (isLegal(M))
    return "";
  unsigned below = M, above = M;
  while (!isLegal(below))
    --below;
  while (!isLegal(above))
    ++above;
  return name + " needs a number of micro-batches that falls into rounds of equal size, at least " +
         std::to_string(P) + " each, got --pp " + std::to_string(P) + " --micro-batches " +
         std::to_string(M) + " (" + std::to_string(M / P) + " rounds); --micro-batches " +
         std::to_string(below) + " or " + std::to_string(above) + " would be legal";
}

// Every rank's row, written by body(writer, rank, warm, total): of its `total`
// forwards `warm` come before the first backward, `ahead` more for each rank that
// follows and `extra` on top.
template <typename Body>
Table makeLoop(const char *name, const Request &request, unsigned ahead, unsigned extra,
               Body body) {
  Table table = startTable(name, request, Placement::Loop, findGenerator(name)->chunks(request));
  unsigned P = table.ranks, group = groupOf(P, table.microBatches);
  size_t chunks = table.stages / P, total = table.microBatches * chunks;
  for (unsigned rank = 0; rank < P; ++rank) {
    LoopWriter writer(table, rank, group);
    body(writer, rank, std::min((chunks - 1) * group + ahead * (P - 1 - rank) + extra, total),
         total);
  }
  return table;
}

} // namespace

std::string checkInterleaved(const Request &request) { return checkRounds("interleaved", request); }
std::string checkInterleavedZb(const Request &request) {
  return checkRounds("interleaved-zb", request);
}
std::string checkCombined(const Request &request) { return checkRounds("combined-1f1b", request); }

Table makeInterleaved(const Request &request) {
  return makeLoop("interleaved", request, 2, 0,
                  [](LoopWriter &writer, unsigned, size_t warm, size_t total) {
                    for (size_t op = 0; op < total + warm; ++op) {
                      if (op < total)
                        writer.add(writer.forward(op));
                      if (op >= warm)
                        writer.add(writer.backward(Kind::Backward, op - warm));
                    }
                  });
}

Table makeInterleavedZb(const Request &request) {
  return makeLoop("interleaved-zb", request, 1, 0,
                  [](LoopWriter &writer, unsigned rank, size_t warm, size_t total) {
                    std::deque<Task> weights;
                    for (size_t op = 0; op < total + warm; ++op) {
                      if (op < total)
                        writer.add(writer.forward(op));
                      if (op < warm)
                        continue;
                      Task input = writer.backward(Kind::Input, op - warm);
                      writer.add(input);
                      weights.push_back({Kind::Weight, input.stage, input.microBatch});
                      if (op - warm >= rank) {
                        writer.add(weights.front());
                        weights.pop_front();
                      }
                    }
                    for (const Task &weight : weights)
                      writer.add(weight);
                  });
}

Table makeCombined(const Request &request) {
  return makeLoop("combined-1f1b", request, 2, 1,
                  [](LoopWriter &writer, unsigned, size_t warm, size_t total) {
                    for (size_t op = 0; op < warm; ++op)
                      writer.add(writer.forward(op));
                    for (size_t op = warm; op < total; ++op) {
                      Task forward = writer.forward(op);
                      writer.add(forward, writer.backward(Kind::Backward, op - warm));
                    }
                    for (size_t op = total; op < total + warm; ++op)
                      writer.add(writer.backward(Kind::Backward, op - warm));
                  });
}

} // namespace dpc::schedule
