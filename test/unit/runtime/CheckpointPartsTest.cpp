// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints that several processes write: each a file of parts of tensors, which are
// read as one; whatever else a manifest says of parts is refused.
#include "TinyArtifact.h"
#include "checkpoint/Checkpoint.h"
#include "data/Files.h"
#include "data/Hash.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

namespace dpcrt::test {
namespace {
namespace fs = std::filesystem;
using Part = CheckpointManifest::Part;

std::string words(const Status &s) { return s.ok() ? "" : s.message(); }

class CheckpointParts : public testing::Test {
protected:
  void SetUp() override {
    dir = temporaryDirectory("checkpoint-parts");
    std::iota(values.begin(), values.end(), 1.0f);
  }
  void TearDown() override { fs::remove_all(dir); }

  // Two tensors of twelve elements, "w" and "w.m", and "b", of one.
  static CheckpointManifest manifest(uint64_t step) {
    CheckpointManifest m;
    m.step = step;
    m.optimizer = "momentum";
    m.parameters = {{"w", {3, 4}, Element::F32, true, {"m"}}, {"b", {}, Element::F32, false, {}}};
    m.inParts = true;
    return m;
  }
  // What each of two processes has.
  static std::vector<std::vector<Part>> halves() {
    return {{{"w", 0, 5}, {"w.m", 0, 12}}, {{"w", 5, 7}, {"b", 0, 1}}};
  }
  Status writeFile(const CheckpointManifest &m, CheckpointManifest::File &file) {
    std::vector<TensorToWrite> tensors;
    auto known = tensorsOf(m);
    for (const Part &part : file.parts) {
      const TensorShape &tensor = known.at(part.tensor);
      tensors.push_back({storedName(part, tensor), tensor.type, storedShape(part, tensor),
                         values.data() + part.begin});
    }
    return writeCheckpointFile(dir, m.step, tensors, file);
  }
  Status write(uint64_t step, const std::vector<std::vector<Part>> &parts = halves()) {
    CheckpointManifest m = manifest(step);
    if (Status s = beginCheckpoint(dir, step); !s.ok())
      return s;
    for (size_t process = 0; process < parts.size(); ++process) {
      m.files.push_back(
          {"state-" + std::to_string(process) + ".safetensors", 0, "", parts[process]});
      if (Status s = writeFile(m, m.files.back()); !s.ok())
        return s;
    }
    return completeCheckpoint(dir, m, 3);
  }
  // What is read of a manifest whose one file has these parts, or what is wrong with it.
  static std::string parsed(const std::vector<Part> &parts) {
    CheckpointManifest m = manifest(1), read;
    m.files = {{"state-0.safetensors", 8, std::string(32, '0'), parts}};
    Status s = parseCheckpointManifest(writeCheckpointManifest(m), read);
    EXPECT_TRUE(s.ok() || s.code() == Code::Checkpoint);
    return words(s);
  }

