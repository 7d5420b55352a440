// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#include "cli/EscapingStream.h"
#include <cstring>

namespace dpcrt {
namespace {
int lengthOf(unsigned char first) {
  return first < 0x80                    ? 1
         : first >= 0xc2 && first < 0xe0 ? 2
         : first >= 0xe0 && first < 0xf0 ? 3
         : first >= 0xf0 && first < 0xf5 ? 4
                                         : 0;
}

// Whether the second byte may follow the first.
bool fits(unsigned char first, unsigned char second) {
  if ((second & 0xc0) != 0x80)
    return false;
  return !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0) &&
         !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
}
} // namespace

void EscapingBuffer::escape(unsigned char c) {
  const char digits[] = "0123456789abcdef";
  const char text[] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
  target->sputn(text, 4);
}

void EscapingBuffer::flushPartial() {
  for (int i = 0; i < have; ++i)
    escape(partial[i]);
  have = need = 0;
}

void EscapingBuffer::take(unsigned char c) {
  if (need) {
    if (have == 1 ? fits(partial[0], c) : (c & 0xc0) == 0x80) {
      partial[have++] = c;
      if (have < need)
        return;
      // U+0080 to U+009F are control characters too.
      bool control = need == 2 && partial[0] == 0xc2 && partial[1] < 0xa0;
      if (control)
        return flushPartial();
      target->sputn(reinterpret_cast<char *>(partial), need);
      have = need = 0;
      return;
    }
    flushPartial();
  }
  int length = lengthOf(c);
  if (length > 1) {
    partial[0] = c;
    have = 1;
    need = length;
  } else if (length == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
    escape(c);
  } else {
    target->sputc(char(c));
  }
}

EscapingBuffer::int_type EscapingBuffer::overflow(int_type c) {
  if (c != traits_type::eof())
    take(static_cast<unsigned char>(c));
  return traits_type::not_eof(c);
}

int EscapingBuffer::sync() {
  flushPartial();
  return target->pubsync();
}

void EscapingBuffer::raw(const char *text) {
  flushPartial();
  target->sputn(text, std::streamsize(std::strlen(text)));
}

void writeControl(std::ostream &stream, const char *text) {
  if (auto *escaping = dynamic_cast<EscapingBuffer *>(stream.rdbuf()))
    escaping->raw(text);
  else
    stream << text;
}

} // namespace dpcrt
