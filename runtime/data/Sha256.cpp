// The compression function twice: as the standard writes it, and with the x86 SHA
// instructions; both are compared with the standard's examples in the tests.
#include "data/Sha256.h"
#include <algorithm>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dpcrt {
namespace {
constexpr uint32_t roundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

void portableBlock(uint32_t state[8], const uint8_t *p) {
  uint32_t w[64];
  for (int i = 0; i < 16; ++i)
    w[i] = uint32_t(p[4 * i]) << 24 | uint32_t(p[4 * i + 1]) << 16 |
           uint32_t(p[4 * i + 2]) << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; ++i) {
    uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4],
           f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; ++i) {
    uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + roundConstants[i] + w[i];
    uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

#if defined(__x86_64__)
__attribute__((target("sha,sse4.1,ssse3"))) void
nativeBlocks(uint32_t state[8], const uint8_t *p, size_t count) {
  const __m128i swap =
      _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i t = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
  __m128i s1 =
      _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
  __m128i s0 = _mm_alignr_epi8(t, s1, 8); // ABEF
  s1 = _mm_blend_epi16(s1, t, 0xF0);      // CDGH
  for (; count; --count, p += 64) {
    __m128i save0 = s0, save1 = s1, w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p + i), swap);
    for (int i = 0; i < 16; ++i) {
      __m128i m = w[i & 3];
      if (i >= 4) { // the four schedule words of this group of rounds
        m = _mm_sha256msg1_epu32(m, w[(i + 1) & 3]);
        m = _mm_add_epi32(m, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
        m = _mm_sha256msg2_epu32(m, w[(i + 3) & 3]);
        w[i & 3] = m;
      }
      __m128i k = _mm_add_epi32(
          m, _mm_loadu_si128((const __m128i *)(roundConstants + 4 * i)));
      s1 = _mm_sha256rnds2_epu32(s1, s0, k);
      s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(k, 0x0E));
    }
    s0 = _mm_add_epi32(s0, save0);
    s1 = _mm_add_epi32(s1, save1);
  }
  t = _mm_shuffle_epi32(s0, 0x1B);  // FEBA
  s1 = _mm_shuffle_epi32(s1, 0xB1); // DCHG
  s0 = _mm_blend_epi16(t, s1, 0xF0);
  s1 = _mm_alignr_epi8(s1, t, 8);
  _mm_storeu_si128((__m128i *)state, s0);
  _mm_storeu_si128((__m128i *)(state + 4), s1);
}
#endif

bool haveShaInstructions() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  return (b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
#else
  return false;
#endif
}
} // namespace

Sha256::Sha256()
    : state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
      native(haveShaInstructions()) {}

void Sha256::blocks(const uint8_t *data, size_t count) {
#if defined(__x86_64__)
  if (native)
    return nativeBlocks(state, data, count);
#endif
  for (; count; --count, data += 64)
    portableBlock(state, data);
}

void Sha256::update(const void *data, size_t bytes) {
  auto *p = static_cast<const uint8_t *>(data);
  total += bytes;
  if (buffered) {
    size_t n = std::min(bytes, sizeof(buffer) - buffered);
    std::memcpy(buffer + buffered, p, n);
    buffered += n, p += n, bytes -= n;
    if (buffered < sizeof(buffer))
      return;
    blocks(buffer, 1);
    buffered = 0;
  }
  blocks(p, bytes / 64);
  p += bytes / 64 * 64;
  if ((buffered = bytes % 64))
    std::memcpy(buffer, p, buffered);
}

std::array<uint8_t, 32> Sha256::finish() {
  uint64_t bits = total * 8;
  uint8_t tail[128] = {};
  std::memcpy(tail, buffer, buffered);
  tail[buffered] = 0x80;
  size_t length = buffered < 56 ? 64 : 128;
  for (int i = 0; i < 8; ++i)
    tail[length - 1 - i] = uint8_t(bits >> (8 * i));
  blocks(tail, length / 64);
  std::array<uint8_t, 32> out;
  for (int i = 0; i < 32; ++i)
    out[i] = uint8_t(state[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}

std::string toHex(const std::array<uint8_t, 32> &digest) {
  std::string s;
  for (uint8_t b : digest) {
    s += "0123456789abcdef"[b >> 4];
    s += "0123456789abcdef"[b & 15];
  }
  return s;
}

std::string sha256Hex(const void *data, size_t bytes) {
  Sha256 hash;
  hash.update(data, bytes);
  return toHex(hash.finish());
}

} // namespace dpcrt
