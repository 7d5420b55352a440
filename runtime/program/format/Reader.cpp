// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bytes to a program that can be trusted.

#include "program/format/Reader.h"

#include "program/format/FileHeader.h"
#include "program/format/Validate.h"

using namespace dpcrt;

Result<ProgramFile> dpcrt::readProgram(std::vector<uint8_t> bytes, std::string name,
                                       unsigned errorLimit) {
  static constexpr FileKind kind = {"program", "DPCP", fb::VerifyProgramBuffer};
  if (Status s = checkFileHeader(bytes, name, kind); !s.ok())
    return s;
  ProgramFile file(std::move(bytes), std::move(name));
  uint64_t unknown = file->features() & ~kKnownFeatures;
  if (unknown != 0) {
    std::string bits;
    for (int bit = 0; bit < 64; ++bit)
      if (unknown >> bit & 1)
        bits += (bits.empty() ? "" : ", ") + std::to_string(bit);
    return error(Code::Artifact, file.name(),
                 ": the program needs features that this build does not have "
                 "(bits ",
                 bits, "); a newer dpc-run is needed");
  }
  Diagnostics diagnostics(errorLimit);
  validateProgram(file.program(), file.size(), diagnostics);
  if (!diagnostics.empty())
    return diagnostics.status(Code::Artifact).within(file.name());
  return file;
}

Result<ProgramFile> dpcrt::readProgramFile(const std::string &path, unsigned errorLimit) {
  Result<std::vector<uint8_t>> bytes = readArtifactFile(path);
  if (!bytes.ok())
    return bytes.status();
  return readProgram(std::move(*bytes), path, errorLimit);
}
