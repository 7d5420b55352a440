// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See HandTwin.h.
#include "HandTwin.h"

#include "data/Hash.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace dpc::emulator::test {

namespace fs = std::filesystem;

static const std::string &folder() {
  static const std::string made = [] {
    std::string name = (fs::temp_directory_path() / "dpc-hand-twin-XXXXXX").string();
    if (!mkdtemp(name.data()))
      std::abort();
    return name;
  }();
  return made;
}

void placeHandTwin(const std::string &image) {
  static pid_t owner = 0;
  if (owner == 0) {
    owner = getpid();
    setenv("DPC_CUDA_EMULATOR_TWINS", ("/nowhere:" + folder()).c_str(), 1);
    // Death tests end processes of their own.
    std::atexit([] {
      if (getpid() == owner)
        fs::remove_all(folder());
    });
  }
  fs::path file = fs::path(folder()) / (dpcrt::hashHex(image.data(), image.size()) + ".so");
  fs::copy_file(DPC_EMULATOR_HAND_TWIN, file, fs::copy_options::skip_existing);
}

} // namespace dpc::emulator::test
