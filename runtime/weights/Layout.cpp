// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a file of weights says of its layout.
#include "weights/Layout.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace dpcrt {

const char *nameOf(Layout layout) {
  return layout == Layout::Initializer ? "initializer" : "framework";
}

std::map<std::string, std::string> layoutMetadata(Layout layout) {
  return {{"format_version", "1.0"}, {"layout", nameOf(layout)}};
}

Status layoutOf(const SafetensorsReader &file, Layout &out) {
  const auto &metadata = file.metadata();
  const std::string &path = file.file().path();
  if (auto version = metadata.find("format_version");
      version != metadata.end() && version->second.compare(0, 2, "1.") != 0)
    return error(Code::Data, "'", path, "' has format version ", version->second,
                 "; this version of dpc reads 1.x");
  auto layout = metadata.find("layout");
  if (layout != metadata.end()) {
    out = layout->second == nameOf(Layout::Initializer) ? Layout::Initializer : Layout::Framework;
    if (layout->second == nameOf(out))
      return {};
    return error(Code::Data, "'", path, "' records the layout '", layout->second,
                 "'; known are initializer and framework");
  }
  out = Layout::Framework;
  for (auto &[name, tensor] : file.tensors())
    if (name.compare(0, 6, "param/") == 0)
      out = Layout::Initializer;
  return {};
}

void transposeMatrix(const char *in, const std::vector<uint64_t> &shape, uint64_t elementBytes,
                     char *out) {
  assert(shape.size() == 2);
  uint64_t rows = shape[0], columns = shape[1];
  constexpr uint64_t tile = 32; // both sides stay in cache
  for (uint64_t r0 = 0; r0 < rows; r0 += tile)
    for (uint64_t c0 = 0; c0 < columns; c0 += tile)
      for (uint64_t r = r0; r < std::min(rows, r0 + tile); ++r)
        for (uint64_t c = c0; c < std::min(columns, c0 + tile); ++c)
          std::memcpy(out + (c * rows + r) * elementBytes, in + (r * columns + c) * elementBytes,
                      elementBytes);
}

std::vector<uint64_t> transposedShape(const std::vector<uint64_t> &shape) {
  return {shape.rbegin(), shape.rend()};
}

} // namespace dpcrt
