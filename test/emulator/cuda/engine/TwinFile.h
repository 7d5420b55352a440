// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A twin that has been loaded.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_TWINFILE_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_TWINFILE_H

#include "Twin.h"

#include <memory>
#include <string>
#include <string_view>

namespace dpc::emulator {

class TwinFile {
public:
  /// Null, and why in `error`.
  static std::unique_ptr<TwinFile> open(const std::string &path, std::string &error);
  ~TwinFile();
  TwinFile(const TwinFile &) = delete;
  TwinFile &operator=(const TwinFile &) = delete;

  const TwinTable &table() const { return *content; }
  /// Null if there is none of this name.
  const Kernel *find(std::string_view name) const;

private:
  TwinFile() = default;
  void *handle = nullptr;
  const TwinTable *content = nullptr;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_TWINFILE_H
