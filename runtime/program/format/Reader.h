// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bytes to a program that can be trusted.
//
// The one way into a program file. Files come from outside and may be damaged
// or hostile: a program that is handed out here has been through the
// FlatBuffers verifier, is of a version and of features this build knows, and
// is well formed (Validate.h), so that its users check nothing again.

#ifndef DPCRT_PROGRAM_FORMAT_READER_H
#define DPCRT_PROGRAM_FORMAT_READER_H

#include "program/format/Program.h"
#include "program/format/Status.h"

#include <vector>

namespace dpcrt {

/// A validated program and the bytes it lies in. Moving it leaves the program
/// where it is.
class ProgramFile {
public:
  ProgramFile(const ProgramFile &) = delete;
  ProgramFile &operator=(const ProgramFile &) = delete;
  ProgramFile(ProgramFile &&) = default;
  ProgramFile &operator=(ProgramFile &&) = default;

  const fb::Program &program() const { return *flatbuffers::GetRoot<fb::Program>(bytes.data()); }
  const fb::Program *operator->() const { return &program(); }
  /// What the program was read from, for messages.
  const std::string &name() const { return source; }
  uint64_t size() const { return bytes.size(); }

private:
  friend Result<ProgramFile> readProgram(std::vector<uint8_t>, std::string, unsigned);
  ProgramFile(std::vector<uint8_t> bytes, std::string source)
      : bytes(std::move(bytes)), source(std::move(source)) {}

  std::vector<uint8_t> bytes;
  std::string source;
};

/// Takes a program from `bytes`, which `name` (a file's name) stands for in
/// messages. Errors have code Artifact and at most `errorLimit` lines.
Result<ProgramFile> readProgram(std::vector<uint8_t> bytes, std::string name,
                                unsigned errorLimit = 20);

/// The same from a file. A file that cannot be opened or read is an error of
/// code Artifact too: it is a part of an artifact that is missing.
Result<ProgramFile> readProgramFile(const std::string &path, unsigned errorLimit = 20);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_READER_H
