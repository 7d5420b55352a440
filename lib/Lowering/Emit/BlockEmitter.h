// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes a planned block as a prog.block.
#ifndef DPC_LIB_LOWERING_EMIT_BLOCKEMITTER_H
#define DPC_LIB_LOWERING_EMIT_BLOCKEMITTER_H

#include "../Plan/BlockPlan.h"

#include "llvm/ADT/SmallBitVector.h"

namespace dpc::lowering {

/// The places of a program that blocks name directly.
class FixedPlaces {
public:
  virtual ~FixedPlaces() = default;
  struct Place {
    mlir::StringRef arena;
    int64_t offset = 0;
  };
  virtual Place parameter(unsigned stage, unsigned index) const = 0;
  virtual Place accumulator(unsigned stage, unsigned index) const = 0;
  virtual Place lossScale() const = 0;
  virtual Place constant(mlir::ElementsAttr value) = 0;
  virtual Place workspace(int64_t offset) const = 0;
  /// Makes sure that the program declares a kernel.
  virtual void useKernel(mlir::StringRef name) = 0;
  /// The group of the expert ranks at the program's own coordinate of pp.
  virtual mlir::StringRef experts() = 0;
};

/// Creates the block at the builder's insertion point. `awaited`: operands of which some
/// run says when they are ready. `atBegin`: commands of another stream that wait for the
/// compute stream to come to the block.
prog::BlockOp emitBlock(mlir::OpBuilder &builder, mlir::Location loc, mlir::StringRef name,
                        const BlockPlan &plan, const llvm::SmallBitVector &awaited,
                        const llvm::SmallBitVector &atBegin, FixedPlaces &places);

/// The operands that are results of the block too: those that messages carry.
llvm::SmallVector<unsigned> resultOperands(const BlockPlan &plan);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_EMIT_BLOCKEMITTER_H
