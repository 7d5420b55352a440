// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every FlatBuffer file of an artifact begins with, checked before anything else
// of it is believed: its mark, the version of its format, and that it holds together.
#ifndef DPCRT_PROGRAM_FORMAT_FILEHEADER_H
#define DPCRT_PROGRAM_FORMAT_FILEHEADER_H

#include "program/format/Status.h"

#include "flatbuffers/verifier.h"

#include <string>
#include <vector>

namespace dpcrt {

/// A kind of file, whose root table has `format_major` and `format_minor` first.
struct FileKind {
  const char *what; // "program"
  const char *mark; // the identifier
  bool (*verify)(flatbuffers::Verifier &);
};

/// Errors have code Artifact and begin with `name`.
Status checkFileHeader(const std::vector<uint8_t> &bytes, const std::string &name,
                       const FileKind &kind);

/// A whole file; one that cannot be opened or read is an error of code Artifact, for it
/// is a part of an artifact that is missing.
Result<std::vector<uint8_t>> readArtifactFile(const std::string &path);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_FILEHEADER_H
