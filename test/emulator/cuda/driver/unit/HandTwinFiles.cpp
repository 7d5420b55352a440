// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See HandTwin.h.
#include "HandTwin.h"

#include "data/Hash.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace dpc::emulator::test {

namespace fs = std::filesystem;

void placeHandTwin() {
  static const std::string folder = [] {
    std::string name = (fs::temp_directory_path() / "dpc-hand-twin-XXXXXX").string();
    if (!mkdtemp(name.data()))
      std::abort();
    std::string hash = dpcrt::hashHex(kHandImage, std::strlen(kHandImage));
    fs::copy_file(DPC_EMULATOR_HAND_TWIN, fs::path(name) / (hash + ".so"));
    static pid_t owner = getpid();
    static std::string made = name;
    // Death tests end processes of their own.
    std::atexit([] {
      if (getpid() == owner)
        fs::remove_all(made);
    });
    return name;
  }();
  setenv("DPC_CUDA_EMULATOR_TWINS", ("/nowhere:" + folder).c_str(), 1);
}

} // namespace dpc::emulator::test
