// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Wire.h"

namespace dpc::exporting {
namespace {
std::string varint(uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7)
    text.push_back(char(value | 0x80));
  text.push_back(char(value));
  return text;
}

bool readVarint(std::string_view &rest, uint64_t &value) {
  value = 0;
  for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    uint8_t byte = uint8_t(rest.front());
    rest.remove_prefix(1);
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}
} // namespace

void Rope::add(std::string_view original) {
  if (original.empty())
    return;
  bytes += original.size();
  // Neighbours in the file stay one piece.
  if (!list.empty()) {
    std::string_view &last = list.back().original;
    if (!last.empty() && last.data() + last.size() == original.data()) {
      last = {last.data(), last.size() + original.size()};
      return;
    }
  }
  list.push_back({original, "", nullptr});
}

void Rope::addText(std::string text) {
  bytes += text.size();
  if (!text.empty())
    list.push_back({{}, std::move(text), nullptr});
}

void Rope::add(const Replacement &values) {
  bytes += values.bytes;
  list.push_back({{}, "", &values});
}

void Rope::add(Rope other) {
  for (Piece &piece : other.list)
    if (!piece.original.empty()) {
      add(piece.original);
    } else {
      bytes += piece.values ? piece.values->bytes : piece.text.size();
      list.push_back(std::move(piece));
    }
}

void Rope::addField(uint32_t number, std::string_view text) {
  addText(varint(uint64_t(number) << 3 | 2) + varint(text.size()) + std::string(text));
}

void Rope::addField(uint32_t number, Rope content) {
  addText(varint(uint64_t(number) << 3 | 2) + varint(content.size()));
  add(std::move(content));
}

void Rope::addVarint(uint32_t number, uint64_t value) {
  addText(varint(uint64_t(number) << 3) + varint(value));
}

bool nextField(std::string_view &rest, Field &field, bool &broken) {
  broken = false;
  if (rest.empty())
    return false;
  std::string_view start = rest;
  uint64_t tag = 0, length = 0;
  broken = true;
  if (!readVarint(rest, tag) || tag >> 3 == 0 || tag >> 35 != 0)
    return false;
  field = Field();
  field.number = uint32_t(tag >> 3);
  switch (tag & 7) {
  case 0:
    if (!readVarint(rest, field.value))
      return false;
    break;
  case 1:
    length = 8;
    break;
  case 2:
    if (!readVarint(rest, length))
      return false;
    field.nested = true;
    break;
  case 5:
    length = 4;
    break;
  default:
    return false;
  }
  if (length > rest.size())
    return false;
  field.content = rest.substr(0, length);
  rest.remove_prefix(length);
  field.whole = start.substr(0, start.size() - rest.size());
  broken = false;
  return true;
}

} // namespace dpc::exporting
