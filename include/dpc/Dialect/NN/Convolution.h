// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A convolution in numbers: what `nn.conv` and its two derivatives have in common,
// for those who compute it (library, interpreter) or ask what it costs.
#ifndef DPC_DIALECT_NN_CONVOLUTION_H
#define DPC_DIALECT_NN_CONVOLUTION_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace dpc::nn {

/// The output's element at (n, o, p) is the sum over the input channels c of o's
/// group and the places k of the kernel, in this order, of
/// input(n, c, p * stride + k * dilation - low) * weight(o, c, k). An element
/// outside the input is zero.
struct Convolution {
  int64_t batch = 0, groups = 1;
  int64_t inputChannels = 0, outputChannels = 0; ///< of all groups together
  /// One number per spatial dimension.
  llvm::SmallVector<int64_t, 2> input, output, kernel, strides, dilations, low, high;

  /// Of any of the three: each does every product of the sum once.
  int64_t getFlops() const;
};

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_CONVOLUTION_H
