// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's external files: which there are, what the copy's are called, and which of
// their bytes change.
#ifndef DPC_LIB_EXPORT_EXTERNALFILES_H
#define DPC_LIB_EXPORT_EXTERNALFILES_H

#include "Weights.h"
#include "Wire.h"

#include "data/Files.h"

#include <map>

namespace dpc::exporting {

/// A tensor of the model that is stored outside its file.
struct ExternalTensor {
  std::string name, location;
  uint64_t offset = 0, length = 0;
  const Replacement *values = nullptr; ///< null: stays as it is
  // Filled in by the plan: where the copy has it.
  std::string newLocation;
  uint64_t newOffset = 0;
};

class ExternalFiles {
public:
  ExternalFiles() = default;
  ~ExternalFiles(); ///< leaves nothing of what was not given its name
  /// `model` is the original's path, `output` the copy's. Refuses locations outside
  /// the model's folder. Existing files of the copy are refused without `force`.
  dpcrt::Status plan(std::vector<ExternalTensor> &tensors, const dpcrt::Manifest &manifest,
                     const std::string &model, const std::string &output, bool force);
  /// Writes the files under temporary names …
  dpcrt::Status write(Weights &weights);
  /// … and gives them their own.
  dpcrt::Status commit();

  const std::vector<std::string> &paths() const { return written; }

private:
  struct Change {
    uint64_t offset;
    const Replacement *values;
  };
  struct File {
    std::string from, to;        ///< paths; from "": it is not there, all is replaced
    uint64_t size = 0;           ///< of the copy
    uint64_t copied = 0;         ///< bytes of the original
    std::vector<Change> changes; ///< by offset, apart from each other
    std::unique_ptr<dpcrt::OutputFile> output;
  };
  dpcrt::Status planFile(const std::string &location, std::vector<ExternalTensor *> tensors,
                         const dpcrt::Manifest &manifest, const std::string &model, File &file);

  std::map<std::string, File> files; ///< by location
  std::string ownFolder;             ///< of several files; "": one beside the copy
  bool committed = false;
  std::vector<std::string> written;
};

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_EXTERNALFILES_H
