// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface under callers of every kind: older ones, ones that close early, ones
// that ask too soon; and machines that have no thread or no memory left.
#include "session/Client.h"
#include "TinyArtifact.h"
#include "devices/cpu/Cores.h"
#include "program/format/StepRecord.h"
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <new>
#include <sys/resource.h>

namespace dpcrt::test {
namespace {
class Client : public testing::Test {
protected:
  void SetUp() override {
    dir = temporaryDirectory("client");
    writeTinyArtifact(dir + "/m.dpc", {2, 4});
    for (uint64_t i = 0; i < 64; ++i) {
      x[i] = float(randomNormal(1, "x", i));
      t[i] = float(std::fabs(randomNormal(1, "t", i)));
    }
  }
  void TearDown() override { std::filesystem::remove_all(dir); }

  void open() {
    dpcrt_artifact *a = nullptr;
    ASSERT_TRUE(fromC(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a)).ok());
    artifact.reset(a);
    auto options = sized<dpcrt_session_options>();
    options.threads = 2;
    dpcrt_session *s = nullptr;
    Status status = fromC(dpcrt_session_create(a, &options, &s));
    ASSERT_TRUE(status.ok()) << status.message();
    session.reset(s);
  }
  std::vector<dpcrt_input> inputs() {
    return {{sizeof(dpcrt_input), "x", x, sizeof(x), 0},
            {sizeof(dpcrt_input), "t", t, sizeof(t), 0}};
  }
  double step(int kind = DPCRT_TRAIN, double lr = 0.01) {
    auto request = sized<dpcrt_request>();
    request.kind = kind;
    request.lr = lr;
    dpcrt_result result;
    Status s = runStep(session.get(), inputs(), request, result);
    EXPECT_TRUE(s.ok()) << s.message();
    return result.loss;
  }
  std::vector<float> read(const std::string &state) {
    std::vector<float> values(16);
    Status s = fromC(dpcrt_session_read(session.get(), state.c_str(), values.data(), 64));
    EXPECT_TRUE(s.ok()) << s.message();
    return values;
  }

