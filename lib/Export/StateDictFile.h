// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A state dict under the framework's names and in its layout.
#ifndef DPC_LIB_EXPORT_STATEDICTFILE_H
#define DPC_LIB_EXPORT_STATEDICTFILE_H

#include "Weights.h"

namespace dpc::exporting {

/// What goes into the file, and what of the framework's state dict does not.
struct StateDictPlan {
  struct Tensor {
    std::string key;
    const dpcrt::Manifest::Parameter *parameter; ///< null: `entry`
    const dpcrt::Manifest::StateEntry *entry;
  };
  std::vector<Tensor> tensors;      ///< in the framework's order
  std::vector<std::string> missing; ///< keys, each with why
  std::vector<std::string> unnamed; ///< written under the graph's own names
  bool recorded = false;            ///< the model's file lists the state dict's keys
};
StateDictPlan planStateDict(const dpcrt::Manifest &manifest);

dpcrt::Status writeStateDict(const StateDictPlan &plan, Weights &weights, const std::string &path);

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_STATEDICTFILE_H
