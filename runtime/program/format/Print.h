// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program as text.
//
// The readable form of a program, for `dpc inspect`, for tests and for people:
// streams, arenas, kernels, blocks and the order of the step, each command on a
// line. The text is for reading only; the file is the one form that is run.

#ifndef DPCRT_PROGRAM_FORMAT_PRINT_H
#define DPCRT_PROGRAM_FORMAT_PRINT_H

#include "program/format/KernelTable.h"
#include "program/format/Program.h"

#include <string>

namespace dpcrt {

struct PrintOptions {
  bool tables = true; ///< kernels, library calls, groups, parameters, constants
  bool blocks = true; ///< the commands of blocks, not only their names
  bool order = true;  ///< the commands of the step
  /// If not empty, only the block of this name, with all its commands.
  std::string block;
  /// If not null, how a GPU runs each kernel.
  const KernelTable *kernels = nullptr;

  static PrintOptions summary() { return {false, false, false, {}, nullptr}; }
  static PrintOptions oneBlock(std::string name) {
    return {false, true, false, std::move(name), nullptr};
  }
};

/// The text of a program that came through Reader.h; the same for the same
/// bytes. Empty if `options.block` names no block.
std::string printProgram(const fb::Program &program, const PrintOptions &options = {});

/// "640 B", "1.5 KiB", "2.0 GiB".
std::string bytesInWords(uint64_t bytes);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_PRINT_H
