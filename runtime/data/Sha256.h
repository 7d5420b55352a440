// SHA-256 (FIPS 180-4), for the artifact's checksums. Uses the processor's SHA
// instructions where there are some, because weights may be gigabytes.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dpcrt {

class Sha256 {
public:
  Sha256();
  void update(const void *data, size_t bytes);
  // Ends the message; the object must not be used again.
  std::array<uint8_t, 32> finish();

private:
  void blocks(const uint8_t *data, size_t count);
  uint32_t state[8];
  uint8_t buffer[64];
  size_t buffered = 0;
  uint64_t total = 0;
  bool native;
};

std::string toHex(const std::array<uint8_t, 32> &digest);
std::string sha256Hex(const void *data, size_t bytes);

} // namespace dpcrt
