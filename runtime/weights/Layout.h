// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two layouts of a file of weights. Checkpoints and dumps keep the initializer's
// name and layout, exported state dicts the framework's; of a square matrix nothing
// but the file's own word tells which it is.
#pragma once
#include "data/Safetensors.h"

namespace dpcrt {

enum class Layout { Initializer, Framework };

const char *nameOf(Layout layout);

// What a file of weights written here says of itself.
std::map<std::string, std::string> layoutMetadata(Layout layout);

// What a file says of itself. One without a word of it is a state dict, as frameworks
// write them, except that a dump of an earlier version is known by its names.
Status layoutOf(const SafetensorsReader &file, Layout &out);

// The matrix turned over: `shape` is that of `in`.
void transposeMatrix(const char *in, const std::vector<uint64_t> &shape, uint64_t elementBytes,
                     char *out);
std::vector<uint64_t> transposedShape(const std::vector<uint64_t> &shape);

} // namespace dpcrt
