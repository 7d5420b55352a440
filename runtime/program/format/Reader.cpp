// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bytes to a program that can be trusted.

#include "program/format/Reader.h"

#include "program/format/Validate.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

using namespace dpcrt;

namespace {

/// The first two fields of the root table, which every version of the format
/// has: enough to name the version of a file whose other tables this build may
/// not understand.
struct VersionHeader : private flatbuffers::Table {
  uint32_t major() const { return GetField<uint32_t>(fb::Program::VT_FORMAT_MAJOR, 0); }
  uint32_t minor() const { return GetField<uint32_t>(fb::Program::VT_FORMAT_MINOR, 0); }
  bool Verify(flatbuffers::Verifier &verifier) const {
    return VerifyTableStart(verifier) &&
           VerifyField<uint32_t>(verifier, fb::Program::VT_FORMAT_MAJOR, 4) &&
           VerifyField<uint32_t>(verifier, fb::Program::VT_FORMAT_MINOR, 4) && verifier.EndTable();
  }
};

} // namespace

Result<ProgramFile> dpcrt::readProgram(std::vector<uint8_t> bytes, std::string name,
                                       unsigned errorLimit) {
  auto refuse = [&](const auto &...parts) { return error(Code::Artifact, name, ": ", parts...); };
  // The root's offset and the identifier.
  constexpr size_t prefix = sizeof(flatbuffers::uoffset_t) + flatbuffers::kFileIdentifierLength;
  if (bytes.size() < prefix)
    return refuse("not a program: it has only ", bytes.size(), " bytes");
  if (bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return refuse("not a program: it has ", bytes.size(), " bytes");
  if (!fb::ProgramBufferHasIdentifier(bytes.data()))
    return refuse("not a program: it does not carry the mark '", fb::ProgramIdentifier(), "'");

  flatbuffers::Verifier header(bytes.data(), bytes.size());
  if (!header.VerifyBuffer<VersionHeader>(fb::ProgramIdentifier()))
    return refuse("the file is damaged");
  const auto &version = *flatbuffers::GetRoot<VersionHeader>(bytes.data());
  if (version.major() != kFormatMajor)
    return refuse("the program is of format version ", version.major(), ".", version.minor(),
                  ", but this build reads version ", kFormatMajor, ".", kFormatMinor,
                  "; compile the model again with this build");

  // A table takes at least four bytes and is referred to by four more; a file
  // in which more tables are reached lets tables share parts on purpose.
  flatbuffers::Verifier::Options options;
  options.max_depth = 16;
  options.max_tables = static_cast<flatbuffers::uoffset_t>(bytes.size() / 8 + 64);
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  if (!fb::VerifyProgramBuffer(verifier))
    return refuse("the file is damaged");

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
  std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file)
    return error(Code::Artifact, path, ": ", std::strerror(errno));
  std::vector<uint8_t> bytes;
  size_t used = 0;
  do {
    bytes.resize(std::max<size_t>(1 << 16, 2 * used));
    used += std::fread(bytes.data() + used, 1, bytes.size() - used, file.get());
  } while (used == bytes.size() && used < FLATBUFFERS_MAX_BUFFER_SIZE);
  if (std::ferror(file.get()))
    return error(Code::Artifact, path, ": ", std::strerror(errno));
  bytes.resize(used);
  return readProgram(std::move(bytes), path, errorLimit);
}
