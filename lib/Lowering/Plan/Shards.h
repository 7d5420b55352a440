// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who of the ranks that hold the same parameters updates which elements of them (Rajbhandari
// et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", its first
// stage).
//
// The parameters of a bucket stand one after the other, and each rank has one run of their
// elements, about as many as every other:
//
//     parameters   | 0          | 1 | 2     | 3                    |
//     members        0         | 1         | 2         | 3
//
// Every cut lies at a multiple of a block of the sums of squares, counted in its parameter, or
// between two parameters: so that what a rank sums over its own blocks is what it would have
// summed of them over all.
#ifndef DPC_LIB_LOWERING_PLAN_SHARDS_H
#define DPC_LIB_LOWERING_PLAN_SHARDS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dpc::lowering {

/// Elements [begin, begin + elements) of a parameter.
struct Shard {
  unsigned parameter = 0;
  int64_t begin = 0, elements = 0;

  int64_t end() const { return begin + elements; }
};

/// What cuts may lie between: an optimizer that needs a parameter as the matrix it is updates
/// whole ones.
enum class ShardUnit { Block, Parameter };

/// Cuts parameters of so many elements each into the shards of each member, in their order.
/// A member has none where there are fewer units than members; `parameter` is the number in
/// the list.
std::vector<std::vector<Shard>> cutIntoShards(const std::vector<int64_t> &elements,
                                              unsigned members, ShardUnit unit);

/// Where each member's shards begin and end in what lies in the order of the list, parameter
/// after parameter: `placeOf(p, element)` is the place of an element, `end` that behind all.
/// A member without shards begins where the next one does.
template <typename PlaceOf>
std::vector<int64_t> boundariesOf(const std::vector<std::vector<Shard>> &shards, PlaceOf placeOf,
                                  int64_t end) {
  std::vector<int64_t> boundaries(shards.size() + 1, end);
  for (size_t m = shards.size(); m-- > 0;)
    boundaries[m] = shards[m].empty()
                        ? boundaries[m + 1]
                        : placeOf(shards[m].front().parameter, shards[m].front().begin);
  return boundaries;
}

/// From boundaries to the sizes of what lies between them.
inline std::vector<int64_t> partSizes(const std::vector<int64_t> &boundaries) {
  std::vector<int64_t> sizes;
  for (size_t m = 0; m + 1 < boundaries.size(); ++m)
    sizes.push_back(boundaries[m + 1] - boundaries[m]);
  return sizes;
}

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_SHARDS_H
