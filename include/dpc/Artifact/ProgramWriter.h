// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a prog.program to the bytes that the runtime executes. One to one: every
// operation of the dialect is a table of runtime/program/format/Program.fbs.
#ifndef DPC_ARTIFACT_PROGRAMWRITER_H
#define DPC_ARTIFACT_PROGRAMWRITER_H

#include "dpc/Dialect/Prog/Prog.h"

#include <string>

namespace dpc::artifact {

/// What code generation adds to a kernel's declaration: its work, which is the same on
/// every target.
struct KernelWork {
  uint64_t flops = 0, bytes = 0;
};

/// What a program's bytes need besides the program.
struct ProgramContext {
  uint64_t ranks = 1, mirror = 1, dp = 1, ep = 1;
  /// By kernel name; nothing of one that has not been compiled yet.
  std::map<std::string, KernelWork> kernels;
  /// Offset of each constant in the artifact's constants file, added to when a
  /// program brings a new one; `constants` is that file's content.
  std::map<std::string, uint64_t> *constantOffsets = nullptr;
  std::string *constants = nullptr;
};

/// The FlatBuffer of a program, with identifier.
std::string writeProgram(prog::ProgramOp program, const ProgramContext &context);

} // namespace dpc::artifact

#endif // DPC_ARTIFACT_PROGRAMWRITER_H
