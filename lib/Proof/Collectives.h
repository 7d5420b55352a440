// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a collective does to the bytes of its members.
#ifndef DPC_LIB_PROOF_COLLECTIVES_H
#define DPC_LIB_PROOF_COLLECTIVES_H

#include "Terms.h"
#include "program/format/Program.h"

namespace dpc::proof {

/// From what each member brings to what each takes away, members in ascending order of
/// ranks, as Program.fbs defines it. `sum` adds in this order; `parts`: the bytes of each
/// member's part of one range, or none.
void carryOut(Terms &terms, dpcrt::fb::CollectiveKind kind, Function sum,
              const std::vector<uint64_t> &parts, const std::vector<Pieces> &brought, Site site,
              std::vector<Pieces> &taken);

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_COLLECTIVES_H
