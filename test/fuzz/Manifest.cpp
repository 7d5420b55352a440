// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An artifact's manifest, and what a checkpoint's says. Who is accepted is written and
// read again to the same text.
#include "session/Manifest.h"
#include "checkpoint/CheckpointManifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  dpcrt::CheckpointManifest checkpoint;
  (void)dpcrt::parseCheckpointManifest(text, checkpoint);
  dpcrt::Manifest manifest, again;
  if (!dpcrt::parseManifest(text, manifest).ok())
    return 0;
  std::string written = dpcrt::writeManifest(manifest);
  if (!dpcrt::parseManifest(written, again).ok() || dpcrt::writeManifest(again) != written)
    __builtin_trap();
  return 0;
}
