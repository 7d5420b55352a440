// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Palette.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace dpc::schedule {
namespace {

struct Range {
  Colour light, dark;
};

Range rangeOf(std::optional<Kind> kind) {
  if (!kind)
    return {{0xa8, 0xa8, 0xa8}, {0xa8, 0xa8, 0xa8}};
  switch (*kind) {
  case Kind::Forward:
    return {{0x7c, 0xc4, 0xee}, {0x00, 0x5a, 0x94}};
  case Kind::Backward:
    return {{0xe8, 0x6a, 0x1c}, {0x8c, 0x34, 0x00}};
  case Kind::Input:
    return {{0xf6, 0xbb, 0x3a}, {0xb3, 0x74, 0x00}};
  case Kind::Weight:
    return {{0x3f, 0xc0, 0x96}, {0x00, 0x68, 0x4b}};
  }
  return {};
}

double linear(unsigned channel) {
  double c = channel / 255.0;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

} // namespace

Colour colourOf(std::optional<Kind> kind, unsigned shade, unsigned shades) {
  Range range = rangeOf(kind);
  double t = shades > 1 ? std::min(1.0, (double)shade / (shades - 1)) : 0;
  auto mix = [&](unsigned a, unsigned b) { return (unsigned)std::lround(a + (b - (double)a) * t); };
  return {mix(range.light.red, range.dark.red), mix(range.light.green, range.dark.green),
          mix(range.light.blue, range.dark.blue)};
}

// By the relative luminance of WCAG: above it black has the higher contrast.
bool wantsWhiteText(const Colour &c) {
  return 0.2126 * linear(c.red) + 0.7152 * linear(c.green) + 0.0722 * linear(c.blue) < 0.179;
}

std::string hex(const Colour &c) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", c.red & 255, c.green & 255, c.blue & 255);
  return text;
}

const char *wordOf(Kind kind) {
  switch (kind) {
  case Kind::Forward:
    return "forward";
  case Kind::Backward:
    return "full backward";
  case Kind::Input:
    return "input half";
  case Kind::Weight:
    return "weight half";
  }
  return "";
}

} // namespace dpc::schedule
