// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps that are submitted before the result of the one before is there, on a device that
// takes orders: they compute what steps in turn do, and stop where those would.
#include "TinyArtifact.h"
#include "data/Init.h"
#include "session/Client.h"
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {

class StepsInFlight : public testing::Test {
protected:
  void SetUp() override {
    dir = temporaryDirectory("in-flight");
    writeTinyArtifact(dir + "/m.dpc", {2, 4});
    dpcrt_artifact *a = nullptr;
    ASSERT_TRUE(fromC(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a)).ok());
    artifact.reset(a);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }

  SessionHandle open(const char *device, const char *order = nullptr, bool graphs = false) {
    auto options = sized<dpcrt_session_options>();
    options.graphs = graphs;
    options.device = device;
    options.seed_order = order;
    options.threads = 1;
    dpcrt_session *s = nullptr;
    Status status = fromC(dpcrt_session_create(artifact.get(), &options, &s));
    EXPECT_TRUE(status.ok()) << status.message();
    return SessionHandle(s);
  }

  // Step `number` with inputs of its own; `bad`: whose gradients are not finite.
  struct Data {
    float x[64], t[64];
    Data(int number, bool bad) {
      for (uint64_t i = 0; i < 64; ++i) {
        x[i] = float(randomNormal(uint64_t(number), "x", i));
        t[i] = float(std::fabs(randomNormal(uint64_t(number), "t", i)));
      }
      if (bad)
        x[5] = INFINITY;
    }
  };
  Status submit(const SessionHandle &session, int number, bool bad = false, bool halts = true,
                int kind = DPCRT_TRAIN) {
    data.push_back(std::make_unique<Data>(number, bad));
    const Data &own = *data.back();
    dpcrt_input inputs[] = {{sizeof(dpcrt_input), "x", own.x, sizeof(own.x), 0},
                            {sizeof(dpcrt_input), "t", own.t, sizeof(own.t), 0}};
    auto request = sized<dpcrt_request>();
    request.kind = kind;
    request.lr = 0.01;
    request.halt_if_nonfinite = halts;
    return fromC(dpcrt_session_submit(session.get(), inputs, 2, &request));
  }
  static dpcrt_result result(const SessionHandle &session) {
    auto r = sized<dpcrt_result>();
    Status s = fromC(dpcrt_session_result(session.get(), &r));
    EXPECT_TRUE(s.ok()) << s.message();
    return r;
  }
  static std::vector<float> weights(const SessionHandle &session) {
    std::vector<float> values(16);
    Status s = fromC(dpcrt_session_read(session.get(), "param/w", values.data(), 64));
    EXPECT_TRUE(s.ok()) << s.message();
    return values;
  }
  static dpcrt_position position(const SessionHandle &session) {
    auto at = sized<dpcrt_position>();
    dpcrt_session_position(session.get(), &at);
    return at;
  }

  std::string dir;
  std::vector<std::unique_ptr<Data>> data; // of all steps, which sessions may read
  ArtifactHandle artifact;
};

TEST_F(StepsInFlight, AreAsManyAsTheDeviceTakes) {
  EXPECT_EQ(dpcrt_session_steps_in_flight(open("cpu").get()), 1u);
  SessionHandle session = open("virtual");
  EXPECT_EQ(dpcrt_session_steps_in_flight(session.get()), 2u);
  ASSERT_TRUE(submit(session, 1).ok());
  EXPECT_EQ(submit(session, 2, false, true, DPCRT_EVALUATE).message(),
            "a step of another kind is under way; take its result first");
  ASSERT_TRUE(submit(session, 2).ok());
  EXPECT_EQ(submit(session, 3).message(),
            "2 steps are under way, as many as device 'virtual' takes; take a result first");
  float w[16];
  EXPECT_EQ(fromC(dpcrt_session_read(session.get(), "param/w", w, 64)).message(),
            "a step is under way; its result must be taken first");
  result(session);
  EXPECT_FALSE(fromC(dpcrt_session_read(session.get(), "param/w", w, 64)).ok());
  result(session);
  EXPECT_TRUE(fromC(dpcrt_session_read(session.get(), "param/w", w, 64)).ok());
}

