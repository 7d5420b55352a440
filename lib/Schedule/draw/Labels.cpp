// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Labels.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace dpc::schedule {
namespace {

// The length of the well-formed character at `at`, 0 if there is none.
size_t characterAt(const std::string &text, size_t at) {
  unsigned char c = text[at];
  size_t length = c < 0x80                ? 1
                  : c >= 0xc2 && c < 0xe0 ? 2
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xf0 && c < 0xf5 ? 4
                                          : 0;
  if (!length || at + length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if (((unsigned char)text[at + i] & 0xc0) != 0x80)
      return 0;
  unsigned char next = length > 1 ? text[at + 1] : 0;
  bool tooLong = (c == 0xe0 && next < 0xa0) || (c == 0xf0 && next < 0x90);
  bool outside = (c == 0xed && next >= 0xa0) || (c == 0xf4 && next >= 0x90);
  // U+FFFE and U+FFFF are in no XML document.
  bool isNothing = c == 0xef && next == 0xbf && (unsigned char)text[at + 2] >= 0xbe;
  return tooLong || outside || isNothing ? 0 : length;
}

// Control characters of ASCII, those of U+0080 to U+009F, and marks that turn the
// direction of what follows.
bool isControl(const std::string &text, size_t at, size_t length) {
  unsigned char c = text[at], next = length > 1 ? text[at + 1] : 0,
                third = length > 2 ? text[at + 2] : 0;
  if (length == 1)
    return c < 0x20 || c == 0x7f;
  if (length == 2)
    return c == 0xc2 && next < 0xa0;
  return c == 0xe2 && ((next == 0x80 && third >= 0xaa && third <= 0xae) ||
                       (next == 0x81 && third >= 0xa6 && third <= 0xa9));
}

size_t columnsOf(const std::string &text) {
  return std::count_if(text.begin(), text.end(),
                       [](unsigned char c) { return (c & 0xc0) != 0x80; });
}

} // namespace

std::string printable(const std::string &text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t length = characterAt(text, at);
    if (!length || isControl(text, at, length))
      result += "?";
    else
      result += text.substr(at, length);
    at += std::max<size_t>(length, 1);
  }
  return result;
}

std::string escapeMarkup(const std::string &text) {
  std::string result;
  for (char c : printable(text)) {
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    case '\'':
      result += "&#39;";
      break;
    default:
      result += c;
    }
  }
  return result;
}

std::string wrapWords(const std::string &text, unsigned width) {
  std::stringstream stream(text);
  std::string result, line;
  for (std::string word; stream >> word;) {
    if (!line.empty() && columnsOf(line) + 1 + columnsOf(word) > width) {
      result += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    while (columnsOf(line) > width) { // a word longer than a line
      size_t at = 0;
      for (unsigned i = 0; i < width; ++i)
        for (++at; at < line.size() && ((unsigned char)line[at] & 0xc0) == 0x80;)
          ++at;
      result += line.substr(0, at) + "\n";
      line.erase(0, at);
    }
  }
  return line.empty() ? result : result + line + "\n";
}

std::vector<double> ticksOf(double from, double to, double most) {
  std::vector<double> ticks;
  if (!(to > from) || !std::isfinite(from) || !std::isfinite(to))
    return ticks;
  double least = (to - from) / std::max(most, 1.0),
         power = std::pow(10, std::floor(std::log10(least))), apart = 10 * power;
  for (double factor : {5.0, 2.0, 1.0})
    if (factor * power >= least * (1 - 1e-9))
      apart = factor * power;
  double first = std::ceil(from / apart - 1e-9);
  for (unsigned i = 0; i <= most + 2; ++i)
    if (double tick = (first + i) * apart; tick <= to + 1e-9 * apart)
      ticks.push_back(tick);
  return ticks;
}

} // namespace dpc::schedule