  std::string dir;
  std::vector<float> values = std::vector<float>(12);
};

TEST_F(CheckpointParts, AnyRangeOfATensorIsReadAcrossFiles) {
  ASSERT_EQ(words(write(2)), "");
  Checkpoint c;
  ASSERT_EQ(words(Checkpoint::open(dir + "/step-2", c)), "");
  for (const char *tensor : {"w", "w.m"})
    for (size_t begin = 0; begin <= 12; ++begin)
      for (size_t end = begin; end <= 12; ++end) {
        std::vector<float> read(end - begin, -1);
        ASSERT_EQ(
            words(c.read(tensor, Element::F32, {3, 4}, begin * 4, read.size() * 4, read.data())),
            "");
        EXPECT_EQ(read,
                  std::vector<float>(values.begin() + long(begin), values.begin() + long(end)));
      }
  float b = 0;
  ASSERT_EQ(words(c.read("b", Element::F32, {}, &b)), "");
  EXPECT_EQ(b, 1);
  EXPECT_EQ(c.read("w", Element::F32, {4, 3}, &b).code(), Code::Checkpoint);
  EXPECT_EQ(c.read("c", Element::F32, {}, &b).code(), Code::Checkpoint);
}

// Whole tensors have their names, so that other tools find them.
TEST_F(CheckpointParts, NamesInFilesSayWhichElements) {
  ASSERT_EQ(words(write(2)), "");
  SafetensorsReader file;
  ASSERT_EQ(words(SafetensorsReader::open(dir + "/step-2/state-0.safetensors", Code::Io, file)),
            "");
  std::vector<std::string> names;
  for (auto &entry : file.tensors())
    names.push_back(entry.first);
  EXPECT_EQ(names, (std::vector<std::string>{"w.m", "w[0..5]"}));
  EXPECT_EQ(file.find("w.m")->shape, (std::vector<uint64_t>{3, 4}));
  EXPECT_EQ(file.find("w[0..5]")->shape, (std::vector<uint64_t>{5}));
  // No name is that of a part of another tensor.
  const TensorShape twelve{Element::F32, {12}}, five{Element::F32, {5}};
  EXPECT_EQ(storedName({"w[0..5]", 0, 5}, five), "w[0..5][0..5]");
  EXPECT_EQ(storedName({"w[0..5]", 1, 2}, five), "w[0..5][1..3]");
  EXPECT_EQ(storedName({"w", 0, 5}, twelve), "w[0..5]");
  for (const char *plain : {"w[0]", "w[a..5]", "w0..5]", "[0..5]w", "", "]"})
    EXPECT_EQ(storedName({plain, 0, 12}, twelve), plain);
}

TEST_F(CheckpointParts, PartsThatAreNotEveryTensorOnceAreRefused) {
  const Part w{"w", 0, 12}, m{"w.m", 0, 12}, b{"b", 0, 1};
  EXPECT_EQ(parsed({w, m, b}), "");
  EXPECT_EQ(parsed({b, {"w", 11, 1}, m, {"w", 0, 11}}), "") << "in any order";
  const std::string files = "'files' ", of = " of tensor 'w' f32[3, 4]";
  EXPECT_EQ(parsed({w, m}), "'files' lack elements [0..1) of tensor 'b' f32[]");
  EXPECT_EQ(parsed({{"w", 1, 11}, m, b}), files + "lack elements [0..1)" + of);
  EXPECT_EQ(parsed({{"w", 0, 11}, m, b}), files + "lack elements [11..12)" + of);
  EXPECT_EQ(parsed({{"w", 0, 4}, {"w", 6, 6}, m, b}), files + "lack elements [4..6)" + of);
  EXPECT_EQ(parsed({{"w", 0, 6}, {"w", 5, 7}, m, b}),
            files + "have elements [5..6)" + of + " twice");
  EXPECT_EQ(parsed({w, w, m, b}), files + "have elements [0..12)" + of + " twice");
  EXPECT_EQ(parsed({{"w", 0, 13}, m, b}),
            files + "have elements [0..13)" + of + ", beyond its end");
  const uint64_t most = INT64_MAX;
  EXPECT_EQ(parsed({w, {"w", most, most}, m, b}),
            files + "have elements [9223372036854775807..18446744073709551614)" + of +
                ", beyond its end");
  EXPECT_EQ(parsed({w, m, b, {"c", 0, 1}}),
            "'files' have parts of a tensor 'c' that no parameter has");
  EXPECT_EQ(parsed({{"w", 0, 0}, w, m, b}), "'files[0].parts[0].count' is 0");
  EXPECT_NE(parsed({{"w", UINT64_MAX, 1}, m, b}), "");
  EXPECT_NE(parsed({{"w", 0, UINT64_MAX}, m, b}), "");
}

// Drawn at random: accepted where every element is there once, and nowhere else.
TEST_F(CheckpointParts, RandomPartsAreAcceptedWhereTheyAreEveryTensorOnce) {
  std::mt19937_64 draw(5);
  size_t accepted = 0;
  for (unsigned round = 0; round < 3000; ++round) {
    std::vector<Part> parts = {{"w.m", 0, 12}, {"b", 0, 1}};
    for (uint64_t at = 0; at < 12;) {
      uint64_t count = 1 + draw() % (12 - at);
      parts.push_back({"w", at, count});
      at += count;
    }
    for (uint64_t n = draw() % 3; n > 0; --n) {
      Part &part = parts[draw() % parts.size()];
      (draw() % 2 ? part.begin : part.count) += draw() % 3 - 1;
    }
    std::shuffle(parts.begin(), parts.end(), draw);
    std::map<std::string, std::vector<unsigned>> times = {
        {"w", std::vector<unsigned>(12)}, {"w.m", std::vector<unsigned>(12)}, {"b", {0}}};
    bool isRight = true;
    for (const Part &part : parts) {
      isRight &= part.count > 0;
      for (uint64_t i = 0; i < std::min<uint64_t>(part.count, 13);
           ++i) { // what is below 0 is large
        uint64_t at = part.begin + i;
        isRight &= at < times[part.tensor].size();
        if (at < times[part.tensor].size())
          ++times[part.tensor][at];
      }
    }
    for (auto &entry : times)
      for (unsigned n : entry.second)
        isRight &= n == 1;
    EXPECT_EQ(parsed(parts).empty(), isRight) << "round " << round << ": " << parsed(parts);
    accepted += isRight;
  }
  EXPECT_GT(accepted, 500u);
  EXPECT_LT(accepted, 2500u);
}

TEST_F(CheckpointParts, FilesThatAreNotAsTheManifestSaysAreNamed) {
  ASSERT_EQ(words(write(1)), "");
  ASSERT_EQ(words(write(2)), "");
  auto refused = [&](const std::string &content, const std::string &how) {
    std::vector<std::string> notes;
    Checkpoint c;
    const std::string path = dir + "/step-2/state-1.safetensors";
    std::ofstream(path, std::ios::binary) << content;
    ASSERT_EQ(words(openNewestCheckpoint(dir, c, notes)), "") << how;
    EXPECT_EQ(c.manifest.step, 1u) << how;
    ASSERT_EQ(notes.size(), 1u) << how;
    EXPECT_NE(notes[0].find(path), std::string::npos) << notes[0];
  };
  std::string whole;
  ASSERT_TRUE(readWholeFile(dir + "/step-2/state-1.safetensors", Code::Io, whole).ok());
  for (size_t bit = 0; bit < whole.size() * 8; bit += 5) {
    std::string flipped = whole;
    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << bit % 8));
    refused(flipped, "bit " + std::to_string(bit));
  }
  refused(whole.substr(0, 9), "short");
  // A whole file with its checksum, but of other tensors.
  for (const std::vector<Part> &other :
       {std::vector<Part>{{"w", 5, 7}}, std::vector<Part>{{"w", 4, 7}, {"b", 0, 1}},
        std::vector<Part>{{"w", 5, 6}, {"b", 0, 1}}}) {
    ASSERT_EQ(words(write(2)), "");
    std::string text;
    CheckpointManifest m;
    ASSERT_TRUE(readWholeFile(dir + "/step-2/manifest.json", Code::Io, text).ok());
    ASSERT_EQ(words(parseCheckpointManifest(text, m)), "");
    fs::rename(dir + "/step-2", dir + "/step-2.partial");
    m.files[1].parts = other;
    ASSERT_EQ(words(writeFile(m, m.files[1])), "");
    m.files[1].parts = halves()[1];
    ASSERT_EQ(words(completeCheckpoint(dir, m, 3)), "");
    std::string same;
    ASSERT_TRUE(readWholeFile(dir + "/step-2/state-1.safetensors", Code::Io, same).ok());
    refused(same, "other parts");
  }
}

