// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See FileHeader.h.
#include "program/format/FileHeader.h"

#include "program/format/Program.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

using namespace dpcrt;

namespace {

/// The first two fields of a root table, which every version of a format has: enough to
/// name the version of a file whose other tables this build may not understand.
struct VersionHeader : private flatbuffers::Table {
  static constexpr flatbuffers::voffset_t kMajor = 4, kMinor = 6;
  uint32_t major() const { return GetField<uint32_t>(kMajor, 0); }
  uint32_t minor() const { return GetField<uint32_t>(kMinor, 0); }
  bool Verify(flatbuffers::Verifier &verifier) const {
    return VerifyTableStart(verifier) && VerifyField<uint32_t>(verifier, kMajor, 4) &&
           VerifyField<uint32_t>(verifier, kMinor, 4) && verifier.EndTable();
  }
};
static_assert(fb::Program::VT_FORMAT_MAJOR == VersionHeader::kMajor &&
              fb::Program::VT_FORMAT_MINOR == VersionHeader::kMinor);

} // namespace

Status dpcrt::checkFileHeader(const std::vector<uint8_t> &bytes, const std::string &name,
                              const FileKind &kind) {
  auto refuse = [&](const auto &...parts) { return error(Code::Artifact, name, ": ", parts...); };
  // The root's offset and the identifier.
  constexpr size_t prefix = sizeof(flatbuffers::uoffset_t) + flatbuffers::kFileIdentifierLength;
  if (bytes.size() < prefix)
    return refuse("not a ", kind.what, ": it has only ", bytes.size(), " bytes");
  if (bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return refuse("not a ", kind.what, ": it has ", bytes.size(), " bytes");
  if (!flatbuffers::BufferHasIdentifier(bytes.data(), kind.mark))
    return refuse("not a ", kind.what, ": it does not carry the mark '", kind.mark, "'");

  flatbuffers::Verifier header(bytes.data(), bytes.size());
  if (!header.VerifyBuffer<VersionHeader>(kind.mark))
    return refuse("the file is damaged");
  const auto &version = *flatbuffers::GetRoot<VersionHeader>(bytes.data());
  if (version.major() != kFormatMajor)
    return refuse("the ", kind.what, " is of format version ", version.major(), ".",
                  version.minor(), ", but this build reads version ", kFormatMajor, ".",
                  kFormatMinor, "; compile the model again with this build");

  // A table takes at least four bytes and is referred to by four more; a file
  // in which more tables are reached lets tables share parts on purpose.
  flatbuffers::Verifier::Options options;
  options.max_depth = 16;
  options.max_tables = static_cast<flatbuffers::uoffset_t>(bytes.size() / 8 + 64);
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  return kind.verify(verifier) ? Status() : refuse("the file is damaged");
}

Result<std::vector<uint8_t>> dpcrt::readArtifactFile(const std::string &path) {
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
  return bytes;
}
