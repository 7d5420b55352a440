// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Protocol Buffers' wire format, as far as copying a message with changes needs it:
// fields one after the other, and new content that is bytes of the original file,
// text of our own, or a parameter's values that are read when they are written.
#ifndef DPC_LIB_EXPORT_WIRE_H
#define DPC_LIB_EXPORT_WIRE_H

#include "session/Manifest.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dpc::exporting {

/// What takes the place of an initializer's values.
struct Replacement {
  const dpcrt::Manifest::Parameter *parameter = nullptr;
  bool transposed = false;
  uint64_t bytes = 0;
};

/// Content to come, in pieces.
class Rope {
public:
  struct Piece {
    std::string_view original;           ///< bytes that outlive the rope
    std::string text;                    ///< if `original` is empty
    const Replacement *values = nullptr; ///< if neither is given
  };
  void add(std::string_view original);
  void addText(std::string text);
  void add(const Replacement &values);
  void add(Rope other);
  /// A field whose content is text or a rope, with its tag and length.
  void addField(uint32_t number, std::string_view text);
  void addField(uint32_t number, Rope content);
  void addVarint(uint32_t number, uint64_t value);

  uint64_t size() const { return bytes; }
  const std::vector<Piece> &pieces() const { return list; }

private:
  std::vector<Piece> list;
  uint64_t bytes = 0;
};

struct Field {
  uint32_t number = 0;
  bool nested = false;      ///< of type length-delimited
  std::string_view whole;   ///< tag, length and content
  std::string_view content; ///< if nested
  uint64_t value = 0;       ///< of a varint
};
/// The field at the beginning of `rest`, which is shortened by it. False at the end
/// and, with `broken` set, where the bytes are no message.
bool nextField(std::string_view &rest, Field &field, bool &broken);

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_WIRE_H
