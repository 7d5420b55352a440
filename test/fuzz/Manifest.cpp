// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An artifact's manifest, its list of checksums, and what a checkpoint's manifest says.
// What is accepted is written and read again to the same text.
#include "session/Manifest.h"
#include "checkpoint/CheckpointManifest.h"
#include "data/Hash.h"

using namespace dpcrt;

namespace {
// A checkpoint's manifest ends with its checksum; behind one that is wrong, nothing would
// be read.
std::string sealed(const std::string &text) {
  const std::string key = ",\n \"checksum\": \"";
  std::string body = text.substr(0, text.rfind(key));
  return body + key + hashHex(body.data(), body.size()) + "\"\n}\n";
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  CheckpointManifest checkpoint, sameCheckpoint;
  if (parseCheckpointManifest(sealed(text), checkpoint).ok()) {
    std::string written = writeCheckpointManifest(checkpoint);
    if (!parseCheckpointManifest(written, sameCheckpoint).ok() ||
        writeCheckpointManifest(sameCheckpoint) != written)
      __builtin_trap();
  }
  std::map<std::string, std::string> sums, sameSums;
  if (parseChecksums(text, sums).ok() &&
      (!parseChecksums(writeChecksums(sums), sameSums).ok() || sameSums != sums))
    __builtin_trap();
  Manifest manifest, sameManifest;
  if (!parseManifest(text, manifest).ok())
    return 0;
  std::string written = writeManifest(manifest);
  if (!parseManifest(written, sameManifest).ok() || writeManifest(sameManifest) != written)
    __builtin_trap();
  return 0;
}