  std::string dir;
  float x[64], t[64];
  ArtifactHandle artifact;
  SessionHandle session;
};

TEST_F(Client, SessionOutlivesTheHandleOfItsArtifact) {
  open();
  double first = step(DPCRT_TRAIN, 0);
  artifact.reset();
  // What the artifact held is written over.
  std::vector<std::vector<char>> junk(64, std::vector<char>(1 << 16, 0x55));
  EXPECT_EQ(step(), first);
  EXPECT_LT(step(), first);
  ASSERT_TRUE(fromC(dpcrt_session_write_trace(session.get(), (dir + "/t.json").c_str())).ok());
}

TEST_F(Client, GradientsStayThoseOfTheStepAfterAnEvaluation) {
  open();
  step();
  std::vector<float> gradient = read("grad/w");
  for (float &v : x)
    v *= 3;
  step(DPCRT_EVALUATE);
  EXPECT_EQ(read("grad/w"), gradient);
  step(DPCRT_EVALUATE);
  EXPECT_EQ(read("grad/w"), gradient);
  step();
  EXPECT_NE(read("grad/w"), gradient);
}

TEST_F(Client, PositionCountsStepsAndUpdatesAndCanBeSet) {
  open();
  step();
  step(DPCRT_EVALUATE);
  auto request = sized<dpcrt_request>();
  request.lr = 0.01;
  request.skip_update = 1;
  dpcrt_result result;
  ASSERT_TRUE(runStep(session.get(), inputs(), request, result).ok());
  EXPECT_EQ(result.skipped, 1);
  auto at = sized<dpcrt_position>();
  dpcrt_session_position(session.get(), &at);
  EXPECT_EQ(at.steps, 2u);
  EXPECT_EQ(at.updates, 1u);
  at.steps = 40, at.updates = 38;
  ASSERT_TRUE(fromC(dpcrt_session_set_position(session.get(), &at)).ok());
  step();
  dpcrt_session_position(session.get(), &at);
  EXPECT_EQ(at.steps, 41u);
  EXPECT_EQ(at.updates, 39u);
}

// Of all ranks, whether the evaluation is an entry point of its own or not.
TEST_F(Client, ProgramsSeeTheStepsFirstMicroBatch) {
  for (bool evalStep : {false, true})
    for (uint64_t word : {0, 1}) {
      TinyOptions options{2, 4, evalStep};
      options.changeProgram = [&](fb::ProgramT &program) {
        fetchHeaderAsLoss(program, offsetof(StepHeader, firstMicroBatch) + 4 * word);
      };
      session.reset();
      writeTinyArtifact(dir + "/m.dpc", options);
      open();
      auto seen = [&](int kind, uint64_t first) {
        auto request = sized<dpcrt_request>();
        request.kind = kind;
        request.first_micro_batch = first;
        if (first == 0) // a caller that does not know the field
          request.size = offsetof(dpcrt_request, first_micro_batch);
        dpcrt_result result;
        EXPECT_TRUE(runStep(session.get(), inputs(), request, result).ok());
        EXPECT_EQ(result.losses, 4u);
        uint32_t bits = 0;
        for (size_t m = 0; m < result.losses; ++m) {
          std::memcpy(&bits, &result.loss_values[m], sizeof(bits));
          EXPECT_EQ(bits, uint32_t(first >> (32 * word))) << "micro-batch " << m;
        }
      };
      uint64_t large = (uint64_t(5) << 32) + 12;
      seen(DPCRT_TRAIN, 12);
      seen(DPCRT_EVALUATE, large);
      seen(DPCRT_TRAIN, large + 4);
      seen(DPCRT_EVALUATE, 0);
      seen(DPCRT_TRAIN, 0);
    }
}

TEST_F(Client, BetweenSubmitAndResultNothingElseIsDone) {
  open();
  auto request = sized<dpcrt_request>();
  auto given = inputs();
  auto result = sized<dpcrt_result>();
  EXPECT_EQ(fromC(dpcrt_session_result(session.get(), &result)).code(), Code::Usage);
  ASSERT_TRUE(
      fromC(dpcrt_session_submit(session.get(), given.data(), given.size(), &request)).ok());
  float w[16];
  auto at = sized<dpcrt_position>();
  Status refused[] = {
      fromC(dpcrt_session_submit(session.get(), given.data(), given.size(), &request)),
      fromC(dpcrt_session_read(session.get(), "param/w", w, sizeof(w))),
      fromC(dpcrt_session_write(session.get(), "param/w", w, sizeof(w))),
      fromC(dpcrt_session_set_position(session.get(), &at)),
      fromC(dpcrt_session_compare_holders(session.get())),
  };
  for (const Status &s : refused) {
    EXPECT_EQ(s.code(), Code::Usage);
    EXPECT_NE(s.message().find("under way"), std::string::npos) << s.message();
  }
  ASSERT_TRUE(fromC(dpcrt_session_result(session.get(), &result)).ok());
  EXPECT_EQ(result.losses, 4u);
  EXPECT_TRUE(fromC(dpcrt_session_read(session.get(), "param/w", w, sizeof(w))).ok());
}

TEST_F(Client, MayCloseInTheMiddleOfAStep) {
  open();
  auto request = sized<dpcrt_request>();
  auto given = inputs();
  ASSERT_TRUE(
      fromC(dpcrt_session_submit(session.get(), given.data(), given.size(), &request)).ok());
  session.reset();
}

// A caller that knows fewer fields neither loses memory behind its struct nor has
// the rest taken from it; one that knows more has its own fields left alone.
TEST_F(Client, StructsOfOtherSizesAreRespected) {
  open();
  EXPECT_EQ(dpcrt_version() >> 16, uint32_t(DPCRT_VERSION_MAJOR));
  struct {
    dpcrt_tensor tensor;
    char behind[16];
  } larger, smaller;
  std::memset(&larger, 0x5a, sizeof(larger));
  larger.tensor.size = sizeof(larger);
  dpcrt_artifact_input(artifact.get(), 0, &larger.tensor);
  EXPECT_STREQ(larger.tensor.name, "x");
  EXPECT_EQ(larger.tensor.size, sizeof(larger));
  EXPECT_EQ(larger.behind[0], 0x5a);
  std::memset(&smaller, 0x5a, sizeof(smaller));
  smaller.tensor.size = offsetof(dpcrt_tensor, shape);
  dpcrt_artifact_input(artifact.get(), 0, &smaller.tensor);
  EXPECT_STREQ(smaller.tensor.dtype, "f32");
  uint64_t untouched;
  std::memcpy(&untouched, &smaller.tensor.rank, sizeof(untouched));
  EXPECT_EQ(untouched, 0x5a5a5a5a5a5a5a5aull);
  // An array's elements lie as far apart as they say.
  struct Wide {
    dpcrt_input input;
    char more[24];
  } wide[2] = {{{sizeof(Wide), "x", x, sizeof(x), 0}, {}},
               {{sizeof(Wide), "t", t, sizeof(t), 0}, {}}};
  auto request = sized<dpcrt_request>();
  request.size = offsetof(dpcrt_request, lr); // an old caller: lr is 0
  request.lr = 1e9;
  ASSERT_TRUE(fromC(dpcrt_session_submit(session.get(), &wide[0].input, 2, &request)).ok());
  auto result = sized<dpcrt_result>();
  ASSERT_TRUE(fromC(dpcrt_session_result(session.get(), &result)).ok());
  float init[16];
  fillInit(init, 0, 16, 7, "w", InitKind::Normal, 0.5);
  EXPECT_EQ(std::memcmp(read("param/w").data(), init, sizeof(init)), 0);
}

// Where memory for stacks is short, the session says so and leaves nothing behind.
TEST_F(Client, ThreadsThatCannotStartAreAnError) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "where address space is short, the sanitizer itself ends the process";
#endif
  auto attempt = [&] {
    dpcrt_artifact *a = nullptr;
    if (dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a))
      std::_Exit(1);
    std::ifstream statm("/proc/self/statm");
    uint64_t pages = 0;
    statm >> pages;
    rlimit limit{pages * 4096 + (200u << 20), pages * 4096 + (200u << 20)};
    setrlimit(RLIMIT_AS, &limit);
    auto options = sized<dpcrt_session_options>();
    options.threads = 1000;
    dpcrt_session *s = nullptr;
    Status status = fromC(dpcrt_session_create(a, &options, &s));
    std::fprintf(stderr, "%s\n", status.message().c_str());
    std::_Exit(status.exitStatus());
  };
  EXPECT_EXIT(attempt(), testing::ExitedWithCode(int(Code::Device)),
              "cannot start thread [0-9]+ of 999.*ulimit -u");
}

TEST(CoresThrow, WhatAPieceThrowsReachesItsOwner) {
  Cores cores(4);
  ASSERT_TRUE(cores.start().ok());
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ran{0};
    int core = cores.acquire();
    auto piece = [](void *context, int, uint64_t i) {
      ++*static_cast<std::atomic<int> *>(context);
      if (i % 7 == 3)
        throw std::bad_alloc();
    };
    EXPECT_THROW(cores.share(core, 40, piece, &ran), std::bad_alloc);
    EXPECT_EQ(ran.load(), 40);
    auto quiet = [](void *context, int, uint64_t) { ++*static_cast<std::atomic<int> *>(context); };
    EXPECT_NO_THROW(cores.share(core, 40, quiet, &ran));
    EXPECT_EQ(ran.load(), 80);
    cores.release(core);
  }
}
} // namespace
} // namespace dpcrt::test
