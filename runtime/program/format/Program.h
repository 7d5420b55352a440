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
#include <vector>

namespace dpcrt {

/// The version of the format that this build writes. A reader refuses another
/// major version and accepts any minor one: what a minor version adds and an
/// older runtime must not ignore is guarded by a feature bit.
inline constexpr uint32_t kFormatMajor = 7;
inline constexpr uint32_t kFormatMinor = 2;

/// Feature bits. Masters: parameters have values beside those that are computed with;
/// who does not know of them would save the wrong ones.
inline constexpr uint64_t kFeatureMasters = 1;
/// Parts: ranks keep parts of what they update, and commands are of some replicas alone;
/// who does not know of it would take each part for a whole and run what is another's.
inline constexpr uint64_t kFeatureParts = 2;
/// Mirrors: some commands are there for runs that compare the mirrors of parameters, and the
/// step's end looks at what they have found (docs/CheckMirrors.md).
inline constexpr uint64_t kFeatureMirrors = 4;
/// Those this build understands.
inline constexpr uint64_t kKnownFeatures = kFeatureMasters | kFeatureParts | kFeatureMirrors;

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

/// What of `elements` elements none of the extents covers, ascending. They may overlap.
std::vector<Extent> gapsBetween(std::vector<Extent> extents, uint64_t elements);

/// Whether a list of replicas has this one; an empty list has all.
inline bool isOf(const flatbuffers::Vector<uint32_t> *replicas, uint32_t replica) {
  if (count(replicas) == 0)
    return true;
  for (uint32_t each : *replicas)
    if (each == replica)
      return true;
  return false;
}

/// What one replica keeps of a parameter: the elements of it, as the rank has it, whose
/// reduced gradient, master and moments are here.
struct Kept {
  Extent extent; ///< none if it keeps nothing
  const fb::Ref *master = nullptr;
  const flatbuffers::Vector<const fb::Ref *> *moments = nullptr; ///< perhaps null
};
Kept keptBy(const fb::Parameter &parameter, uint32_t replica);

/// Whether what is updated lies beside what is computed with.
bool hasMaster(const fb::Parameter &parameter);

/// The type of what is updated, and of gradients and moments.
Element keptElement(const fb::Parameter &parameter);

/// The elements of a parameter as this rank has it.
uint64_t elementsOf(const fb::Parameter &parameter);

inline bool reads(fb::Access access) { return access != fb::Access::Write; }
inline bool writes(fb::Access access) { return access != fb::Access::Read; }

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_PROGRAM_H
