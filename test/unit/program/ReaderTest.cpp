// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that are not what they should be.

#include "Builder.h"

#include "program/format/Print.h"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

using namespace dpcrt;
using namespace dpcrt::test;

static Status read(std::vector<uint8_t> bytes) {
  return readProgram(std::move(bytes), "a.prog").status();
}

TEST(Reader, TakesWhatWasWritten) {
  Programs programs = pipeline(2, 3);
  Result<ProgramFile> file = readProgram(pack(*programs[1]), "rank1.prog");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->program().coordinate(), 1u);
  EXPECT_EQ(file->name(), "rank1.prog");
  ProgramFile moved = std::move(*file);
  EXPECT_EQ(text(moved->entry()), "train_step");
}

// FlatBuffers' verifier lets a vector of numbers of eight bytes begin at any multiple of
// four.
TEST(Reader, RefusesNumbersOffTheirAlignment) {
  Programs programs = pipeline(2, 3);
  resize(programs[0]->kernels[Add]->buffers[0], 2);
  std::vector<uint8_t> bytes = pack(*programs[0]);
  const fb::Kernel *kernel = fb::GetProgram(bytes.data())->kernels()->Get(Add);
  // Four bytes further: the first number is taken for the length.
  uint8_t *offset = bytes.data() + (reinterpret_cast<const uint8_t *>(kernel) - bytes.data()) +
                    static_cast<const flatbuffers::Table *>(static_cast<const void *>(kernel))
                        ->GetOptionalFieldOffset(fb::Kernel::VT_BUFFERS);
  flatbuffers::WriteScalar(offset, flatbuffers::ReadScalar<flatbuffers::uoffset_t>(offset) + 4);
  Status status = read(std::move(bytes));
  EXPECT_EQ(status.code(), Code::Artifact);
  EXPECT_NE(status.message().find("the file is damaged: its parts are not aligned"),
            std::string::npos)
      << status.message();
}

TEST(Reader, RefusesAnotherMajorVersion) {
  Programs programs = pipeline(2, 3);
  programs[0]->format_major = kFormatMajor + 1;
  programs[0]->format_minor = 7;
  Status status = read(pack(*programs[0]));
  EXPECT_EQ(status.exitStatus(), 3);
  EXPECT_EQ(status.message(), "a.prog: the program is of format version 8.7, but this build reads "
                              "version 7.2; compile the model again with this build");
}

TEST(Reader, AcceptsANewerMinorVersion) {
  Programs programs = pipeline(2, 3);
  programs[0]->format_minor = 9;
  EXPECT_TRUE(read(pack(*programs[0])).ok());
}

TEST(Reader, RefusesUnknownFeatures) {
  Programs programs = pipeline(2, 3);
  programs[0]->features = uint64_t(1) << 40 | 8;
  EXPECT_EQ(read(pack(*programs[0])).message(),
            "a.prog: the program needs features that this build does not have "
            "(bits 3, 40); a newer dpc-run is needed");
}

TEST(Reader, RefusesOtherFiles) {
  EXPECT_EQ(read({}).message(), "a.prog: not a program: it has only 0 bytes");
  // A mark ends at byte 8.
  EXPECT_EQ(read(std::vector<uint8_t>(7, 'x')).message(),
            "a.prog: not a program: it has only 7 bytes");
  for (size_t bytes : {8, 100})
    EXPECT_EQ(read(std::vector<uint8_t>(bytes, 'x')).message(),
              "a.prog: not a program: it does not carry the mark 'DPCP'");
  std::vector<uint8_t> half = pack(*pipeline(2, 3)[0]);
  half.resize(half.size() / 2);
  EXPECT_EQ(read(half).message(), "a.prog: the file is damaged");
}

