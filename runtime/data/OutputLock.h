// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One run at a time writes into an output. The lock is the kernel's, on a hidden file
// beside what is written, so it dies with its owner however that ends; the file is
// removed by who leaves in order, and means nothing where it was left behind.
#pragma once
#include "program/format/Status.h"
#include <string>

namespace dpcrt {

class OutputLock {
public:
  OutputLock() = default;
  OutputLock(OutputLock &&other) noexcept;
  OutputLock &operator=(OutputLock &&other) noexcept;
  ~OutputLock();
  // Of what a folder that exists holds.
  Status takeFolder(const std::string &folder);
  // Of a file, or a folder made at once, that may not exist yet; what is neither (a
  // terminal, a pipe) can be shared and is not locked.
  Status takeFile(const std::string &path);

private:
  // An error (Io) that names the other process if `path` is locked.
  Status take(const std::string &path, const std::string &whose);
  int fd = -1;
  std::string name;
};

} // namespace dpcrt
