// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nobody but a device follows an address in its memory: a session does on a device behind
// a fence, bit for bit, what it does on the CPU device.
#include "FencedDevice.h"
#include "InertDevice.h"
#include "TinyArtifact.h"
#include "devices/DeviceKind.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"
#include "devices/virtual/VirtualDevice.h"
#include "session/Keeping.h"
#include "session/Pieces.h"
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <type_traits>

namespace dpcrt::test {
namespace {
// Of several pieces in f32 and in bf16, and no whole number of them.
constexpr uint64_t kElements = kPieceBytes / sizeof(float) * 5 / 2 + 5;

const DeviceKind cpu{"cpu", "cpu", checkCpuFeatures,
                     [](unsigned threads, std::unique_ptr<Device> &out) {
                       out = makeCpuDevice(threads);
                       return Status();
                     }};
const DeviceKind fenced{"fenced", "cpu", checkCpuFeatures,
                        [](unsigned threads, std::unique_ptr<Device> &out) {
                          out = makeFencedDevice(threads);
                          return Status();
                        }};

// Takes orders, behind the same fence.
const DeviceKind queued{"queued", "cpu", checkCpuFeatures,
                        [](unsigned threads, std::unique_ptr<Device> &out) {
                          out = makeVirtualDevice(makeFencedDevice(threads));
                          return Status();
                        }};

static_assert(!std::is_constructible_v<void *, DeviceAddress> &&
                  !std::is_constructible_v<uintptr_t, DeviceAddress> &&
                  !std::is_constructible_v<DeviceAddress, void *> &&
                  !std::is_constructible_v<DeviceAddress, uintptr_t>,
              "only devices make addresses and follow them");

class DeviceMemory : public testing::Test {
protected:
  void SetUp() override { dir = temporaryDirectory("device-memory"); }
  void TearDown() override { std::filesystem::remove_all(dir); }

  // Two ranks, the second parameter computed with in bf16, with a master in f32, its
  // moments kept half by the one and half by the other, or all by both; an evaluation with weights
  // of its own. `change`: of the training step.
  void write(const std::string &name, std::function<void(fb::ProgramT &)> change = nullptr,
             bool keepsAll = false) {
    TinyOptions options;
    options.ranks = 2;
    options.evalStep = true;
    options.changeManifest = [](Manifest &m) {
      m.optimizer = "adam";
      Manifest::Parameter large = m.parameters[0];
      large.name = "large";
      large.shape = {kElements};
      m.parameters.push_back(large);
    };
    options.changeProgram = [&](fb::ProgramT &p) {
      p.optimizer = "adam";
      if (p.entry == "eval_step") {
        p.arenas[0]->bytes += kSlot; // no longer the training step's
        return;
      }
      constexpr uint64_t half = 1 << 19;
      Extent parts[] = {{0, half}, {half, kElements - half}};
      if (keepsAll)
        parts[0] = parts[1] = {0, kElements};
      addLargeParameter(p, parts[p.coordinate], Element::BF16, kElements);
      if (change)
        change(p);
    };
    writeTinyArtifact(dir + "/" + name, options);
  }

  Status open(const std::string &name, const DeviceKind &kind, std::unique_ptr<Session> &out,
              unsigned threads = 2) {
    Artifact artifact;
    if (Status s = openArtifact(dir + "/" + name, artifact); !s.ok())
      return s;
    SessionOptions options;
    options.kind = &kind;
    options.threads = threads;
    return Session::create(std::make_shared<Artifact>(std::move(artifact)), options, out);
  }

