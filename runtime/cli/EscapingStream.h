// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A stream for messages that may quote names from files: control characters and what is
// not UTF-8 are written as \xNN, so that no model can move the cursor, change colours or
// erase a line of the terminal that shows its errors.
#pragma once
#include <ostream>
#include <streambuf>

namespace dpcrt {

class EscapingBuffer : public std::streambuf {
public:
  explicit EscapingBuffer(std::streambuf *target) : target(target) {}
  ~EscapingBuffer() override { sync(); }
  // What the program itself means to tell the terminal.
  void raw(const char *text);

protected:
  int_type overflow(int_type c) override;
  int sync() override;

private:
  void take(unsigned char c);
  void escape(unsigned char c);
  void flushPartial();
  std::streambuf *target;
  unsigned char partial[4]; // of a character of several bytes
  int have = 0, need = 0;
};

class EscapingStream : public std::ostream {
public:
  explicit EscapingStream(std::ostream &target) : std::ostream(nullptr), buffer(target.rdbuf()) {
    rdbuf(&buffer);
  }

private:
  EscapingBuffer buffer;
};

// Writes `text` as it is, whatever the stream does to names.
void writeControl(std::ostream &stream, const char *text);

} // namespace dpcrt
