// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A file of tensors: its table, and the bytes that it says are there.
#include "data/Safetensors.h"

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != ssize_t(size))
    __builtin_trap();
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  {
    dpcrt::SafetensorsReader reader;
    if (dpcrt::SafetensorsReader::open(path, dpcrt::Code::Data, reader).ok())
      for (auto &[name, tensor] : reader.tensors()) {
        std::string bytes(tensor.bytes, '\0');
        if (!reader.file().read(tensor.offset, bytes.data(), bytes.size()).ok())
          __builtin_trap(); // what the table says was checked against the file
      }
  }
  close(fd);
  return 0;
}
