// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sessions and dpc-run on a hand-built artifact, against the same sums by hand.
#include "session/Session.h"
#include "TinyRuns.h"
#include "checkpoint/CheckpointManifest.h"
#include "data/Files.h"
#include "program/format/StepRecord.h"
#include "session/Client.h"
#include "session/Manifest.h"
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace dpcrt::test {
namespace {
class TinyRun : public testing::TestWithParam<uint32_t> {};

TEST_P(TinyRun, TrainsAsTheSumsByHand) {
  std::string dir = temporaryDirectory("train" + std::to_string(GetParam()));
  writeTinyArtifact(dir + "/m.dpc", {GetParam(), 4});
  Data d = makeData(6);
  writeData(dir + "/d.safetensors", d);
  Data twice = d; // six rows, four micro-batches a step: steps span the end
  twice.x.insert(twice.x.end(), d.x.begin(), d.x.end());
  twice.t.insert(twice.t.end(), d.t.begin(), d.t.end());
  Outcome o = run({dir + "/m.dpc", "--data", dir + "/d.safetensors", "--epochs", "2", "--lr",
                   "0.01", "--dump", dir + "/dump", "--metrics", dir + "/m.jsonl", "--report",
                   dir + "/r.json", "--trace", dir + "/t.json", "--threads", "2"});
  ASSERT_EQ(o.status, 0) << o.err;
  Reference ref;
  std::ifstream lines(dir + "/m.jsonl");
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(nlohmann::json::parse(line)["event"], "start");
  for (int step = 0; step < 3; ++step) {
    ref.step(twice, uint64_t(step) * 4, 4, 0.01);
    std::string dump = dir + "/dump/step-" + std::to_string(step + 1) + ".safetensors";
    auto w = readTensor(dump, "param/w"), g = readTensor(dump, "grad/w");
    for (size_t i = 0; i < 16; ++i) {
      EXPECT_NEAR(w[i], ref.w[i], 1e-5) << "step " << step << " element " << i;
      EXPECT_NEAR(g[i], ref.g[i], 1e-4) << "step " << step << " element " << i;
    }
    EXPECT_EQ(readTensor(dump, "loss").size(), 4u);
    std::getline(lines, line);
    auto metrics = nlohmann::json::parse(line);
    EXPECT_EQ(metrics["step"], step + 1);
    EXPECT_EQ(metrics["samples"], 16 * (step + 1));
    EXPECT_NEAR(metrics["loss"].get<double>(), ref.loss, 1e-4);
    EXPECT_NEAR(metrics["grad_norm"].get<double>(), ref.norm, 1e-4);
    EXPECT_EQ(metrics["bubble"].is_null(), GetParam() > 2);
  }
  std::string text;
  ASSERT_TRUE(readWholeFile(dir + "/t.json", Code::Io, text).ok());
  auto trace = nlohmann::json::parse(text);
  EXPECT_GT(trace["traceEvents"].size(), 30u);
  std::filesystem::remove_all(dir);
}

// The forecast stands beside each traced step, under the rank that it is of, and
// never lies over itself; what is no span is left out.
TEST_P(TinyRun, TraceHasTheForecastBesideEachStep) {
  uint32_t ranks = GetParam();
  std::string dir = temporaryDirectory("forecast" + std::to_string(ranks));
  Manifest m = writeTinyArtifact(dir + "/m.dpc", {ranks, 4});
  auto timeline = nlohmann::ordered_json::array();
  for (uint32_t r = 0; r < ranks; ++r) {
    timeline.push_back(
        {{"rank", r}, {"stream", "compute"}, {"name", "F0 m0"}, {"start_s", 0.0}, {"end_s", 3.0}});
    timeline.push_back({{"rank", r},
                        {"stream", "comm"},
                        {"name", "F0 m0 to rank 9"},
                        {"start_s", 2.5},
                        {"end_s", 3.5}});
    timeline.push_back({{"rank", r},
                        {"stream", "reduce"},
                        {"name", "reduce s0"},
                        {"start_s", 3.0},
                        {"end_s", 4.0}});
  }
  timeline.push_back({{"rank", 0}, {"name", "no times"}});
  timeline.push_back({{"rank", ranks}, {"name", "no rank"}, {"start_s", 0.0}, {"end_s", 1.0}});
  timeline.push_back("no object");
  m.forecast = {{"step_s", 4.0}, {"timeline", timeline}};
  std::ofstream(dir + "/m.dpc/manifest.json") << writeManifest(m);
  sealArtifact(dir + "/m.dpc");
  writeData(dir + "/d.safetensors", makeData(12));
  Outcome o = run({dir + "/m.dpc", "--data", dir + "/d.safetensors", "--lr", "0.01", "--trace",
                   dir + "/t.json", "--trace-steps", "2:4"});
  ASSERT_EQ(o.status, 0) << o.err;
  std::string text;
  ASSERT_TRUE(readWholeFile(dir + "/t.json", Code::Io, text).ok());
  std::map<std::pair<uint32_t, uint64_t>, std::map<std::string, double>>
      begins; // (rank, step): what begins when
  std::map<uint64_t, double> measured;
  std::map<uint64_t, std::string> open;
  auto trace = nlohmann::json::parse(text);
  for (auto &e : trace["traceEvents"]) {
    std::string cat = e.value("cat", ""), ph = e["ph"];
    if (ph == "M")
      continue;
    uint64_t step = e["args"]["step"];
    if (cat == "forecast" || (cat == "forecast message" && ph == "b"))
      begins[{e["pid"], step}][e["name"]] = e["ts"];
    if (cat == "forecast message") {
      std::string &other = open[e["id"]];
      EXPECT_EQ(other.empty(), ph == "b");
      other = e["name"];
    }
    if (ph == "X" && cat != "forecast")
      measured[step] =
          measured.count(step) ? std::min<double>(measured[step], e["ts"]) : e["ts"].get<double>();
    if (e["name"] == "F0 m0")
      EXPECT_DOUBLE_EQ(e["dur"], 3e6);
    EXPECT_NE(e["name"], "no times");
    EXPECT_NE(e["name"], "no rank");
  }
  ASSERT_EQ(begins.size(), 2 * ranks);
  ASSERT_EQ(measured.size(), 2u);
  for (auto &[key, spans] : begins) {
    EXPECT_EQ(spans.size(), 3u);
    EXPECT_NEAR(spans["reduce s0"] - spans["F0 m0"], 3e6, 1);
    EXPECT_NEAR(spans["F0 m0 to rank 9"] - spans["F0 m0"], 2.5e6, 1);
    // These steps take far less than the four seconds that are expected.
    uint64_t first = measured.begin()->first;
    if (key.second == first)
      EXPECT_LE(spans["F0 m0"], measured[first]);
    else
      EXPECT_NEAR(spans["F0 m0"], (begins[{key.first, first}]["F0 m0"]) + 4e6, 1);
  }
  std::filesystem::remove_all(dir);
}

TEST_P(TinyRun, ClipsSkipsAndStops) {
  std::string dir = temporaryDirectory("clip" + std::to_string(GetParam()));
  writeTinyArtifact(dir + "/m.dpc", {GetParam(), 4, true});
  Data d = makeData(12);
  d.x[4 * 16 + 1] = INFINITY; // in the second step
  d.t[4 * 16] = 1;
  writeData(dir + "/d.safetensors", d);
  auto args = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {dir + "/m.dpc", "--data",      dir + "/d.safetensors",
                                    "--lr",         "0.01",        "--dump",
                                    dir + "/dump",  "--clip-norm", "0.1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  Outcome stop = run(args({}));
  EXPECT_EQ(stop.status, 6) << stop.err;
  EXPECT_NE(stop.err.find("step 2: the loss is"), std::string::npos) << stop.err;
  EXPECT_NE(stop.err.find("first not finite: input 'x', element 1 of the step's micro-batch 0"),
            std::string::npos)
      << stop.err;
  Outcome skip = run(
      args({"--on-nonfinite", "skip", "--eval-data", dir + "/d.safetensors", "--eval-steps", "1"}));
  ASSERT_EQ(skip.status, 0) << skip.err;
  EXPECT_NE(skip.err.find("held-out loss"), std::string::npos);
  Reference ref;
  ref.step(d, 0, 4, 0.01, 0.1);
  auto w0 = readTensor(dir + "/dump/step-1.safetensors", "param/w");
  EXPECT_EQ(w0, readTensor(dir + "/dump/step-2.safetensors", "param/w"))
      << "the step was not skipped";
  ref.step(d, 8, 4, 0.01, 0.1);
  auto w = readTensor(dir + "/dump/step-3.safetensors", "param/w");
  for (size_t i = 0; i < 16; ++i)
    EXPECT_NEAR(w[i], ref.w[i], 1e-5);
  std::filesystem::remove_all(dir);
}
// A resumed run has the numbers of the whole one, and evaluations have their own.
TEST_P(TinyRun, TellsProgramsTheCursor) {
  std::string dir = temporaryDirectory("cursor" + std::to_string(GetParam()));
  TinyOptions options{GetParam(), 4};
  options.changeProgram = [](fb::ProgramT &program) {
    fetchHeaderAsLoss(program, offsetof(StepHeader, firstMicroBatch));
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  writeData(dir + "/d.safetensors", makeData(10));
  auto train = [&](const char *steps) {
    Outcome o = run({dir + "/m.dpc",
                     "--data",
                     dir + "/d.safetensors",
                     "--epochs",
                     "0",
                     "--lr",
                     "0.01",
                     "--steps",
                     steps,
                     "--checkpoint",
                     dir + "/kept",
                     "--resume",
                     "auto",
                     "--dump",
                     dir + "/dump",
                     "--eval-data",
                     dir + "/d.safetensors",
                     "--eval-every",
                     "1",
                     "--metrics",
                     dir + "/m.jsonl"});
    ASSERT_EQ(o.status, 0) << o.err;
  };
  train("2");
  train("5");
  for (uint32_t step = 1; step <= 5; ++step)
    for (float loss :
         readTensor(dir + "/dump/step-" + std::to_string(step) + ".safetensors", "loss")) {
      uint32_t bits;
      std::memcpy(&bits, &loss, sizeof(bits));
      EXPECT_EQ(bits, 4 * (step - 1)) << "step " << step;
    }
  // Ten micro-batches are two evaluation steps, which see 0 and 4.
  std::ifstream lines(dir + "/m.jsonl");
  unsigned evaluations = 0;
  float four;
  uint32_t bits = 4;
  std::memcpy(&four, &bits, sizeof(four));
  for (std::string line; std::getline(lines, line);) {
    auto event = nlohmann::json::parse(line);
    if (event.value("event", "") != "eval")
      continue;
    ++evaluations;
    EXPECT_GT(event["loss"].get<double>(), 0);
    EXPECT_LT(event["loss"].get<double>(), double(four));
  }
  EXPECT_EQ(evaluations, 5u);
  std::filesystem::remove_all(dir);
}
INSTANTIATE_TEST_SUITE_P(Ranks, TinyRun, testing::Values(1u, 2u, 4u));

class BadRuns : public TinyModel {};

// A decay of 1 keeps no part of a gradient: Adam would divide by 0.
TEST_F(BadRuns, OptimizerOptionsAreWithinTheirBounds) {
  const struct {
    const char *optimizer;
    std::vector<std::string> decays, others;
  } cases[] = {{"momentum", {"momentum"}, {"weight_decay"}},
               {"adam", {"beta1", "beta2"}, {"weight_decay", "eps"}},
               {"adamw", {"beta1", "beta2"}, {"weight_decay", "eps"}}};
  for (const auto &[optimizer, decays, others] : cases) {
    TinyOptions options;
    options.changeManifest = [name = optimizer](Manifest &m) { m.optimizer = name; };
    options.changeProgram = [name = optimizer](fb::ProgramT &p) { p.optimizer = name; };
    std::filesystem::remove_all(dir + "/m.dpc");
    writeTinyArtifact(dir + "/m.dpc", options);
    auto refuse = [&](const std::string &option, const std::string &words) {
      expect(2, "--optimizer-option: " + option + words,
             {"--data", dir + "/d.safetensors", "--lr", "1", "--optimizer-option", option});
    };
    for (const std::string &decay : decays)
      for (const char *value : {"=1", "=-0.5"})
        refuse(decay + value, " is not from 0 to below 1");
    for (const std::string &other : others)
      refuse(other + "=-0.5", " is negative");
  }
}

TEST_F(BadRuns, SayWhatWouldBeRight) {
  std::string good = dir + "/d.safetensors";
  expect(2, "--lr", {"--data", good});
  expect(2, "--bogus", {"--data", good, "--lr", "1", "--bogus"});
  expect(2, "--checkpoint none",
         {"--data", good, "--lr", "1", "--checkpoint", "none", "--checkpoint-every", "2"});
  expect(2, "--keep", {"--data", good, "--lr", "1", "--keep", "0"});
  expect(7, "there is no checkpoint", {"--data", good, "--lr", "1", "--resume", dir + "/nothing"});
  expect(2, "no duration", {"--data", good, "--lr", "1", "--timeout", "soon"});
  expect(2, "beta1", {"--data", good, "--lr", "1", "--optimizer-option", "beta1=0.9"});
  expect(2, "matches no parameter", {"--data", good, "--lr", "1", "--param-group", "q*:lr=2x"});
  expect(9, "enough for 2 steps", {"--data", good, "--lr", "1", "--steps", "3"});
  expect(9, "no file", {"--data", dir + "/*.nothing", "--lr", "1"});
  expect(10, "cuda", {"--data", good, "--lr", "1", "--device", "cuda"});
  expect(11, "cannot write", {"--data", good, "--lr", "1", "--metrics", dir + "/no/such/file"});
  expect(11, "No space left", {"--data", good, "--lr", "1", "--metrics", "/dev/full"});
  expect(11, "cannot write", {"--data", good, "--lr", "1", "--report", dir + "/no/such/file"});
  std::vector<float> v(8 * 16);
  auto write = [&](const char *x, Element type, std::vector<uint64_t> shape) {
    ASSERT_TRUE(writeSafetensors(dir + "/b.safetensors", {{x, type, shape, v.data()},
                                                          {"t", Element::F32, {8, 4, 4}, v.data()}})
                    .ok());
  };
  write("z", Element::F32, {8, 4, 4});
  expect(9, "has no tensor 'x'; the graph's input needs f32[N, 4, 4]",
         {"--data", dir + "/b.safetensors", "--lr", "1"});
  write("x", Element::F32, {8, 4, 3});
  expect(9, "[N, 4, 4] would be right", {"--data", dir + "/b.safetensors", "--lr", "1"});
  write("x", Element::I32, {8, 4, 4});
  expect(9, "type f32 would be right", {"--data", dir + "/b.safetensors", "--lr", "1"});
  write("x", Element::F32, {7, 4, 4});
  expect(9, "8 micro-batches of 't' but 7 of 'x'", {"--data", dir + "/b.safetensors", "--lr", "1"});
}

TEST_F(BadRuns, FindEveryFlippedBit) {
  std::vector<std::string> files = {
      "XXH128SUMS",     "manifest.json",    "train_step.rank0.prog", "train_step.rank1.prog",
      "kernels/cpu.so", "kernels/cpu.table"};
  for (const std::string &file : files) {
    std::string path = dir + "/m.dpc/" + file, text;
    ASSERT_TRUE(readWholeFile(path, Code::Io, text).ok());
    for (size_t i = 0; i < text.size(); i += 1 + text.size() / 17) {
      std::string broken = text;
      broken[i] = char(broken[i] ^ (1 << i % 8));
      std::ofstream(path, std::ios::binary) << broken;
      dpcrt_artifact *a = nullptr;
      dpcrt_error *e = dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a);
      ASSERT_NE(e, nullptr) << file << " byte " << i;
      EXPECT_EQ(dpcrt_error_code(e), 3) << dpcrt_error_message(e);
      dpcrt_error_free(e);
    }
    std::ofstream(path, std::ios::binary) << text;
  }
}

TEST_F(BadRuns, RefuseManifestsThatLie) {
  std::string path = dir + "/m.dpc/manifest.json", text;
  ASSERT_TRUE(readWholeFile(path, Code::Io, text).ok());
  auto lie = [&](const char *pointer, nlohmann::json value, const char *words) {
    auto doc = nlohmann::json::parse(text);
    doc[nlohmann::json::json_pointer(pointer)] = value;
    std::ofstream(path) << doc.dump();
    sealArtifact(dir + "/m.dpc");
    dpcrt_artifact *a = nullptr;
    dpcrt_error *e = dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a);
    ASSERT_NE(e, nullptr) << pointer;
    EXPECT_EQ(dpcrt_error_code(e), 3);
    EXPECT_NE(std::string(dpcrt_error_message(e)).find(words), std::string::npos)
        << dpcrt_error_message(e);
    dpcrt_error_free(e);
  };
  lie("/format_version/0", 1, "has format version 1.0; this dpc reads 4.x");
  lie("/format_version", "2.0", "is not a list");
  lie("/targets/0/file", "../cpu.so", "leaves the artifact");
  lie("/targets/0/table", "../cpu.table", "leaves the artifact");
  lie("/targets/0/table", "", "has kernels without a table");
  nlohmann::json second = nlohmann::json::parse(text)["targets"][0];
  lie("/targets/1", second, "is a second target 'cpu:x86-64'");
  second["name"] = "cuda:sm_90";
  second["device"] = "cuda";
  lie("/targets/1", second, "an artifact is for one kind of device");
  lie("/entry_points/0/programs/0", "/etc/passwd", "leaves the artifact");
  lie("/mesh/pp", 1, "programs");
  lie("/mesh/pp", 4294967297u + 4294967296u, "mesh.pp");
  lie("/mesh/dp", 4097, "does not describe 1 to 4096 ranks");
  lie("/mesh/dp", 0, "does not describe 1 to 4096 ranks");
  lie("/mesh", {{"pp", 1}, {"mirror", 1}, {"dp", 65536}, {"ep", 65536}, {"tp", 1}},
      "does not describe 1 to 4096 ranks");
  lie("/mesh/tp", 2, "has tp other than 1");
  lie("/mesh/dp", 2, "the meshes in the program and the manifest differ");
  lie("/entry_points/0/micro_batches", 1 << 21, "is not from 1 to 1048576");
  lie("/parameters/0/shape/0", 4611686018427387904u, "too large");
  lie("/parameters/0/shape/0", 5, "parameter 'w'");
  lie("/parameters/0/holders", {1, 0}, "ascending");
  lie("/parameters/0/source",
      {{"file", "/f"}, {"offset", 1}, {"length", 64}, {"size", 64}, {"mtime_ns", 0}},
      "beyond the end");
  lie("/inputs/0/shape/1", 8, "input 'x'");
  lie("/inputs/0/split", nullptr, "inputs[0].split");
  lie("/inputs/0/split", {"dp"}, "names axis 'dp'; a micro-batch can be split over ep only");
  lie("/inputs/0/split", {"ep", "ep"}, "names axis 'ep' twice");
  lie("/weights", 3, "weights");
}

// Weights that are not shared are copied, so that they must be the same.
TEST_F(BadRuns, RefuseAnEvaluationThatComputesWithAnotherType) {
  TinyOptions options;
  options.evalStep = true;
  options.changeProgram = [&](fb::ProgramT &p) {
    fb::ParameterT &w = *p.parameters[0];
    if (p.entry != "eval_step")
      return;
    w.tensor->dtype = uint8_t(Element::I32);
    *w.weight = fb::Ref(w.weight->space(), uint8_t(Element::I32), w.weight->index(),
                        w.weight->offset(), w.weight->bytes());
    w.trained = false;
    w.gradient = nullptr;
    w.record = nullptr;
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  Artifact artifact;
  Status s = openArtifact(dir + "/m.dpc", artifact);
  ASSERT_TRUE(s.ok()) << s.message();
  std::unique_ptr<Session> session;
  s = Session::create(std::make_shared<Artifact>(std::move(artifact)), {}, session);
  EXPECT_EQ(s.code(), Code::Artifact);
  EXPECT_EQ(s.message(),
            "parameter 'w' is 64 bytes of i32 in evaluation and 64 of f32 in training");
}

// As for program files: test/fuzz/make_corpus.py writes them again.
TEST(Manifests, ThatFuzzingStartsFromAreOfThisVersion) {
  std::string folder = DPC_TEST_DIR "/fuzz/corpus/manifest/", text;
  for (const char *name : {"alone.json", "1f1b.json", "dualpipe.json"}) {
    ASSERT_TRUE(readWholeFile(folder + name, Code::Io, text).ok()) << name;
    Manifest manifest;
    Status status = parseManifest(text, manifest);
    EXPECT_TRUE(status.ok()) << name << ": " << status.message();
  }
  ASSERT_TRUE(readWholeFile(folder + "checkpoint.json", Code::Io, text).ok());
  CheckpointManifest checkpoint;
  Status status = parseCheckpointManifest(text, checkpoint);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(BadRuns, RefuseManifestsThatNestDeeply) {
  std::string path = dir + "/m.dpc/manifest.json", text;
  ASSERT_TRUE(readWholeFile(path, Code::Io, text).ok());
  auto doc = nlohmann::json::parse(text);
  doc["config"] = {{"deep", "here"}};
  text = doc.dump();
  const size_t levels = 1000000;
  text.replace(text.find("\"here\""), 6, std::string(levels, '[') + std::string(levels, ']'));
  std::ofstream(path) << text;
  sealArtifact(dir + "/m.dpc");
  dpcrt_artifact *a = nullptr;
  dpcrt_error *e = dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a);
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(dpcrt_error_code(e), 3);
  EXPECT_NE(std::string(dpcrt_error_message(e)).find("is not valid JSON"), std::string::npos)
      << dpcrt_error_message(e);
  dpcrt_error_free(e);
}

TEST_F(BadRuns, NoticeThatAnExternalFileHasChanged) {
  Manifest m = writeTinyArtifact(dir + "/m.dpc", {2, 4});
  std::string file = dir + "/w.bin";
  std::ofstream(file) << std::string(64, '\0');
  InputFile info;
  ASSERT_TRUE(InputFile::open(file, Code::Io, info).ok());
  m.parameters[0].source = Manifest::FileSource{file, 0, 64, 64, info.modificationTime()};
  std::ofstream(dir + "/m.dpc/manifest.json") << writeManifest(m);
  sealArtifact(dir + "/m.dpc");
  std::vector<std::string> args = {dir + "/m.dpc", "--data", dir + "/d.safetensors", "--lr", "0"};
  EXPECT_EQ(run(args).status, 0);
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() +
                                             std::chrono::hours(1));
  Outcome o = run(args);
  EXPECT_EQ(o.status, 3);
  EXPECT_NE(o.err.find("has changed since"), std::string::npos) << o.err;
}

TEST(Session, ReadsAndWritesStateByName) {
  std::string dir = temporaryDirectory("state");
  writeTinyArtifact(dir + "/m.dpc", {2, 4});
  dpcrt_artifact *a = nullptr;
  ASSERT_EQ(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a), nullptr);
  auto o = sized<dpcrt_session_options>();
  o.threads = 1;
  dpcrt_session *s = nullptr;
  ASSERT_EQ(dpcrt_session_create(a, &o, &s), nullptr);
  float w[16], v[16];
  ASSERT_EQ(dpcrt_session_read(s, "param/w", w, sizeof(w)), nullptr);
  fillInit(v, 0, 16, 7, "w", InitKind::Normal, 0.5);
  EXPECT_EQ(std::memcmp(v, w, sizeof(w)), 0);
  v[3] = 42;
  ASSERT_EQ(dpcrt_session_write(s, "param/w", v, sizeof(v)), nullptr);
  ASSERT_EQ(dpcrt_session_read(s, "param/w", w, sizeof(w)), nullptr);
  EXPECT_EQ(w[3], 42);
  EXPECT_EQ(dpcrt_session_compare_holders(s), nullptr);
  dpcrt_error *e = dpcrt_session_read(s, "param/q", w, sizeof(w));
  ASSERT_NE(e, nullptr);
  EXPECT_NE(std::string(dpcrt_error_message(e)).find("'param/q'"), std::string::npos);
  dpcrt_error_free(e);
  dpcrt_session_close(s);
  dpcrt_artifact_close(a);
  std::filesystem::remove_all(dir);
}

// An output of the graph, if the program is evaluation's.
bool declareY(fb::ProgramT &p, std::vector<uint64_t> shape) {
  if (p.entry != "eval_step")
    return false;
  p.outputs.push_back(std::make_unique<fb::TensorT>());
  p.outputs.back()->name = "output/y";
  p.outputs.back()->shape = std::move(shape);
  return true;
}

// What evaluation fetches beside the loss, by the graph's names: here y of every
// micro-batch, which both ranks declare.
TEST(Session, GivesOutputsOfTheLastEvaluation) {
  std::string dir = temporaryDirectory("outputs");
  TinyOptions options{2, 4};
  options.evalStep = true;
  options.changeProgram = [](fb::ProgramT &p) {
    if (!declareY(p, {4, 4}))
      return;
    std::vector<std::unique_ptr<fb::CommandT>> order = std::move(p.order);
    p.order.clear();
    Rank rank(p);
    for (auto &command : order) {
      const fb::FetchT *loss = command->action.AsFetch();
      bool isLoss = loss && loss->output == 0;
      fb::FetchT fetch;
      fetch.output = 2;
      fetch.micro_batch = loss ? loss->micro_batch : 0;
      fetch.src = own(fb::Ref(fb::Space::Arena, kF32, /*work*/ 2, 2 * kSlot, 64));
      p.order.push_back(std::move(command));
      if (isLoss)
        rank.add(0, "fetch y", std::move(fetch));
    }
  };
  writeTinyArtifact(dir + "/m.dpc", options);
  dpcrt_artifact *a = nullptr;
  ASSERT_EQ(dpcrt_artifact_open((dir + "/m.dpc").c_str(), &a), nullptr);
  ASSERT_EQ(dpcrt_artifact_outputs(a), 1u);
  auto y = sized<dpcrt_tensor>();
  dpcrt_artifact_output(a, 0, &y);
  EXPECT_EQ(std::string(y.name), "y");
  EXPECT_EQ(std::string(y.dtype), "f32");
  EXPECT_EQ(std::vector<uint64_t>(y.shape, y.shape + y.rank), std::vector<uint64_t>({4, 4}));
  EXPECT_EQ(y.bytes, 64u);
  auto o = sized<dpcrt_session_options>();
  o.threads = 1;
  dpcrt_session *s = nullptr;
  ASSERT_EQ(dpcrt_session_create(a, &o, &s), nullptr);

  Data data = makeData(4);
  std::vector<dpcrt_input> inputs = {{sizeof(dpcrt_input), "x", data.x.data(), 4 * 64, 0},
                                     {sizeof(dpcrt_input), "t", data.t.data(), 4 * 64, 0}};
  std::vector<float> values(4 * 16);
  auto refused = [&](const char *name, uint64_t bytes) {
    Status status = fromC(dpcrt_session_output(s, name, values.data(), bytes));
    EXPECT_EQ(status.code(), Code::Usage);
    return status.message();
  };
  auto request = sized<dpcrt_request>();
  dpcrt_result result;
  ASSERT_TRUE(runStep(s, inputs, request, result).ok()); // training makes none
  EXPECT_EQ(refused("y", 256), "output 'y' has no value before the first evaluation");
  request.kind = DPCRT_EVALUATE;
  ASSERT_TRUE(runStep(s, inputs, request, result).ok());
  EXPECT_EQ(refused("z", 256), "there is no output 'z'");
  EXPECT_EQ(refused("loss", 16), "there is no output 'loss'");
  EXPECT_EQ(refused("y", 64), "output 'y' has 256 bytes, not 64");
  ASSERT_EQ(dpcrt_session_submit(s, inputs.data(), inputs.size(), &request), nullptr);
  EXPECT_EQ(refused("y", 256), "a step is under way; its result must be taken first");
  ASSERT_EQ(dpcrt_session_result(s, &result), nullptr);
  ASSERT_EQ(dpcrt_session_output(s, "y", values.data(), 256), nullptr);
  float w[16];
  ASSERT_EQ(dpcrt_session_read(s, "param/w", w, sizeof(w)), nullptr);
  for (size_t m = 0; m < 4; ++m)
    for (size_t i = 0; i < 16; ++i) {
      double expected = 0;
      for (size_t k = 0; k < 4; ++k)
        expected += double(data.x[m * 16 + i / 4 * 4 + k]) * w[4 * k + i % 4];
      EXPECT_NEAR(values[m * 16 + i], expected, 1e-5) << m << " " << i;
    }
  dpcrt_session_close(s);
  dpcrt_artifact_close(a);
  std::filesystem::remove_all(dir);
}

// Ranks that would give one output two types.
TEST_F(BadRuns, RefuseAnOutputOfTwoShapes) {
  TinyOptions options{2, 4};
  options.evalStep = true;
  options.changeProgram = [](fb::ProgramT &p) { declareY(p, {4, p.coordinate + 1}); };
  writeTinyArtifact(dir + "/m.dpc", options);
  expect(3, "output 'y' has another type or shape than in another rank's program",
         {"--data", dir + "/d.safetensors", "--steps", "1", "--lr", "0.1"});
}
} // namespace
} // namespace dpcrt::test
