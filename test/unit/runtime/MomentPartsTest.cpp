// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moments of which each rank keeps a part: one tensor for the host.
#include "TinyArtifact.h"
#include "session/Keeping.h"
#include "session/Session.h"
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {
// Artifacts whose ranks keep moments of parts of the parameter "large".
class MomentParts : public testing::Test {
protected:
  using Parts = std::vector<std::optional<Extent>>; // per rank
  static constexpr const char *kAvg = "moment/large.exp_avg", *kSq = "moment/large.exp_avg_sq";

  void SetUp() override { dir = temporaryDirectory("parts"); }
  void TearDown() override { std::filesystem::remove_all(dir); }

  // The sum over a step's data is of no interest here: what programs do with moments is
  // what `change` adds.
  Status open(const std::string &name, const Parts &parts, std::unique_ptr<Session> &out,
              uint32_t experts = 1, Element computed = Element::F32,
              std::function<void(fb::ProgramT &)> change = nullptr) {
    TinyOptions options;
    options.ranks = uint32_t(parts.size());
    options.microBatches = options.ranks;
    options.changeManifest = [&](Manifest &m) {
      m.optimizer = "adam";
      m.mesh.ep = experts;
      Manifest::Parameter large = m.parameters[0];
      large.name = "large";
      large.shape = {kLarge};
      if (experts > 1)
        large.shape.insert(large.shape.begin(), experts);
      m.parameters.push_back(large);
    };
    options.changeProgram = [&](fb::ProgramT &p) {
      p.optimizer = "adam";
      p.mesh->ep = experts;
      addLargeParameter(p, parts[p.coordinate], computed);
      if (change)
        change(p);
    };
    std::string path = dir + "/" + name + ".dpc";
    writeTinyArtifact(path, options);
    Artifact artifact;
    if (Status s = openArtifact(path, artifact); !s.ok())
      return s;
    SessionOptions chosen;
    chosen.threads = 1;
    return Session::create(std::make_shared<Artifact>(std::move(artifact)), chosen, out);
  }
  static std::vector<float> ramp(size_t count, float first) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = first + float(i);
    return values;
  }
  static void write(Session &s, const char *state, const std::vector<float> &values) {
    Status status =
        s.writeState(state, reinterpret_cast<const char *>(values.data()), values.size() * 4);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  static std::vector<float> read(Session &s, const char *state, size_t count) {
    std::vector<float> values(count, -1);
    Status status = s.readState(state, reinterpret_cast<char *>(values.data()), count * 4);
    EXPECT_TRUE(status.ok()) << status.message();
    return values;
  }
  static std::string words(const Status &status) {
    return status.ok() ? std::string() : status.message();
  }
  // A step whose rank `rank` overwrites its second moment.
  static std::function<void(fb::ProgramT &)> spoil(uint32_t rank) {
    return [rank](fb::ProgramT &p) {
      if (p.coordinate == rank)
        Rank(p).add(0, "spoil",
                    fill(p.parameters.back()->parts.empty()
                             ? p.parameters.back()->moments[1]
                             : p.parameters.back()->parts[0]->moments[1]));
    };
  }
  static void step(Session &s, uint64_t microBatches) {
    std::vector<float> x(microBatches * 16, 0.5f), t(microBatches * 16, 0.25f);
    StepResult result;
    Status status = s.submit({{"x", reinterpret_cast<char *>(x.data()), x.size() * 4, false},
                              {"t", reinterpret_cast<char *>(t.data()), t.size() * 4, false}},
                             {});
    ASSERT_TRUE(status.ok()) << status.message();
    status = s.result(result);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  std::string dir;
};

TEST_F(MomentParts, AreOneTensorForTheHost) {
  // By one rank after the other, some kept by two, and by a first holder none.
  for (const Parts &parts :
       {Parts{Extent{0, 4096}, Extent{4096, 5904}}, Parts{Extent{4096, 5904}, Extent{0, 8192}},
        Parts{Extent{}, std::nullopt}, Parts{std::nullopt, Extent{4096, 4096}}})
    for (uint32_t experts : {1u, 2u})
      for (Element computed : {Element::F32, Element::BF16}) {
        std::unique_ptr<Session> session;
        Status status = open("m", parts, session, experts, computed);
        ASSERT_TRUE(status.ok()) << status.message();
        const size_t count = kLarge * experts;
        std::vector<std::string> names;
        for (const Session::State &s : session->states()) {
          names.push_back(s.name);
          if (s.parameter == "large")
            EXPECT_EQ(s.bytes, count * 4) << s.name;
        }
        EXPECT_EQ(names, (std::vector<std::string>{"param/w", "grad/w", "param/large", "grad/large",
                                                   kAvg, kSq}));
        std::vector<float> avg = ramp(count, 1), sq = ramp(count, 100000);
        write(*session, kAvg, avg);
        write(*session, kSq, sq);
        EXPECT_EQ(read(*session, kAvg, count), avg);
        EXPECT_EQ(read(*session, kSq, count), sq);
        EXPECT_EQ(words(session->compareHolders()), "");
        std::vector<float> half(kLarge / 2);
        EXPECT_EQ(
            session->readState(kAvg, reinterpret_cast<char *>(half.data()), half.size() * 4).code(),
            Code::Usage);
      }
}

TEST_F(MomentParts, AreComparedWhereTwoKeepThem) {
  auto compare = [&](const Parts &parts, uint32_t spoiled) {
    std::unique_ptr<Session> session;
    Status status = open("m", parts, session, 1, Element::F32, spoil(spoiled));
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok())
      return std::string();
    write(*session, kAvg, ramp(kLarge, 1));
    write(*session, kSq, ramp(kLarge, 100000));
    EXPECT_EQ(words(session->compareHolders()), "");
    step(*session, parts.size());
    return words(session->compareHolders());
  };
  auto begins = [](const std::string &text, const std::string &with) {
    EXPECT_EQ(text.substr(0, with.size()), with);
  };
  // Nobody else has what rank 1 overwrites.
  EXPECT_EQ(compare({Extent{0, 4096}, Extent{4096, 5904}}, 1), "");
  begins(compare({std::nullopt, std::nullopt}, 1),
         "moment 'exp_avg_sq' of parameter 'large' differs between rank 0 (");
  begins(
      compare({Extent{0, 8192}, Extent{4096, 5904}}, 1),
      "moment 'exp_avg_sq' of parameter 'large', elements [4096..8192), differs between rank 0 (");
  // The third is compared with both, for neither has all that it has.
  begins(compare({Extent{0, 4096}, Extent{4096, 5904}, std::nullopt}, 1),
         "moment 'exp_avg_sq' of parameter 'large', elements [4096..10000), differs between rank 1 "
         "(");
  begins(compare({Extent{4096, 5904}, Extent{0, 4096}, std::nullopt}, 1),
         "moment 'exp_avg_sq' of parameter 'large', elements [0..4096), differs between rank 1 (");
  begins(compare({Extent{}, std::nullopt, Extent{8192, 1808}}, 2),
         "moment 'exp_avg_sq' of parameter 'large', elements [8192..10000), differs between rank 1 "
         "(");
}

TEST_F(MomentParts, AreSavedAndRestoredAsTheWhole) {
  std::unique_ptr<Session> parts, whole;
  Status status = open("parts", {Extent{0, 4096}, Extent{4096, 5904}}, parts);
  ASSERT_TRUE(status.ok()) << status.message();
  status = open("whole", {std::nullopt, std::nullopt}, whole);
  ASSERT_TRUE(status.ok()) << status.message();
  std::string files[2];
  for (bool fromParts : {true, false}) {
    Session &from = fromParts ? *parts : *whole, &to = fromParts ? *whole : *parts;
    std::vector<float> avg = ramp(kLarge, 1), sq = ramp(kLarge, 100000), none(kLarge);
    write(from, kAvg, avg);
    write(from, kSq, sq);
    write(to, kAvg, none);
    write(to, kSq, none);
    std::string folder = dir + (fromParts ? "/of-parts" : "/of-whole");
    Keeping keeping;
    ASSERT_EQ(words(keeping.save(from, folder, 1, {})), "");
    std::optional<Keeping::Outcome> outcome;
    ASSERT_EQ(words(keeping.outcome(/*wait=*/true, outcome)), "");
    ASSERT_TRUE(outcome && outcome->status.ok());
    Restored restored;
    ASSERT_EQ(words(restore(to, folder, restored)), "");
    EXPECT_EQ(read(to, kAvg, kLarge), avg);
    EXPECT_EQ(read(to, kSq, kLarge), sq);
    EXPECT_EQ(words(to.compareHolders()), "");
    ASSERT_TRUE(
        readWholeFile(folder + "/step-0/state.safetensors", Code::Io, files[fromParts]).ok());
  }
  EXPECT_TRUE(files[0] == files[1]) << "a checkpoint does not say who kept what";
}

TEST_F(MomentParts, MustCoverTheParameter) {
  std::unique_ptr<Session> session;
  Status status = open("m", {Extent{0, 4096}, Extent{8192, 1808}}, session);
  EXPECT_EQ(status.code(), Code::Artifact);
  EXPECT_NE(
      status.message().find("the moments of elements [4096..8192) of parameter 'large', which "
                            "has 10000, are kept by none of its holders"),
      std::string::npos)
      << status.message();
}
} // namespace
} // namespace dpcrt::test
