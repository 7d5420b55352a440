// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What several ranks hold alike, by who holds it: what the same ranks hold is compared at once,
// by one hash of each holder (dpc/Optimizer/MirrorHash.h).
#ifndef DPC_LIB_LOWERING_PLAN_MIRRORS_H
#define DPC_LIB_LOWERING_PLAN_MIRRORS_H

#include "dpc/Dialect/Prog/Prog.h"
#include "dpc/Optimizer/MirrorHash.h"

#include <vector>

namespace dpc::lowering {

struct StepModel;

/// Parameters of the same holders, each of which has the same bits of them.
struct MirrorSet {
  std::vector<unsigned> holders;    // coordinates of pp, ascending
  prog::Axes over{};                // the axes beside pp at all of whose coordinates they are held
  std::vector<unsigned> parameters; // of the model, in the order of their names
};

struct Mirrors {
  std::vector<MirrorSet> sets; // by their holders, of the same ones those that ep shards last
  unsigned digitBits = 16;     // of a hash's digits (optimizer::mirrorDigitBits)

  /// Floats that are 0 where the holders of a set are equal, and of all sets, one after the other.
  unsigned digits() const { return optimizer::mirrorDigits(digitBits); }
  unsigned words() const { return digits() * unsigned(sets.size()); }
};

/// No sets where every parameter is one rank's.
Mirrors findMirrors(const StepModel &model);

/// What is compared of a parameter.
struct MirroredValue {
  unsigned parameter = 0;
  bool isMaster = false; // else the weight that is computed with
  optimizer::HashedWords words;

  /// Of the hashes of its rows, from where those of the next value may begin.
  int64_t hashBytes() const;
};

/// Of a parameter the weight that is computed with and, if each holder keeps all of it, the
/// master: a change in that may be too small to be seen in its rounded copy. Moments are twice as
/// much again to read, and what is wrong in them is in the weights that they make. `isSharded`:
/// masters are in parts.
std::vector<MirroredValue> mirroredValues(const StepModel &model, unsigned parameter,
                                          bool isSharded);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_MIRRORS_H
