// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Outputs of the graph besides the loss, which evaluation reports by name: an accuracy,
// the parts that a loss is made of. Training is the same without them, so nothing that
// is wrong with one is an error of the model: it is left out, and the summary says why.
#ifndef DPC_LIB_IMPORT_FURTHEROUTPUTS_H
#define DPC_LIB_IMPORT_FURTHEROUTPUTS_H

#include "Loss.h"
#include "Parameters.h"

namespace dpc::import {

struct FurtherOutputs {
  std::vector<std::string> names;
  std::vector<Node> nodes; ///< that the loss does not need, producers first

  bool read(llvm::StringRef value) const;
};

/// The outputs of one number, as far as the graph says how many they have, all of whose
/// nodes have operators. `whole` is the graph before it was pruned to `graph`, what the
/// loss needs. Adds a note for each output that is left out.
FurtherOutputs findFurtherOutputs(const ModelFile &file, const Graph &whole, const Graph &graph,
                                  const LossChoice &choice, std::vector<std::string> &notes);

/// Adds what only further outputs read of the file, as constants, with a note for each
/// that looks like a parameter.
mlir::LogicalResult addStoredTensors(const FurtherOutputs &further, const Graph &whole,
                                     TensorReader &reader, StoredTensors &tensors,
                                     std::vector<std::string> &notes);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_FURTHEROUTPUTS_H
