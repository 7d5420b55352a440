// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a step is composed of. An entry point of a program is a name and a list of
// parts, each of which adds what it does to every rank's list of commands.
#ifndef DPC_LIB_LOWERING_PLAN_ENTRYPOINT_H
#define DPC_LIB_LOWERING_PLAN_ENTRYPOINT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace dpc::lowering {

/// In the order in which a step does them, as far as one does not overlap the other.
enum class Part : uint8_t {
  Tasks,      ///< what the schedule says: feeds, runs, messages, fetches
  Forwards,   ///< in place of them: forwards alone, of what bodies have for evaluation
  Reduction,  ///< gradients summed over micro-batches and the ranks that hold them
  Statistics, ///< what all ranks must agree on: weight of the losses, norm
  Update      ///< the step's factor, and every parameter's new value
};

struct EntryPoint {
  llvm::StringLiteral name;
  llvm::ArrayRef<Part> parts;

  bool has(Part part) const { return llvm::is_contained(parts, part); }
};

/// All that an artifact has. The first one is the training step, whose schedule the
/// module says and whose memory the others share.
llvm::ArrayRef<EntryPoint> entryPoints();
inline const EntryPoint &trainStep() { return entryPoints().front(); }

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_ENTRYPOINT_H
