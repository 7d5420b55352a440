// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See TwinFile.h.
#include "TwinFile.h"

#include <dlfcn.h>

namespace dpc::emulator {

std::unique_ptr<TwinFile> TwinFile::open(const std::string &path, std::string &error) {
  std::unique_ptr<TwinFile> file(new TwinFile);
  file->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!file->handle) {
    error = dlerror();
    return nullptr;
  }
  file->content = static_cast<const TwinTable *>(dlsym(file->handle, kTwinSymbol));
  if (!file->content) {
    error = path + " is no twin of device code";
    return nullptr;
  }
  if (file->content->version != kTwinVersion) {
    error = path + " is a twin of version " + std::to_string(file->content->version) +
            "; this engine reads version " + std::to_string(kTwinVersion);
    return nullptr;
  }
  return file;
}

TwinFile::~TwinFile() {
  if (handle)
    dlclose(handle);
}

const Kernel *TwinFile::find(std::string_view name) const {
  for (uint64_t i = 0; i < content->kernelCount; ++i)
    if (content->kernels[i].name == name)
      return &content->kernels[i];
  return nullptr;
}

} // namespace dpc::emulator
