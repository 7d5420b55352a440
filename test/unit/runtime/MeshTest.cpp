// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sessions whose ranks differ in more than their place in the pipeline: in dp and in ep.
#include "TinyRuns.h"
#include "program/format/StepRecord.h"
#include "session/Client.h"
#include "session/Manifest.h"
#include "session/Session.h"
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dpcrt::test {
namespace {

class ExpertRanks : public TinyModel {};

// The manifest says which inputs each expert rank takes a slice of; no byte count does.
TEST_F(ExpertRanks, FeedSlicesOfInputsThatAreSplitOverExpertRanks) {
  TinyOptions options;
  options.microBatches = 2;
  options.changeProgram = [](fb::ProgramT &p) {
    p.mesh->ep = 2;
    for (auto &group : p.groups)
      group->over = fb::Axes::Ep;
  };
  auto losses = [&](fb::Axes x) {
    options.changeManifest = [x](Manifest &m) {
      m.mesh.ep = 2;
      m.inputs[0].split = x;
      m.inputs[1].split = fb::Axes::Ep;
    };
    writeTinyArtifact(dir + "/m.dpc", options);
    dpcrt_artifact *a = nullptr;
    EXPECT_TRUE(fromC(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a)).ok());
    ArtifactHandle artifact(a);
    const uint64_t slices = x == fb::Axes::Ep ? 2 : 1;
    EXPECT_EQ(inputOf(a, 0).slices, slices);
    EXPECT_EQ(inputOf(a, 1).slices, 2u);
    auto so = sized<dpcrt_session_options>();
    dpcrt_session *s = nullptr;
    EXPECT_TRUE(fromC(dpcrt_session_create(a, &so, &s)).ok());
    SessionHandle session(s);
    // Of each micro-batch both slices are equal, so that it makes no difference whether
    // there is one for both.
    std::vector<float> values(2 * slices * 16), targets(2 * 2 * 16, 0.5f);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(i / (slices * 16) + i % 16) / 16;
    std::vector<dpcrt_input> inputs = {
        {sizeof(dpcrt_input), "x", values.data(), values.size() * sizeof(float), 0},
        {sizeof(dpcrt_input), "t", targets.data(), targets.size() * sizeof(float), 0}};
    dpcrt_result result;
    Status status = runStep(s, inputs, sized<dpcrt_request>(), result);
    EXPECT_TRUE(status.ok()) << status.message();
    return std::vector<float>(result.loss_values, result.loss_values + result.losses);
  };
  std::vector<float> apart = losses(fb::Axes::Ep), same = losses(fb::Axes::NONE);
  ASSERT_EQ(apart.size(), 4u);
  EXPECT_EQ(apart, same);
  EXPECT_EQ(apart[0], apart[1]);
  EXPECT_NE(apart[0], apart[2]);
}

class DataParallel : public TinyModel {
protected:
  // Two replicas of as many pipeline ranks, of `microBatches` each.
  TinyOptions replicated(uint32_t microBatches) const {
    TinyOptions options;
    options.ranks = 2;
    options.microBatches = microBatches;
    options.changeProgram = [](fb::ProgramT &p) {
      p.mesh->dp = 2;
      p.groups[0]->over = fb::Axes::Dp;
    };
    options.changeManifest = [](Manifest &m) { m.mesh.dp = 2; };
    return options;
  }
};

// Replica d takes the step's micro-batches from d M on: what a step does is what one replica
// with twice as many micro-batches does, and where the data stands afterwards, too.
TEST_F(DataParallel, ReplicasTakeTheMicroBatchesOfAStepInOrder) {
  writeTinyArtifact(dir + "/two.dpc", replicated(2));
  writeTinyArtifact(dir + "/one.dpc", {2, 4});
  writeData(dir + "/d.safetensors", makeData(14));
  auto train = [&](const std::string &artifact, const std::string &dump,
                   std::vector<std::string> more) {
    std::vector<std::string> args = {dir + artifact, "--data",    dir + "/d.safetensors",
                                     "--lr",         "0.01",      "--dump",
                                     dir + dump,     "--metrics", dir + dump + ".jsonl"};
    args.insert(args.end(), more.begin(), more.end());
    Outcome o = run(args);
    EXPECT_EQ(o.status, 0) << o.err;
  };
  train("/two.dpc", "/two", {"--steps", "2", "--checkpoint", dir + "/ck"});
  train("/one.dpc", "/one", {"--steps", "3"});
  train("/one.dpc", "/on", {"--steps", "3", "--resume", dir + "/ck", "--checkpoint", "none"});
  auto compare = [&](const std::string &a, const std::string &b, int step) {
    std::string file = "/step-" + std::to_string(step) + ".safetensors";
    auto one = readTensor(dir + a + file, "loss"), other = readTensor(dir + b + file, "loss");
    ASSERT_EQ(one.size(), 4u);
    ASSERT_EQ(other.size(), 4u);
    for (size_t i = 0; i < 4; ++i)
      if (step == 1)
        EXPECT_EQ(one[i], other[i]) << "micro-batch " << i;
      else
        EXPECT_NEAR(one[i], other[i], 1e-5) << "step " << step << " micro-batch " << i;
    auto w = readTensor(dir + a + file, "param/w"), v = readTensor(dir + b + file, "param/w");
    for (size_t i = 0; i < 16; ++i)
      EXPECT_NEAR(w[i], v[i], 1e-6) << "step " << step << " element " << i;
  };
  compare("/two", "/one", 1);
  compare("/two", "/one", 2);
  compare("/on", "/one", 3);
  std::ifstream lines(dir + "/two.jsonl");
  std::string line;
  for (int i = 0; i < 3; ++i)
    std::getline(lines, line);
  EXPECT_EQ(nlohmann::json::parse(line)["samples"], 32) << line;
}

// Randomness depends on the micro-batch among all of the data.
TEST_F(DataParallel, StepRecordsSayTheFirstMicroBatchOfTheReplica) {
  TinyOptions options = replicated(2);
  auto replicate = options.changeProgram;
  options.changeProgram = [&](fb::ProgramT &p) {
    replicate(p);
    fetchHeaderAsLoss(p, offsetof(StepHeader, firstMicroBatch));
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  dpcrt_artifact *a = nullptr;
  ASSERT_TRUE(fromC(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a)).ok());
  ArtifactHandle artifact(a);
  auto so = sized<dpcrt_session_options>();
  dpcrt_session *s = nullptr;
  ASSERT_TRUE(fromC(dpcrt_session_create(a, &so, &s)).ok());
  SessionHandle session(s);
  EXPECT_EQ(dpcrt_session_ranks(s), 4u);
  std::vector<float> values(4 * 16);
  std::vector<dpcrt_input> inputs = {
      {sizeof(dpcrt_input), "x", values.data(), values.size() * sizeof(float), 0},
      {sizeof(dpcrt_input), "t", values.data(), values.size() * sizeof(float), 0}};
  auto request = sized<dpcrt_request>();
  request.first_micro_batch = 12;
  dpcrt_result result;
  ASSERT_TRUE(runStep(s, inputs, request, result).ok());
  ASSERT_EQ(result.losses, 4u);
  std::vector<uint32_t> seen(4);
  std::memcpy(seen.data(), result.loss_values, 16);
  EXPECT_EQ(seen, std::vector<uint32_t>({12, 12, 14, 14}));
  inputs[0].bytes /= 2;
  Status status = runStep(s, inputs, request, result);
  EXPECT_EQ(status.message(), "input 'x' has 128 bytes; 256 would be right");
}

TEST_F(DataParallel, StepsMayHaveOnlySoManyMicroBatches) {
  TinyOptions options;
  Manifest m = writeTinyArtifact(dir + "/m.dpc", options), read;
  m.entryPoints[0].microBatches = 1 << 20;
  EXPECT_TRUE(parseManifest(writeManifest(m), read).ok());
  m.mesh.dp = 2;
  Status s = parseManifest(writeManifest(m), read);
  EXPECT_EQ(s.exitStatus(), 3);
  EXPECT_NE(s.message().find("'entry_points[0].micro_batches' makes more than 1048576 in a step of "
                             "mesh.dp replicas"),
            std::string::npos)
      << s.message();
}

TEST_F(DataParallel, MeshesOfProgramsAndManifestMustBeOne) {
  TinyOptions options = replicated(2);
  options.changeManifest = [](Manifest &m) { m.mesh.dp = 3; };
  writeTinyArtifact(dir + "/m.dpc", options);
  Artifact artifact;
  Status s = openArtifact(dir + "/m.dpc", artifact);
  EXPECT_EQ(s.exitStatus(), 3);
  EXPECT_NE(s.message().find("the meshes in the program and the manifest differ"),
            std::string::npos)
      << s.message();
}

} // namespace
} // namespace dpcrt::test