// Each process reads some of the files, and all find what one finds.
TEST_F(CheckpointParts, ProcessesVerifyAFileEach) {
  ASSERT_EQ(words(write(1)), "");
  ASSERT_EQ(words(write(2)), "");
  const std::string path = dir + "/step-2/state-1.safetensors";
  std::string whole;
  ASSERT_TRUE(readWholeFile(path, Code::Io, whole).ok());
  whole.back() = char(whole.back() ^ 1);
  std::ofstream(path, std::ios::binary) << whole;
  Status found[2];
  for (uint32_t self : {0u, 1u}) {
    Opening opening;
    opening.self = self;
    opening.processes = 2;
    Checkpoint c;
    found[self] = Checkpoint::open(dir + "/step-2", c, opening);
  }
  EXPECT_EQ(words(found[0]), "") << "it is not the one that reads it";
  EXPECT_NE(words(found[1]).find(path), std::string::npos) << words(found[1]);
  // What another one finds, in the order of the newest first.
  unsigned asked = 0;
  Opening opening;
  opening.processes = 2;
  opening.agree = [&](const Status &own) { return asked++ == 0 && own.ok() ? found[1] : own; };
  std::vector<std::string> notes;
  Checkpoint c;
  ASSERT_EQ(words(openNewestCheckpoint(dir, c, notes, opening)), "");
  EXPECT_EQ(c.manifest.step, 1u);
  EXPECT_EQ(notes, std::vector<std::string>{words(found[1])});
  opening.same = [](const std::string &what, const std::string &) {
    return Status(Code::Checkpoint, what + " is another");
  };
  EXPECT_EQ(words(openNewestCheckpoint(dir, c, notes, opening)),
            "what is in '" + dir + "' is another");
}

TEST_F(CheckpointParts, NothingIsCompleteWithoutAllFiles) {
  CheckpointManifest m = manifest(3);
  ASSERT_EQ(words(beginCheckpoint(dir, 3)), "");
  m.files = {{"state-0.safetensors", 0, "", halves()[0]},
             {"state-1.safetensors", 100, std::string(32, '0'), halves()[1]}};
  ASSERT_EQ(words(writeFile(m, m.files[0])), "");
  Status s = completeCheckpoint(dir, m, 3);
  EXPECT_EQ(s.code(), Code::Io);
  EXPECT_NE(words(s).find("step-3.partial/state-1.safetensors"), std::string::npos) << words(s);
  EXPECT_TRUE(fs::is_empty(dir)) << "it takes room";
  ASSERT_EQ(words(beginCheckpoint(dir, 3)), "");
  abandonCheckpoint(dir, 3);
  EXPECT_TRUE(fs::is_empty(dir));
}
} // namespace
} // namespace dpcrt::test
