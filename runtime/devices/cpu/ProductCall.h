// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A library call of two sources and a destination, given a plan of it in f32. What is not
// f32 is widened into the call's workspace, computed there, and rounded once: on this
// device bf16 and f16 are ways to store.
#pragma once
#include "devices/cpu/Library.h"
#include "devices/cpu/LibraryPlan.h"
#include "program/format/Half.h"
#include "program/format/LibraryFunction.h"
#include <algorithm>
#include <vector>

namespace dpcrt {

// `Plan` has blocks(), flops(), implementation(block) and run(block, core, scratch, lhs, rhs,
// dst) of floats.
template <typename Plan> class ProductCall : public LibraryPlan {
  enum Operand : size_t { Lhs, Rhs, Dst, Workspace };

  // An operand with a copy of f32 in workspace.
  struct Widened {
    size_t operand;
    Element type;
    uint64_t elements, offset; // of the copy, in bytes
  };
  // Widen, compute, narrow; of a call in f32 only the second.
  struct Step {
    enum Kind { Widen, Compute, Narrow } kind;
    // Of conversions: (which of `widened`, first element) of each piece.
    std::vector<std::pair<size_t, uint64_t>> pieces;
  };

public:
  // The call came through the checker: its operands are those of its plan.
  ProductCall(const fb::LibraryCall &call, std::unique_ptr<Plan> given, bool accumulate)
      : plan(std::move(given)), accumulate(accumulate) {
    uint64_t offset = 0;
    for (size_t operand : {Lhs, Rhs, Dst}) {
      const fb::Buffer &buffer = *call.operands()->Get(uint32_t(operand));
      if (!isWidened(elementOf(buffer)))
        continue;
      uint64_t elements = buffer.bytes() / sizeOf(elementOf(buffer));
      widened.push_back({operand, elementOf(buffer), elements, offset});
      offset += widenedBytes(elements);
    }
    makeSteps();
  }

  size_t steps() const override { return list.size(); }
  size_t pieces(size_t step) const override {
    return list[step].kind == Step::Compute ? plan->blocks() : list[step].pieces.size();
  }
  bool isShared(size_t step) const override {
    return pieces(step) > 1 &&
           (list[step].kind != Step::Compute || plan->flops() / 60e9 > kShareSeconds);
  }
  const char *implementation() const override { return plan->implementation(0); }

  bool run(size_t step, size_t piece, int core, CallScratch &scratch,
           void *const *buffers) const override {
    if (list[step].kind == Step::Compute)
      return plan->run(piece, core, scratch, address(Lhs, buffers), address(Rhs, buffers),
                       address(Dst, buffers));
    auto [which, first] = list[step].pieces[piece];
    const Widened &w = widened[which];
    uint64_t count = std::min(kConverted, w.elements - first);
    auto *stored = static_cast<uint16_t *>(buffers[w.operand]) + first;
    float *copy = address(w.operand, buffers) + first;
    if (list[step].kind == Step::Widen)
      widenHalf(w.type, stored, copy, count);
    else
      narrowHalf(w.type, copy, stored, count);
    return true;
  }

private:
  void makeSteps() {
    auto add = [&](typename Step::Kind kind, auto isConverted) {
      Step step{kind, {}};
      for (size_t i = 0; i < widened.size(); ++i)
        for (uint64_t first = 0; isConverted(widened[i]) && first < widened[i].elements;
             first += kConverted)
          step.pieces.push_back({i, first});
      if (kind == Step::Compute || !step.pieces.empty())
        list.push_back(std::move(step));
    };
    add(Step::Widen, [&](const Widened &w) { return w.operand != Dst || accumulate; });
    add(Step::Compute, [](const Widened &) { return false; });
    add(Step::Narrow, [](const Widened &w) { return w.operand == Dst; });
  }

  // Elements that one piece converts: about kShareSeconds.
  static constexpr uint64_t kConverted = 1 << 17;

  float *address(size_t operand, void *const *buffers) const {
    for (const Widened &w : widened)
      if (w.operand == operand)
        return reinterpret_cast<float *>(static_cast<char *>(buffers[Workspace]) + w.offset);
    return static_cast<float *>(buffers[operand]);
  }

  std::unique_ptr<Plan> plan;
  bool accumulate;
  std::vector<Widened> widened;
  std::vector<Step> list;
};

} // namespace dpcrt