TEST(Reader, ReadsFiles) {
  std::string path = testing::TempDir() + "dpc-program-" + std::to_string(getpid());
  EXPECT_EQ(readProgramFile(path).status().message(), path + ": No such file or directory");
  std::vector<uint8_t> bytes = pack(*pipeline(2, 3)[0]);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
  Result<ProgramFile> file = readProgramFile(path);
  EXPECT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->size(), bytes.size());
  std::remove(path.c_str());
}

TEST(Reader, StopsAtTheErrorLimit) {
  Programs programs = pipeline(2, 4);
  for (auto &command : programs[0]->order)
    command->stream = 99;
  Status status = readProgram(pack(*programs[0]), "a.prog", /*errorLimit=*/2).status();
  EXPECT_NE(status.message().find("\nand "), std::string::npos) << status.message();
  EXPECT_EQ(std::count(status.message().begin(), status.message().end(), '\n'), 2);
}

/// A file may say that many tables share one long vector; reading it must not
/// take quadratic time.
TEST(Reader, RefusesPartsThatOverlap) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<uint32_t> events(20000, 0);
  auto waits = builder.CreateVector(events);
  std::vector<flatbuffers::Offset<fb::Command>> commands;
  for (int i = 0; i < 2000; ++i) {
    auto join = fb::CreateJoin(builder);
    commands.push_back(fb::CreateCommand(builder, 0, waits, -1, fb::Action::Join, join.Union(), 0));
  }
  auto order = builder.CreateVector(commands);
  auto entry = builder.CreateString("train_step");
  auto mesh = fb::CreateMesh(builder);
  fb::ProgramBuilder program(builder);
  program.add_format_major(kFormatMajor);
  program.add_entry(entry);
  program.add_mesh(mesh);
  program.add_micro_batches(1);
  program.add_order(order);
  fb::FinishProgramBuffer(builder, program.Finish());
  Status status =
      read({builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()});
  EXPECT_FALSE(status.ok());
  Result<ProgramFile> file =
      readProgram({builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()},
                  "a.prog", 100000);
  EXPECT_NE(file.status().message().find("the file is damaged: its parts overlap"),
            std::string::npos);
}

/// Whatever the bytes are, there is a clear answer: accepted, and then they can
/// be checked and printed, or refused with a message.
TEST(Reader, SurvivesDamage) {
  Programs programs = pipeline(2, 3);
  std::vector<uint8_t> intact = pack(*programs[0]);
  std::vector<uint8_t> partner = pack(*programs[1]);
  Result<ProgramFile> other = readProgram(partner, "partner");
  ASSERT_TRUE(other.ok());
  unsigned accepted = 0, refused = 0;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    std::mt19937 random(seed);
    std::vector<uint8_t> bytes = intact;
    switch (seed % 4) {
    case 0: // one bit
      bytes[random() % bytes.size()] ^= uint8_t(1u << random() % 8);
      break;
    case 1: // some bytes
      for (unsigned n = 1 + random() % 8; n > 0; --n)
        bytes[random() % bytes.size()] = uint8_t(random());
      break;
    case 2: { // a number becomes an extreme one
      size_t at = random() % (bytes.size() - 4);
      const uint32_t extremes[] = {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu};
      uint32_t value = extremes[random() % 5];
      std::memcpy(&bytes[at], &value, 4);
      break;
    }
    case 3:
      bytes.resize(random() % bytes.size());
      break;
    }
    Result<ProgramFile> file = readProgram(std::move(bytes), "damaged");
    if (!file.ok()) {
      ++refused;
      ASSERT_FALSE(file.status().message().empty()) << "seed " << seed;
      ASSERT_EQ(file.status().code(), Code::Artifact) << "seed " << seed;
      continue;
    }
    ++accepted;
    ASSERT_FALSE(printProgram(file->program()).empty()) << "seed " << seed;
    Status status = checkPrograms({&file->program(), &other->program()});
    ASSERT_TRUE(status.ok() || !status.message().empty()) << "seed " << seed;
  }
  EXPECT_GT(refused, 3000u);
  EXPECT_GT(accepted, 100u);
}