  static std::string bits(double value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  static std::string step(Session &s, bool evaluate, uint64_t first) {
    std::vector<float> x, t;
    for (uint64_t i = 0; i < 4 * 16; ++i) {
      x.push_back(float(randomNormal(first, "x", i)));
      t.push_back(float(randomNormal(first, "t", i)));
    }
    StepRequest request;
    request.evaluate = evaluate;
    request.lr = 0.01;
    StepResult result;
    Status status = s.submit({{"x", reinterpret_cast<char *>(x.data()), x.size() * 4, false},
                              {"t", reinterpret_cast<char *>(t.data()), t.size() * 4, false}},
                             request);
    EXPECT_TRUE(status.ok()) << status.message();
    status = s.result(result);
    EXPECT_TRUE(status.ok()) << status.message();
    return bits(result.loss) + bits(result.gradNorm) + bits(result.sumDen);
  }
  static std::string state(Session &s) {
    std::string all;
    for (const Session::State &state : s.states()) {
      std::string values(state.bytes, 'x');
      Status status = s.readState(state.name, values.data(), values.size());
      EXPECT_TRUE(status.ok()) << state.name << ": " << status.message();
      all += values;
    }
    return all;
  }
  // Other values for every state but gradients, from a buffer that no float could lie at.
  static void overwrite(Session &s) {
    for (const Session::State &state : s.states()) {
      if (state.name.compare(0, 5, "grad/") == 0)
        continue;
      std::vector<char> values(state.bytes + 1);
      for (uint64_t i = 0; i < state.bytes / 4; ++i) {
        float value = float(randomNormal(3, state.name, i % 1000));
        std::memcpy(values.data() + 1 + i * 4, &value, 4);
      }
      Status status = s.writeState(state.name, values.data() + 1, state.bytes);
      EXPECT_TRUE(status.ok()) << state.name << ": " << status.message();
    }
  }

  // All that a run shows, from its begin to a second one that resumes it.
  std::vector<std::string> history(const DeviceKind &kind) {
    std::vector<std::string> seen;
    std::unique_ptr<Session> first, second;
    Status status = open("m.dpc", kind, first);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok())
      return seen;
    seen.push_back(state(*first));
    for (uint64_t n = 1; n <= 3; ++n)
      seen.push_back(step(*first, /*evaluate=*/false, n));
    seen.push_back(step(*first, /*evaluate=*/true, 9));
    seen.push_back(state(*first));
    overwrite(*first);
    seen.push_back(step(*first, /*evaluate=*/true, 9));
    seen.push_back(step(*first, /*evaluate=*/false, 4));
    seen.push_back(state(*first));
    seen.push_back(first->compareHolders().message());
    std::string folder = dir + "/" + kind.name;
    Keeping keeping;
    EXPECT_EQ(keeping.save(*first, folder, 1, {}).message(), "");
    std::optional<Keeping::Outcome> outcome;
    EXPECT_TRUE(keeping.outcome(/*wait=*/true, outcome).ok());
    EXPECT_TRUE(outcome && outcome->status.ok());
    seen.emplace_back();
    EXPECT_TRUE(readWholeFile(folder + "/step-4/state.safetensors", Code::Io, seen.back()).ok());
    EXPECT_TRUE(open("m.dpc", kind, second, 1).ok());
    Restored restored;
    EXPECT_EQ(restore(*second, folder, restored).message(), "");
    seen.push_back(step(*second, /*evaluate=*/false, 5));
    seen.push_back(state(*second));
    return seen;
  }

