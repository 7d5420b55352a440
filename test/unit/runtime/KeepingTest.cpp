// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints of sessions in several processes, which are threads here: each writes its
// part, all know together what became of it, and any other world goes on from it.
#include "session/Keeping.h"
#include "TinyArtifact.h"
#include "WorldTransport.h"
#include "data/Files.h"
#include "session/SharedFolder.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>

namespace dpcrt::test {
namespace {
namespace fs = std::filesystem;
using Worlds = std::vector<std::shared_ptr<dpcrt::World>>;

std::string words(const Status &s) { return s.ok() ? "" : s.message(); }

class KeepingInWorlds : public testing::Test {
protected:
  // Four ranks hold "w" and "large"; of the moments of "large", each keeps a part, two the
  // same one.
  void SetUp() override {
    dir = temporaryDirectory("keeping");
    const std::vector<Extent> kept = {{0, 4096}, {4096, 4096}, {4096, 4096}, {8192, 1808}};
    TinyOptions options;
    options.ranks = 4;
    options.changeManifest = [](Manifest &m) {
      m.optimizer = "adam";
      Manifest::Parameter large = m.parameters[0];
      large.name = "large";
      large.shape = {kLarge};
      m.parameters.push_back(large);
    };
    options.changeProgram = [kept](fb::ProgramT &p) {
      p.optimizer = "adam";
      addLargeParameter(p, kept[p.coordinate], Element::F32);
    };
    writeTinyArtifact(dir + "/m.dpc", options);
  }
  void TearDown() override { fs::remove_all(dir); }

  // body(session) in each of so many processes, of which none is a world of its own.
  template <typename Body> void inWorld(uint32_t processes, Body body) {
    if (processes == 1)
      return withSession(nullptr, body);
    MemoryWorld memory(processes, {.seed = processes, .delay = 3});
    Worlds worlds = joinInMemory(memory, processes);
    std::vector<std::thread> threads;
    for (auto &world : worlds)
      threads.emplace_back([&, world] { withSession(world, body); });
    for (std::thread &thread : threads)
      thread.join();
    for (auto &world : worlds)
      EXPECT_EQ(words(world->failure()), "");
    leaveTogether(worlds);
  }
  template <typename Body> void withSession(const std::shared_ptr<dpcrt::World> &world, Body body) {
    Artifact artifact;
    ASSERT_EQ(words(openArtifact(dir + "/m.dpc", artifact)), "");
    SessionOptions chosen;
    chosen.threads = 1;
    chosen.world = world;
    std::unique_ptr<Session> session;
    ASSERT_EQ(
        words(Session::create(std::make_shared<Artifact>(std::move(artifact)), chosen, session)),
        "");
    body(*session);
  }
  // Of the state with this number.
  static std::vector<float> ramp(const Session::State &state, size_t number) {
    std::vector<float> values(state.bytes / 4);
    std::iota(values.begin(), values.end(), float(100000 * number));
    return values;
  }
  static void fill(Session &session, bool withRamps) {
    for (size_t i = 0; i < session.states().size(); ++i) {
      const Session::State &state = session.states()[i];
      std::vector<float> values = ramp(state, i);
      if (!withRamps)
        std::fill(values.begin(), values.end(), -1.0f);
      if (isKept(state))
        EXPECT_EQ(words(session.writeState(
                      state.name, reinterpret_cast<const char *>(values.data()), state.bytes)),
                  "");
    }
  }
  static void expectRamps(Session &session) {
    for (size_t i = 0; i < session.states().size(); ++i) {
      const Session::State &state = session.states()[i];
      std::vector<float> values(state.bytes / 4);
      if (!isKept(state))
        continue;
      EXPECT_EQ(words(session.readState(state.name, reinterpret_cast<char *>(values.data()),
                                        state.bytes)),
                "");
      EXPECT_TRUE(values == ramp(state, i)) << state.name;
    }
    EXPECT_EQ(words(session.compareHolders()), "");
  }
  std::vector<std::string> names(const std::string &folder) {
    std::vector<std::string> list;
    for (auto &entry : fs::directory_iterator(dir + "/" + folder))
      list.push_back(entry.path().filename());
    std::sort(list.begin(), list.end());
    return list;
  }