TEST_F(StepsInFlight, GiveTheResultsOfStepsInTurn) {
  SessionHandle inTurn = open("cpu");
  std::vector<dpcrt_result> wanted;
  for (int step = 1; step <= 5; ++step) {
    ASSERT_TRUE(submit(inTurn, step).ok());
    wanted.push_back(result(inTurn));
  }
  for (const char *order : {"0,policy=first", "0,policy=reverse", "1", "2", "3", "4", "5"}) {
    SessionHandle session = open("virtual", order, /*graphs=*/order[0] > '2');
    for (int step = 1; step <= 6; ++step) {
      if (step <= 5)
        ASSERT_TRUE(submit(session, step).ok());
      if (step == 1)
        continue;
      dpcrt_result r = result(session);
      EXPECT_EQ(r.loss, wanted[size_t(step) - 2].loss) << order << ", step " << step - 1;
      EXPECT_EQ(r.grad_norm, wanted[size_t(step) - 2].grad_norm);
      EXPECT_FALSE(r.skipped || r.nonfinite || r.halted);
    }
    EXPECT_EQ(weights(session), weights(inTurn)) << order;
    EXPECT_EQ(position(session).steps, 5u);
    EXPECT_EQ(position(session).updates, 5u);
  }
}

TEST_F(StepsInFlight, BehindOneThatIsNotFiniteAreHalted) {
  SessionHandle session = open("virtual", "1", /*graphs=*/true);
  ASSERT_TRUE(submit(session, 1).ok());
  result(session);
  std::vector<float> before = weights(session);
  ASSERT_TRUE(submit(session, 2, /*bad=*/true).ok());
  ASSERT_TRUE(submit(session, 3).ok());
  dpcrt_result bad = result(session);
  EXPECT_TRUE(bad.nonfinite && bad.skipped && !bad.halted);
  // The caller has not seen it yet; it goes on for as long as it does not wait for all.
  ASSERT_TRUE(submit(session, 4).ok());
  for (int step : {3, 4}) {
    dpcrt_result behind = result(session);
    EXPECT_TRUE(behind.halted && behind.skipped && !behind.nonfinite) << step;
  }
  EXPECT_EQ(weights(session), before);
  EXPECT_EQ(position(session).steps, 2u);
  EXPECT_EQ(position(session).updates, 1u);
  // Whoever goes on from there has seen it.
  ASSERT_TRUE(submit(session, 3).ok());
  dpcrt_result next = result(session);
  EXPECT_FALSE(next.skipped || next.halted || next.nonfinite);
  EXPECT_NE(weights(session), before);
  EXPECT_EQ(position(session).steps, 3u);
}

TEST_F(StepsInFlight, AreNoGraphsOnADeviceThatIsTheHost) {
  auto options = sized<dpcrt_session_options>();
  options.device = "cpu";
  options.graphs = 1;
  dpcrt_session *s = nullptr;
  Status status = fromC(dpcrt_session_create(artifact.get(), &options, &s));
  EXPECT_EQ(status.code(), Code::Usage);
  EXPECT_EQ(
      status.message(),
      "--cuda-graphs: device 'cpu' runs each command when it is called and launches no graphs; "
      "a device that takes orders would be right, as --device virtual is");
  // A caller of an older interface knows nothing of them.
  options.size = offsetof(dpcrt_session_options, graphs);
  ASSERT_TRUE(fromC(dpcrt_session_create(artifact.get(), &options, &s)).ok());
  SessionHandle closes(s);
}

TEST_F(StepsInFlight, GoOnBehindOneThatIsNotFiniteIfNobodyAsksToHalt) {
  SessionHandle session = open("virtual", "1"), inTurn = open("cpu");
  ASSERT_TRUE(submit(session, 1, /*bad=*/true, /*halts=*/false).ok());
  ASSERT_TRUE(submit(session, 2, false, false).ok());
  EXPECT_TRUE(result(session).skipped);
  dpcrt_result next = result(session);
  EXPECT_FALSE(next.skipped || next.halted);
  ASSERT_TRUE(submit(inTurn, 2).ok());
  EXPECT_EQ(next.loss, result(inTurn).loss);
  EXPECT_EQ(weights(session), weights(inTurn));
  EXPECT_EQ(position(session).steps, 2u);
  EXPECT_EQ(position(session).updates, 1u);
}
} // namespace
} // namespace dpcrt::test
