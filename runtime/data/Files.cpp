// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// POSIX files behind Status.
#include "data/Files.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dpcrt {
namespace {
Status systemError(Code code, const std::string &what) {
  return Status(code, what + ": " + std::strerror(errno));
}
} // namespace

InputFile::InputFile(InputFile &&other) noexcept { *this = std::move(other); }

InputFile &InputFile::operator=(InputFile &&other) noexcept {
  std::swap(fd, other.fd);
  std::swap(fileSize, other.fileSize);
  std::swap(mtime, other.mtime);
  std::swap(code, other.code);
  std::swap(name, other.name);
  return *this;
}

InputFile::~InputFile() {
  if (fd >= 0)
    ::close(fd);
}

Status InputFile::open(const std::string &path, Code code, InputFile &out) {
  InputFile file;
  file.code = code;
  file.name = path;
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0)
    return systemError(code, "cannot open '" + path + "'");
  if (!S_ISREG(info.st_mode))
    return Status(code, "'" + path + "' is not a regular file");
  file.fileSize = uint64_t(info.st_size);
  file.mtime = int64_t(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
  out = std::move(file);
  return {};
}

Status InputFile::read(uint64_t offset, void *dst, uint64_t bytes) const {
  auto *p = static_cast<char *>(dst);
  while (bytes) {
    ssize_t n = ::pread(fd, p, std::min<uint64_t>(bytes, 1u << 30), off_t(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return systemError(code, "cannot read '" + name + "'");
    if (n == 0)
      return Status(code, "'" + name + "' ends at byte " + std::to_string(offset) + ", " +
                              std::to_string(bytes) + " bytes are missing");
    p += n, offset += uint64_t(n), bytes -= uint64_t(n);
  }
  return {};
}

Status readWholeFile(const std::string &path, Code code, std::string &out) {
  InputFile file;
  if (Status s = InputFile::open(path, code, file); !s.ok())
    return s;
  out.resize(file.size());
  return file.read(0, out.data(), out.size());
}

Status readInPieces(const std::string &path, Code code,
                    const std::function<void(const char *, uint64_t)> &take) {
  InputFile file;
  if (Status s = InputFile::open(path, code, file); !s.ok())
    return s;
  std::vector<char> piece(1 << 20);
  for (uint64_t at = 0; at < file.size(); at += piece.size()) {
    uint64_t n = std::min<uint64_t>(piece.size(), file.size() - at);
    if (Status s = file.read(at, piece.data(), n); !s.ok())
      return s;
    take(piece.data(), n);
  }
  return {};
}

OutputFile::~OutputFile() {
  if (fd >= 0)
    ::close(fd);
  if (!temporary.empty())
    ::unlink(temporary.c_str());
}

Status OutputFile::create(const std::string &path) {
  name = path;
  std::string pattern = path + ".XXXXXX";
  fd = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (fd < 0)
    return systemError(Code::Io, "cannot write '" + path + "'");
  temporary = pattern;
  ::fchmod(fd, 0644);
  return {};
}

Status OutputFile::write(const void *data, uint64_t bytes) {
  auto *p = static_cast<const char *>(data);
  while (bytes) {
    ssize_t n = ::write(fd, p, std::min<uint64_t>(bytes, 1u << 30));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return systemError(Code::Io, "cannot write '" + name + "'");
    p += n, bytes -= uint64_t(n);
  }
  return {};
}

Status OutputFile::commit(bool durable) {
  if (durable && ::fsync(fd) != 0)
    return systemError(Code::Io, "cannot write '" + name + "'");
  int closing = fd;
  fd = -1;
  if (::close(closing) != 0 || ::rename(temporary.c_str(), name.c_str()) != 0)
    return systemError(Code::Io, "cannot write '" + name + "'");
  temporary.clear();
  return {};
}

void reportFileSizeLimitAsError() { std::signal(SIGXFSZ, SIG_IGN); }

Status writeFileAtomically(const std::string &path, const std::string &text) {
  OutputFile file;
  if (Status s = file.create(path); !s.ok())
    return s;
  if (Status s = file.write(text.data(), text.size()); !s.ok())
    return s;
  return file.commit();
}

Status syncFolder(const std::string &path) {
  int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some file systems cannot sync a folder, and say so with EINVAL.
  bool failed = folder < 0 || (::fsync(folder) != 0 && errno != EINVAL);
  Status status = failed ? systemError(Code::Io, "cannot write '" + path + "'") : Status();
  if (folder >= 0)
    ::close(folder);
  return status;
}

Status makeDirectories(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    return Status(Code::Io, "cannot make directory '" + path + "': " + error.message());
  return {};
}

std::vector<std::string> matchPaths(const std::string &pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos)
    return {pattern};
  std::vector<std::string> paths;
  glob_t result;
  if (::glob(pattern.c_str(), 0, nullptr, &result) == 0)
    for (size_t i = 0; i < result.gl_pathc; ++i)
      paths.push_back(result.gl_pathv[i]);
  ::globfree(&result);
  return paths; // glob sorts
}

bool isContainedPath(const std::string &path) {
  if (path.empty() || path[0] == '/' || path.find('\0') != std::string::npos)
    return false;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..")
      return false;
    begin = end + 1;
  }
  return true;
}

} // namespace dpcrt
