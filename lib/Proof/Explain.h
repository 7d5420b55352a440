// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where two values that should be one first differ, in the user's words.
#ifndef DPC_LIB_PROOF_EXPLAIN_H
#define DPC_LIB_PROOF_EXPLAIN_H

#include "Sites.h"

namespace dpc::proof {

/// A term in a few words: an input, a parameter, the node that made it.
std::string describe(const Terms &terms, const Sites &sites, Term term);

/// "argument 2 of node 'fc1' in the forward of stage s0, micro-batch 3, must be X and is
/// Y", for terms that differ.
std::string explain(const Terms &terms, const Sites &sites, Term wanted, Term found);

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_EXPLAIN_H