  std::string dir;
};

TEST_F(DeviceMemory, IsReachedThroughTheDeviceAlone) {
  write("m.dpc");
  std::vector<std::string> want = history(cpu);
  for (const DeviceKind *kind : {&fenced, &queued}) {
    std::vector<std::string> got = history(*kind);
    ASSERT_EQ(want.size(), got.size());
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_TRUE(want[i] == got[i]) << kind->name << ", observation " << i;
  }
  EXPECT_NE(want[0], want[5]) << "training changed nothing";
  EXPECT_EQ(want[9], "") << "holders differ";
}

TEST_F(DeviceMemory, DifferencesOfHoldersAreFoundInEveryPiece) {
  // What lies behind the first piece, overwritten on rank 1 by a step; masters are those of
  // the same elements.
  for (auto [isMaster, words] :
       {std::pair(true, std::string("parameter 'large' differs between rank 0 (XXH3 ")),
        std::pair(false, std::string("the rounded values of parameter 'large' differ between rank "
                                     "0 and rank 1"))}) {
    write(
        "m.dpc",
        [isMaster = isMaster](fb::ProgramT &p) {
          if (p.coordinate != 1)
            return;
          const fb::ParameterT &large = *p.parameters.back();
          const fb::Ref &whole = isMaster ? *large.parts[0]->master : *large.weight;
          uint64_t begin = kPieceBytes;
          Rank(p).add(0, "spoil",
                      fill(fb::Ref(whole.space(), whole.dtype(), whole.index(),
                                   whole.offset() + begin, whole.bytes() / 64 * 64 - begin)));
        },
        /*keepsAll=*/true);
    std::string messages[2];
    for (bool isFenced : {false, true}) {
      std::unique_ptr<Session> session;
      Status status = open("m.dpc", isFenced ? fenced : cpu, session);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(session->compareHolders().message(), "");
      step(*session, /*evaluate=*/false, 1);
      status = session->compareHolders();
      EXPECT_EQ(status.code(), Code::Difference);
      messages[isFenced] = status.message();
    }
    EXPECT_EQ(messages[0].substr(0, words.size()), words);
    EXPECT_EQ(messages[0], messages[1]);
  }
}

// A session asks for memory of messages for arenas of messages, which all entry points share,
// and for nothing else.
TEST_F(DeviceMemory, MessagesLieInMemoryOfTheirKind) {
  constexpr uint64_t training = 3 * kSlot, evaluation = 5 * kSlot;
  TinyOptions options;
  options.ranks = 2;
  options.evalStep = true;
  options.changeProgram = [&](fb::ProgramT &p) {
    auto addArena = [&](const char *name, uint64_t bytes, bool host) {
      p.arenas.push_back(std::make_unique<fb::ArenaT>());
      p.arenas.back()->name = name;
      p.arenas.back()->role = fb::ArenaRole::Messages;
      p.arenas.back()->bytes = bytes;
      p.arenas.back()->host = host;
    };
    addArena("messages", p.entry == "eval_step" ? evaluation : training, false);
    addArena("messages of the host", kSlot, true);
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  std::map<MemoryKind, std::vector<std::pair<uint64_t, DeviceAddress>>> asked;
  Told told = [&](uint64_t bytes, MemoryKind kind, DeviceAddress address) {
    asked[kind].push_back({bytes, address});
  };
  auto device = makeToldDevice(1, told);
  Artifact artifact;
  ASSERT_TRUE(openArtifact(dir + "/m.dpc", artifact).ok());
  RankMemory first, second;
  ASSERT_TRUE(first.allocate(artifact, "train_step", {0, options.ranks}, *device, nullptr).ok());
  ASSERT_TRUE(second.allocate(artifact, "eval_step", {0, options.ranks}, *device, &first).ok());
  ASSERT_EQ(asked[MemoryKind::Messages].size(), options.ranks);
  EXPECT_EQ(asked[MemoryKind::Host].size(), options.ranks * 2); // is shared by none
  for (const RankMemory *memory : {&first, &second})
    for (size_t rank = 0; rank < options.ranks; ++rank) {
      auto [bytes, block] = asked[MemoryKind::Messages][rank];
      EXPECT_EQ(bytes, evaluation);
      for (uint32_t a = 0; a < memory->arenas[rank].size(); ++a) {
        const fb::Arena &arena = *memory->programs[rank]->arenas()->Get(a);
        bool isSent = arena.role() == fb::ArenaRole::Messages && !arena.host();
        EXPECT_EQ(memory->arenas[rank][a].data == block, isSent) << text(arena.name());
      }
    }
}

// As of a GPU, of which cubins of several architectures and PTX need one thing each.
TEST_F(DeviceMemory, OfTargetsThatNeedEquallyMuchTheFirstThatRunsIsTaken) {
  static std::string lacking; // on this machine, as it says
  TinyOptions options;
  options.changeManifest = [](Manifest &m) {
    const Manifest::Target target = m.targets[0];
    m.targets.clear();
    for (const char *feature : {"sse4.2", "popcnt", "ssse3"}) {
      m.targets.push_back(target);
      m.targets.back().name = std::string("cpu:") + feature;
      m.targets.back().features = {feature};
    }
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  DeviceKind kind = cpu;
  kind.check = [](const std::vector<std::string> &features) {
    return lacking.find(features[0]) == std::string::npos
               ? Status()
               : Status(Code::Device, "no " + features[0]);
  };
  std::unique_ptr<Session> session;
  for (auto [missing, taken] : {std::pair("", "cpu:sse4.2"), std::pair("sse4.2", "cpu:popcnt"),
                                std::pair("sse4.2 popcnt", "cpu:ssse3")}) {
    lacking = missing;
    Status s = open("m.dpc", kind, session);
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(session->target(), taken);
  }
  lacking = "sse4.2 popcnt ssse3";
  EXPECT_EQ(open("m.dpc", kind, session).message(), "no sse4.2") << "what the first lacks";
}

TEST_F(DeviceMemory, ADeviceThatCannotBeMadeIsAnErrorOfTheSession) {
  write("m.dpc");
  DeviceKind kind{"missing", "cpu", checkCpuFeatures, [](unsigned, std::unique_ptr<Device> &) {
                    return Status(Code::Device, "there is none");
                  }};
  std::unique_ptr<Session> session;
  Status status = open("m.dpc", kind, session);
  EXPECT_EQ(status.code(), Code::Device);
  EXPECT_EQ(status.message(), "there is none");
}

TEST_F(DeviceMemory, ADeviceOfAnotherKindIsRefused) {
  write("m.dpc");
  DeviceKind kind{"orders", "cpu", checkCpuFeatures, [](unsigned, std::unique_ptr<Device> &out) {
                    out = std::make_unique<Inert<Device>>();
                    return Status();
                  }};
  std::unique_ptr<Session> session;
  Status status = open("m.dpc", kind, session);
  EXPECT_EQ(status.code(), Code::Device);
  EXPECT_EQ(status.message(), "device 'orders' is driven neither by threads of the host nor by "
                              "queues, as this build drives devices");
}
} // namespace
} // namespace dpcrt::test
