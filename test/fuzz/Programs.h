// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program files of an entry point, one after the other in one file.
#ifndef DPC_TEST_FUZZ_PROGRAMS_H
#define DPC_TEST_FUZZ_PROGRAMS_H

#include "program/format/Reader.h"

#include <string_view>

namespace dpcrt::test {

/// All of them, or why one is refused.
inline Result<std::vector<ProgramFile>> readPrograms(std::string_view bytes) {
  // A file's mark is behind the offset of its root.
  constexpr size_t before = sizeof(flatbuffers::uoffset_t);
  std::vector<ProgramFile> files;
  for (size_t begin = 0, end; begin < bytes.size(); begin = end) {
    size_t mark = bytes.find(fb::ProgramIdentifier(), begin + before + 1);
    end = mark == std::string_view::npos ? bytes.size() : mark - before;
    auto file = readProgram({bytes.begin() + begin, bytes.begin() + end}, "fuzz.prog");
    if (!file.ok())
      return file.status();
    files.push_back(std::move(*file));
  }
  return files;
}

inline std::vector<const fb::Program *> programsOf(const std::vector<ProgramFile> &files) {
  std::vector<const fb::Program *> programs;
  for (const ProgramFile &file : files)
    programs.push_back(&file.program());
  return programs;
}

} // namespace dpcrt::test

#endif // DPC_TEST_FUZZ_PROGRAMS_H
