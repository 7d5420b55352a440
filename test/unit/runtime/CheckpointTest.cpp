// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints as files: what is written can be read, what is damaged is refused by
// name, and the newest whole one is found.
#include "checkpoint/Checkpoint.h"
#include "TinyArtifact.h"
#include "data/Files.h"
#include "data/Hash.h"
#include "data/OutputLock.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dpcrt::test {
namespace {
namespace fs = std::filesystem;

class CheckpointFiles : public testing::Test {
protected:
  void SetUp() override { dir = temporaryDirectory("checkpoints"); }
  void TearDown() override { fs::remove_all(dir); }

  static CheckpointManifest manifest(uint64_t step, uint64_t generation = 1) {
    CheckpointManifest m;
    m.generation = generation;
    m.step = m.updates = step;
    m.cursor = 4 * step;
    m.rows = 100;
    m.seed = UINT64_MAX;
    m.shuffle = 7;
    m.learningRate = 0.1;
    m.producer = "test";
    m.modelName = "model";
    m.modelHash = "hash";
    m.optimizer = "momentum";
    m.parameters = {{"a.weight", {2, 3}, Element::F32, true, {"momentum"}},
                    {"b", {}, Element::F32, false, {}}};
    m.config = {{"run", "steps=4"}};
    return m;
  }
  Status write(uint64_t step, uint64_t keep = 3, uint64_t generation = 1) {
    for (float &v : values)
      v = float(step) + 1;
    CheckpointManifest m = manifest(step, generation);
    return writeCheckpoint(dir, m,
                           {{"a.weight", Element::F32, {2, 3}, values},
                            {"a.weight.momentum", Element::F32, {2, 3}, values},
                            {"b", Element::F32, {}, values}},
                           keep);
  }
  std::vector<std::string> names() {
    std::vector<std::string> list;
    for (auto &entry : fs::directory_iterator(dir))
      list.push_back(entry.path().filename());
    std::sort(list.begin(), list.end());
    return list;
  }
  uint64_t newest(std::vector<std::string> &notes) {
    Checkpoint c;
    Status s = openNewestCheckpoint(dir, c, notes);
    return s.ok() ? c.manifest.step : 0;
  }

  std::string dir;
  float values[6];
};

TEST_F(CheckpointFiles, ReadWhatWasWritten) {
  ASSERT_TRUE(write(5).ok());
  Checkpoint c;
  std::vector<std::string> notes;
  ASSERT_TRUE(openNewestCheckpoint(dir, c, notes).ok());
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(c.path(), dir + "/step-5");
  EXPECT_EQ(c.manifest.step, 5u);
  EXPECT_EQ(c.manifest.cursor, 20u);
  EXPECT_EQ(c.manifest.seed, UINT64_MAX);
  EXPECT_EQ(c.manifest.shuffle, std::optional<uint64_t>(7));
  EXPECT_EQ(c.manifest.parameters[0].moments, std::vector<std::string>{"momentum"});
  EXPECT_EQ(c.manifest.config["run"], "steps=4");
  float read[6];
  ASSERT_TRUE(c.read("a.weight.momentum", Element::F32, {2, 3}, read).ok());
  EXPECT_EQ(std::memcmp(read, values, sizeof(read)), 0);
  EXPECT_EQ(c.read("a.weight", Element::F32, {3, 2}, read).code(), Code::Checkpoint);
  EXPECT_EQ(c.read("c", Element::F32, {}, read).code(), Code::Checkpoint);
  // Also by the one checkpoint's own path.
  EXPECT_TRUE(openNewestCheckpoint(dir + "/step-5", c, notes).ok());
}

TEST_F(CheckpointFiles, KeepTheNewestAndTakeTheHighestGenerationFirst) {
  for (uint64_t step : {2, 4, 6, 8})
    ASSERT_TRUE(write(step).ok());
  EXPECT_EQ(names(), (std::vector<std::string>{"step-4", "step-6", "step-8"}));
  ASSERT_TRUE(write(3, 3, 2).ok());
  EXPECT_EQ(names(), (std::vector<std::string>{"step-3", "step-6", "step-8"}));
  std::vector<std::string> notes;
  EXPECT_EQ(newest(notes), 3u) << "the run that began later is the newer one";
  ASSERT_TRUE(write(8, 1, 2).ok());
  EXPECT_EQ(names(), std::vector<std::string>{"step-8"});
}

// Every bit of the manifest and of the state, and every length: the one before is
// taken, and the message names the file.
TEST_F(CheckpointFiles, DamageIsFoundAndTheOneBeforeTaken) {
  ASSERT_TRUE(write(1).ok());
  ASSERT_TRUE(write(2).ok());
  for (const char *file : {"manifest.json", "state.safetensors"}) {
    std::string path = dir + "/step-2/" + file, whole;
    ASSERT_TRUE(readWholeFile(path, Code::Io, whole).ok());
    auto expectPassedOver = [&](const std::string &content, const std::string &how) {
      std::ofstream(path, std::ios::binary) << content;
      std::vector<std::string> notes;
      EXPECT_EQ(newest(notes), 1u) << file << " " << how;
      ASSERT_EQ(notes.size(), 1u) << file << " " << how;
      EXPECT_NE(notes[0].find(path), std::string::npos) << notes[0];
    };
    for (size_t bit = 0; bit < whole.size() * 8; bit += 7) {
      std::string flipped = whole;
      flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << bit % 8));
      expectPassedOver(flipped, "bit " + std::to_string(bit));
    }
    for (size_t length = 0; length < whole.size(); length += 17)
      expectPassedOver(whole.substr(0, length), "length " + std::to_string(length));
    expectPassedOver(whole + "\n", "with a byte more");
    std::ofstream(path, std::ios::binary) << whole;
  }
  fs::remove(dir + "/step-2/state.safetensors");
  std::vector<std::string> notes;
  EXPECT_EQ(newest(notes), 1u);
  // Without a manifest it is none, whatever else lies there.
  fs::remove(dir + "/step-2/manifest.json");
  notes.clear();
  EXPECT_EQ(newest(notes), 1u);
  EXPECT_TRUE(notes.empty());
  std::ofstream(dir + "/step-1/state.safetensors") << "x";
  Checkpoint c;
  Status none = openNewestCheckpoint(dir, c, notes);
  EXPECT_EQ(none.code(), Code::Checkpoint);
  EXPECT_NE(none.message().find("step-1/state.safetensors"), std::string::npos) << none.message();
}

