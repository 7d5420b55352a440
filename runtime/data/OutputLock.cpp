// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// flock on a file of its own.
#include "data/OutputLock.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dpcrt {

OutputLock::OutputLock(OutputLock &&other) noexcept { *this = std::move(other); }

OutputLock &OutputLock::operator=(OutputLock &&other) noexcept {
  std::swap(fd, other.fd);
  std::swap(name, other.name);
  return *this;
}

OutputLock::~OutputLock() {
  if (fd < 0)
    return;
  ::unlink(name.c_str()); // still locked, so nobody holds this file under this name
  ::close(fd);
}

Status OutputLock::takeFolder(const std::string &folder) { return take(folder + "/.lock", folder); }

Status OutputLock::takeFile(const std::string &path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
    return {};
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  return take(folder + "." + path.substr(folder.size()) + ".lock", path);
}

Status OutputLock::take(const std::string &path, const std::string &whose) {
  for (;;) {
    int opened = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (opened < 0)
      return error(Code::Io, "cannot write '", whose, "': ", std::strerror(errno));
    if (::flock(opened, LOCK_EX | LOCK_NB) != 0) {
      int reason = errno;
      char owner[32] = {};
      ssize_t n = ::pread(opened, owner, sizeof(owner) - 1, 0);
      ::close(opened);
      if (reason != EWOULDBLOCK)
        return error(Code::Io, "cannot lock '", whose, "': ", std::strerror(reason));
      return error(Code::Io, "'", whose, "' is being written by another run",
                   n > 0 ? " (process " + std::string(owner) + ")" : "",
                   "; wait for its end or give another name");
    }
    // Who left may have removed the file between our open and our lock.
    struct stat ours, named;
    if (::fstat(opened, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) {
      fd = opened;
      name = path;
      std::string pid = std::to_string(::getpid());
      // Only for messages: without it the lock holds all the same.
      [[maybe_unused]] bool named =
          ::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) >= 0;
      return {};
    }
    ::close(opened);
  }
}

} // namespace dpcrt
