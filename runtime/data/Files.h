// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files as the runtime reads and writes them: reads by position that report short
// files instead of faulting, writes that appear whole or not at all.
#pragma once
#include "program/format/Status.h"
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dpcrt {

// A file open for reading at any position, from any thread.
class InputFile {
public:
  InputFile() = default;
  InputFile(InputFile &&other) noexcept;
  InputFile &operator=(InputFile &&other) noexcept;
  ~InputFile();
  // `code` is what a failure means to the caller (Data, Model, ...).
  static Status open(const std::string &path, Code code, InputFile &out);
  Status read(uint64_t offset, void *dst, uint64_t bytes) const;
  uint64_t size() const { return fileSize; }
  int64_t modificationTime() const { return mtime; } // nanoseconds
  const std::string &path() const { return name; }

private:
  int fd = -1;
  uint64_t fileSize = 0;
  int64_t mtime = 0;
  Code code = Code::Io;
  std::string name;
};

Status readWholeFile(const std::string &path, Code code, std::string &out);

// A whole file in pieces of at most a MiB, from its beginning.
Status readInPieces(const std::string &path, Code code,
                    const std::function<void(const char *piece, uint64_t bytes)> &take);

// A file that gets its name by rename when it is complete; until then, and after
// any failure, the destination is as it was. Failures have code InputOutput.
class OutputFile {
public:
  OutputFile() = default;
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  ~OutputFile();
  Status create(const std::string &path);
  Status write(const void *data, uint64_t bytes);
  // `durable`: the bytes are on the disk before the name is there. The name itself is
  // once the folder has been synced too (syncFolder).
  Status commit(bool durable = false);

private:
  int fd = -1;
  std::string name, temporary;
};

// Lets a write beyond the limit on file sizes (ulimit -f, batch systems set it)
// fail like a full disk, with a message and a clean-up, where the system would
// end the process. A tool calls it once, before it writes.
void reportFileSizeLimitAsError();

Status writeFileAtomically(const std::string &path, const std::string &text);
Status makeDirectories(const std::string &path);
// Makes names that appeared or went in a folder last through a loss of power.
Status syncFolder(const std::string &path);
// Paths matching a shell pattern, sorted; the path itself if it has no pattern
// characters.
std::vector<std::string> matchPaths(const std::string &pattern);
// Whether `path` is relative, uses no "..", ".", empty component or NUL.
bool isContainedPath(const std::string &path);

} // namespace dpcrt