TEST_F(CheckpointFiles, OtherMajorVersionsAreNamed) {
  std::string text = writeCheckpointManifest(manifest(1));
  size_t version = text.find("\"format_version\": [\n  1");
  ASSERT_NE(version, std::string::npos);
  text[text.find('1', version)] = '9';
  std::string body = text.substr(0, text.rfind(",\n \"checksum\""));
  CheckpointManifest m;
  Status s = parseCheckpointManifest(
      body + ",\n \"checksum\": \"" + hashHex(body.data(), body.size()) + "\"\n}\n", m);
  EXPECT_NE(s.message().find("9.0"), std::string::npos) << s.message();
  EXPECT_NE(s.message().find("major version 1 to 2"), std::string::npos) << s.message();
}

TEST_F(CheckpointFiles, AFileOutsideIsRefused) {
  CheckpointManifest m = manifest(1), read;
  m.files = {{"../state.safetensors", 8, std::string(32, '0')}};
  Status s = parseCheckpointManifest(writeCheckpointManifest(m), read);
  EXPECT_EQ(s.code(), Code::Checkpoint);
  EXPECT_NE(
      s.message().find("'files[0].name' names '../state.safetensors', which leaves the checkpoint"),
      std::string::npos)
      << s.message();
}

// A run that was killed between any two renames.
TEST_F(CheckpointFiles, WhatAKillLeavesIsUsedOrRemoved) {
  ASSERT_TRUE(write(4).ok());
  fs::rename(dir + "/step-4", dir + "/step-4.partial"); // complete, without its name
  fs::create_directories(dir + "/step-6.partial");      // not complete
  std::ofstream(dir + "/step-6.partial/state.safetensors.abcdef") << "half";
  ASSERT_TRUE(write(2).ok());
  fs::rename(dir + "/step-2", dir + "/step-2.removed"); // on its way out
  fs::create_directories(dir + "/step-9");              // another program's
  std::ofstream(dir + "/step-9/manifest.json") << "{}";
  std::vector<std::string> notes;
  ASSERT_TRUE(tidyCheckpoints(dir).ok());
  EXPECT_EQ(names(), (std::vector<std::string>{"step-4", "step-9"}));
  EXPECT_EQ(newest(notes), 4u);
  ASSERT_EQ(notes.size(), 1u); // it may be a damaged one
  notes.clear();
  EXPECT_EQ(write(9).code(), Code::Io) << "what is no checkpoint of ours is never replaced";
  fs::remove_all(dir + "/step-9");
  // Killed between the two renames that replace one.
  ASSERT_TRUE(write(4, 3, 2).ok());
  fs::rename(dir + "/step-4", dir + "/step-4.replaced");
  ASSERT_TRUE(tidyCheckpoints(dir).ok());
  EXPECT_EQ(newest(notes), 4u);
  ASSERT_TRUE(write(4, 3, 2).ok());
  EXPECT_EQ(newest(notes), 4u);
  EXPECT_TRUE(notes.empty());
  ASSERT_TRUE(write(8, 1, 2).ok());
  EXPECT_EQ(names(), std::vector<std::string>{"step-8"});
}

// As /proc cannot, for one; of any other failure the checkpoint may not outlast a loss of power.
TEST_F(CheckpointFiles, AFolderThatItsFileSystemCannotSyncIsNoError) {
  int folder = open("/proc", O_RDONLY | O_DIRECTORY);
  ASSERT_GE(folder, 0);
  errno = 0;
  EXPECT_EQ(fsync(folder), -1);
  EXPECT_EQ(errno, EINVAL);
  close(folder);
  EXPECT_TRUE(syncFolder("/proc").ok());
  EXPECT_TRUE(syncFolder(dir).ok());
  EXPECT_EQ(syncFolder(dir + "/none").message(),
            "cannot write '" + dir + "/none': No such file or directory");
}

TEST_F(CheckpointFiles, ALockDiesWithItsOwner) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    OutputLock lock;
    char ok = lock.takeFolder(dir).ok() ? 'y' : 'n';
    if (!write(1).ok() || ::write(ready[1], &ok, 1) != 1)
      _exit(1);
    pause();
    _exit(0);
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  ASSERT_EQ(ok, 'y');
  OutputLock second;
  Status s = second.takeFolder(dir);
  EXPECT_EQ(s.code(), Code::Io);
  EXPECT_NE(s.message().find("process " + std::to_string(child)), std::string::npos) << s.message();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(second.takeFolder(dir).ok());
  OutputLock file, again;
  EXPECT_TRUE(file.takeFile(dir + "/m.jsonl").ok());
  EXPECT_FALSE(again.takeFile(dir + "/m.jsonl").ok());
  file = OutputLock();
  EXPECT_TRUE(again.takeFile("/dev/null").ok());
  close(ready[0]);
  close(ready[1]);
}
} // namespace
} // namespace dpcrt::test