  std::string dir;
};

TEST_F(KeepingInWorlds, WhatAnyWorldWritesAnyOtherReads) {
  for (uint32_t writers : {1u, 2u, 4u}) {
    const std::string folder = dir + "/by" + std::to_string(writers);
    inWorld(writers, [&](Session &session) {
      fill(session, true);
      EXPECT_EQ(words(session.setPosition({7, 5})), "");
      Keeping keeping;
      EXPECT_EQ(words(keeping.save(session, folder, 1, {})), "");
      std::optional<Keeping::Outcome> outcome;
      EXPECT_EQ(words(keeping.outcome(/*wait=*/true, outcome)), "");
      ASSERT_TRUE(outcome);
      EXPECT_EQ(outcome->step, 7u);
      EXPECT_EQ(words(outcome->status), "");
      // Each is told once.
      EXPECT_EQ(words(keeping.outcome(/*wait=*/true, outcome)), "");
      EXPECT_FALSE(outcome);
    });
    for (uint32_t readers : {1u, 2u, 3u, 4u})
      inWorld(readers, [&](Session &session) {
        fill(session, false);
        Restored restored;
        EXPECT_EQ(words(restore(session, folder, restored)), "");
        EXPECT_EQ(session.position().steps, 7u);
        EXPECT_EQ(session.position().updates, 5u);
        expectRamps(session);
      });
  }
  // One process writes whole tensors, by their names alone.
  EXPECT_EQ(names("by1/step-7"), (std::vector<std::string>{"manifest.json", "state.safetensors"}));
  EXPECT_EQ(names("by2/step-7"), (std::vector<std::string>{"manifest.json", "state-0.safetensors",
                                                           "state-1.safetensors"}));
}

// What all four hold is written once, and not all of it by one.
TEST_F(KeepingInWorlds, WhatSeveralHoldIsSpreadOverThem) {
  inWorld(4, [&](Session &session) {
    Keeping keeping;
    std::optional<Keeping::Outcome> outcome;
    EXPECT_EQ(words(keeping.save(session, dir + "/kept", 1, {})), "");
    EXPECT_EQ(words(keeping.outcome(true, outcome)), "");
    EXPECT_TRUE(outcome && outcome->status.ok());
  });
  Checkpoint c;
  ASSERT_EQ(words(Checkpoint::open(dir + "/kept/step-0", c)), "");
  uint64_t bytes = 0, largest = 0;
  for (const CheckpointManifest::File &file : c.manifest.files) {
    uint64_t own = 0;
    for (const CheckpointManifest::Part &part : file.parts)
      own += part.count * 4;
    bytes += own;
    largest = std::max(largest, own);
  }
  EXPECT_EQ(bytes, 4 * (16 + 3 * kLarge));
  EXPECT_LT(largest, bytes / 2);
}

TEST_F(KeepingInWorlds, WithoutWaitingItIsCompleteOnceAllHaveBeenAsked) {
  inWorld(3, [&](Session &session) {
    Keeping keeping;
    std::optional<Keeping::Outcome> outcome;
    for (uint64_t step : {1, 2}) { // the second save waits for the first
      EXPECT_EQ(words(session.setPosition({step, step})), "");
      EXPECT_EQ(words(keeping.save(session, dir + "/kept", 3, {})), "");
    }
    std::vector<uint64_t> told;
    for (unsigned asked = 0; told.size() < 2 && asked < 100000; ++asked) {
      EXPECT_EQ(words(keeping.outcome(/*wait=*/false, outcome)), "");
      if (!outcome)
        continue;
      EXPECT_EQ(words(outcome->status), "");
      told.push_back(outcome->step);
      EXPECT_TRUE(isCheckpoint(dir + "/kept/step-" + std::to_string(outcome->step)));
    }
    EXPECT_EQ(told, (std::vector<uint64_t>{1, 2}));
  });
  EXPECT_EQ(names("kept"), (std::vector<std::string>{"step-1", "step-2"}));
}

TEST_F(KeepingInWorlds, IfOneCannotWriteAllKnowAndTheOneBeforeStays) {
  inWorld(4, [&](Session &session) {
    Keeping keeping;
    std::optional<Keeping::Outcome> outcome;
    EXPECT_EQ(words(session.setPosition({1, 1})), "");
    EXPECT_EQ(words(keeping.save(session, dir + "/kept", 1, {})), "");
    EXPECT_EQ(words(keeping.outcome(true, outcome)), "");
    EXPECT_TRUE(outcome && outcome->status.ok());
    for (uint32_t process : {0u, 2u}) {
      const bool fails = session.world()->self() == process;
      const std::string folder = dir + (fails ? "/m.dpc/manifest.json" : "/kept");
      EXPECT_EQ(words(session.setPosition({2, 2})), "");
      EXPECT_EQ(words(keeping.save(session, folder, 1, {})), "");
      EXPECT_EQ(words(keeping.outcome(true, outcome)), "");
      ASSERT_TRUE(outcome);
      EXPECT_EQ(outcome->step, 2u);
      EXPECT_EQ(outcome->status.code(), Code::Io);
      EXPECT_NE(words(outcome->status).find("manifest.json/step-2"), std::string::npos)
          << words(outcome->status);
      EXPECT_EQ(words(outcome->status).find("process 2: cannot write") == 0, process == 2)
          << words(outcome->status);
    }
    // The next one is tried.
    EXPECT_EQ(words(session.setPosition({3, 3})), "");
    EXPECT_EQ(words(keeping.save(session, dir + "/kept", 2, {})), "");
    EXPECT_EQ(words(keeping.outcome(true, outcome)), "");
    EXPECT_TRUE(outcome && outcome->step == 3 && outcome->status.ok());
  });
  EXPECT_EQ(names("kept"), (std::vector<std::string>{"step-1", "step-3"}));
}

TEST_F(KeepingInWorlds, DamageThatOneFindsNoneGoesOnFrom) {
  inWorld(2, [&](Session &session) {
    Keeping keeping;
    std::optional<Keeping::Outcome> outcome;
    fill(session, true);
    for (uint64_t step : {1, 2}) {
      EXPECT_EQ(words(session.setPosition({step, step})), "");
      EXPECT_EQ(words(keeping.save(session, dir + "/kept", 2, {})), "");
      EXPECT_EQ(words(keeping.outcome(true, outcome)), "");
    }
  });
  const std::string path = dir + "/kept/step-2/state-1.safetensors";
  std::string text;
  ASSERT_TRUE(readWholeFile(path, Code::Io, text).ok());
  text.back() = char(text.back() ^ 1);
  std::ofstream(path, std::ios::binary) << text;
  for (uint32_t processes : {1u, 2u, 4u})
    inWorld(processes, [&](Session &session) {
      fill(session, false);
      Restored restored;
      EXPECT_EQ(words(restore(session, dir + "/kept", restored)), "");
      EXPECT_EQ(session.position().steps, 1u);
      ASSERT_EQ(restored.notes.size(), 1u);
      EXPECT_NE(restored.notes[0].find(path), std::string::npos) << restored.notes[0];
      expectRamps(session);
      Status s = restore(session, dir + "/kept/step-2", restored);
      EXPECT_EQ(s.code(), Code::Checkpoint);
      EXPECT_NE(words(s).find(path), std::string::npos) << words(s);
    });
}

TEST_F(KeepingInWorlds, AFolderThatIsNotSharedIsRefused) {
  for (const char *folder : {"one", "other"})
    fs::create_directories(dir + "/" + folder);
  MemoryWorld memory(3);
  Worlds worlds = joinInMemory(memory, 3);
  auto checked = [&](const std::vector<std::string> &folders) {
    std::vector<Status> found(3);
    std::vector<std::thread> threads;
    for (uint32_t process = 0; process < 3; ++process)
      threads.emplace_back(
          [&, process] { found[process] = checkShared(*worlds[process], folders[process]); });
    for (std::thread &thread : threads)
      thread.join();
    for (const Status &s : found)
      EXPECT_EQ(words(s), words(found[0]));
    EXPECT_TRUE(fs::is_empty(dir + "/one")) << "something is left behind";
    return found[0];
  };
  const std::string one = dir + "/one";
  EXPECT_EQ(words(checked({one, one, dir + "/../" + fs::path(dir).filename().string() + "/one"})),
            "");
  // There is a word in it, of a run that was killed.
  std::ofstream(dir + "/other/.shared") << "word";
  for (const char *other : {"/other", "/none"}) {
    Status s = checked({one, dir + other, one});
    EXPECT_EQ(s.code(), Code::Checkpoint);
    EXPECT_NE(words(s).find("process 1 on "), std::string::npos) << words(s);
    EXPECT_NE(words(s).find("('" + dir + other + "')"), std::string::npos) << words(s);
    EXPECT_EQ(words(s).find("process 2"), std::string::npos) << words(s);
  }
  leaveTogether(worlds);
}
} // namespace
} // namespace dpcrt::test
