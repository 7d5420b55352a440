// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program format's accessors.
//
// The generated accessors of Program.fbs (namespace dpcrt::fb) and the few
// facts about the format that the schema cannot say: the version this build
// reads and writes, the feature bits it knows, and how to walk a vector that a
// writer may have left out because it was empty. A program that came through
// Reader.h needs no further null or bounds checks.

#ifndef DPCRT_PROGRAM_FORMAT_PROGRAM_H
#define DPCRT_PROGRAM_FORMAT_PROGRAM_H

#include "Program_generated.h"
#include "program/format/Element.h"

#include <cstdint>
#include <string_view>

namespace dpcrt {

/// The version of the format that this build writes. A reader refuses another
/// major version and accepts any minor one: what a minor version adds and an
/// older runtime must not ignore is guarded by a feature bit.
inline constexpr uint32_t kFormatMajor = 6;
inline constexpr uint32_t kFormatMinor = 0;

/// Feature bits. Masters: parameters have values beside those that are computed with;
/// who does not know of them would save the wrong ones.
inline constexpr uint64_t kFeatureMasters = 1;
/// MomentParts: moments cover a part of their parameter; who does not know of it would
/// take them for those of its first elements.
inline constexpr uint64_t kFeatureMomentParts = 2;
/// Those this build understands.
inline constexpr uint64_t kKnownFeatures = kFeatureMasters | kFeatureMomentParts;

/// Alignment of arenas, and the granularity to which a writer may pad a message
/// between two tensors.
inline constexpr uint64_t kAlignment = 64;

/// Where `bytes` bytes that a command works on begin: at a multiple of 64, or, if they
/// are fewer, of the largest power of two that divides their number. Kernels are
/// compiled for this, and the reader refuses a program that breaks it.
constexpr uint64_t alignmentOf(uint64_t bytes) {
  return bytes >= kAlignment ? kAlignment : bytes & (~bytes + 1);
}

/// What one part of a program may ask for at most: far above any machine, and low
/// enough that sums of such numbers do not overflow.
inline constexpr uint64_t kMaxBytes = uint64_t(1) << 48;

/// The most buffers of a kernel; one more may be its scratch.
inline constexpr uint32_t kMaxKernelBuffers = 255;

/// Number of elements of a vector; 0 for one that was left out.
template <typename T> uint32_t count(const flatbuffers::Vector<T> *vector) {
  return vector ? vector->size() : 0;
}

/// Walks a vector that may have been left out: `for (auto x : items(v))`.
template <typename T> class Items {
public:
  explicit Items(const flatbuffers::Vector<T> *vector) : vector(vector) {}
  auto begin() const {
    return vector ? vector->begin() : typename flatbuffers::Vector<T>::const_iterator(nullptr, 0);
  }
  auto end() const {
    return vector ? vector->end() : typename flatbuffers::Vector<T>::const_iterator(nullptr, 0);
  }

private:
  const flatbuffers::Vector<T> *vector;
};
template <typename T> Items<T> items(const flatbuffers::Vector<T> *vector) {
  return Items<T>(vector);
}

/// Text of a string; empty for one that was left out.
inline std::string_view text(const flatbuffers::String *string) {
  return string ? std::string_view(string->c_str(), string->size()) : std::string_view();
}

/// The user's words for a command, block or operand: entry `index` of the
/// program's string table.
inline std::string_view text(const fb::Program &program, uint32_t index) {
  return index < count(program.strings()) ? text(program.strings()->Get(index))
                                          : std::string_view();
}

/// Of a program that came through Reader.h.
inline Element elementOf(const fb::Tensor &tensor) { return Element(tensor.dtype()); }
inline Element elementOf(const fb::Ref &ref) { return Element(ref.dtype()); }
inline Element elementOf(const fb::Buffer &buffer) { return Element(buffer.dtype()); }
inline Element elementOf(const fb::Operand &operand) { return Element(operand.dtype()); }
/// Both ends have it.
inline Element elementOf(const fb::Collective &collective) { return elementOf(*collective.src()); }

/// Consecutive elements of a tensor.
struct Extent {
  uint64_t begin = 0, count = 0;

  uint64_t end() const { return begin + count; }
};

/// The elements of a parameter, as this rank has it, whose moments the rank keeps; none
/// if it keeps none.
inline Extent momentExtent(const fb::Parameter &parameter) {
  if (count(parameter.moments()) == 0)
    return {};
  const fb::Ref &moment = *parameter.moments()->Get(0);
  return {parameter.moment_begin().value_or(0), moment.bytes() / sizeOf(elementOf(moment))};
}

inline bool reads(fb::Access access) { return access != fb::Access::Write; }
inline bool writes(fb::Access access) { return access != fb::Access::Read; }

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_PROGRAM_H
