// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library's header alone, so that nothing has to be linked or found at run time.
#include "data/Hash.h"
#include "data/Files.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dpcrt {

struct Hash::State {
  XXH3_state_t xxh; // 64-byte aligned by its type
};

Hash::Hash() : state(std::make_unique<State>()) { XXH3_128bits_reset(&state->xxh); }
Hash::~Hash() = default;

void Hash::update(const void *data, uint64_t bytes) {
  XXH3_128bits_update(&state->xxh, data, size_t(bytes));
}

std::string Hash::hex() const {
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&state->xxh));
  std::string text;
  for (unsigned char byte : digest.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string hashHex(const void *data, uint64_t bytes) {
  Hash hash;
  hash.update(data, bytes);
  return hash.hex();
}

Status hashFile(const std::string &path, Code code, std::string &hex) {
  Hash hash;
  if (Status s = readInPieces(
          path, code, [&](const char *piece, uint64_t bytes) { hash.update(piece, bytes); });
      !s.ok())
    return s;
  hex = hash.hex();
  return {};
}

} // namespace dpcrt
