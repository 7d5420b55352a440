// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc onnx-test`: ONNX's backend tests through compiled programs. Each runs in a process
// of its own, so that one that crashes or hangs is one that failed.
#include "RunTest.h"
#include "dpc/Driver/Compile.h"

#include "cli/CommandLine.h"
#include "program/format/Status.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace dpc::driver {

namespace {

// Longer than any test takes; one that hangs is ended.
constexpr unsigned kSeconds = 120;

struct Options {
  std::vector<std::string> folders, binds;
  std::map<std::string, onnx::TensorProto> bound;
};

// All data sets of a test: what the worst of them came to.
Outcome runFolder(const std::string &folder, const Options &options, const std::string &scratch) {
  std::vector<std::string> dataSets = findDataSets(folder);
  if (dataSets.empty())
    return {Outcome::Skipped, "it brings no data"};
  Outcome all;
  for (const std::string &dataSet : dataSets) {
    TestCase test;
    Outcome outcome;
    if (readTest(folder, dataSet, test, outcome))
      outcome = runTest(test, options.bound, scratch);
    if (outcome.kind == Outcome::Failed || outcome.kind == Outcome::Skipped)
      return outcome;
    all = outcome;
  }
  return all;
}

// The child writes the kind as one character and then the reason.
Outcome runApart(const std::string &folder, const Options &options, const std::string &scratch) {
  int ends[2];
  if (pipe(ends) != 0)
    return {Outcome::Failed, std::string("no pipe: ") + std::strerror(errno)};
  pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return {Outcome::Failed, std::string("no process: ") + std::strerror(errno)};
  }
  if (child == 0) {
    close(ends[0]);
    alarm(kSeconds);
    Outcome outcome = runFolder(folder, options, scratch);
    std::string text = char('0' + outcome.kind) + outcome.reason;
    for (size_t done = 0; done < text.size();) {
      ssize_t n = write(ends[1], text.data() + done, text.size() - done);
      if (n <= 0)
        _exit(1);
      done += size_t(n);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, size_t(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    return {Outcome::Failed, WTERMSIG(status) == SIGALRM
                                 ? "it took more than " + std::to_string(kSeconds) + " s"
                                 : std::string("crashed: ") + strsignal(WTERMSIG(status))};
  if (text.empty() || WEXITSTATUS(status) != 0)
    return {Outcome::Failed, "ended with status " + std::to_string(WEXITSTATUS(status))};
  return {Outcome::Kind(text[0] - '0'), text.substr(1)};
}

// INPUT=FILE, each.
bool readBinds(Options &options, std::ostream &err) {
  for (const std::string &bind : options.binds) {
    size_t equals = bind.find('=');
    if (equals == 0 || equals == std::string::npos) {
      err << "error: --bind " << bind << " is not of the form INPUT=FILE\n";
      return false;
    }
    std::string name = bind.substr(0, equals), path = bind.substr(equals + 1), reason;
    onnx::TensorProto &tensor = options.bound[name];
    onnxwire::TensorValue value;
    if (!fs::is_regular_file(path))
      reason = "there is no such file";
    else if (!readTensorFile(path, tensor))
      reason = "it is no tensor of ONNX (.pb)";
    else if (!onnxwire::readTensor(tensor, value, reason))
      reason = "it " + reason;
    if (!reason.empty()) {
      err << "error: --bind " << name << ": '" << path << "': " << reason << "\n";
      return false;
    }
  }
  return true;
}

} // namespace

int onnxTestCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  Options options;
  CLI::App app("Run ONNX backend tests through compiled programs. The last line says how many "
               "passed, failed and were skipped, the lines before it why.",
               "dpc onnx-test");
  app.add_option("DIR", options.folders,
                 "folders of tests (model.onnx and test_data_set_0 in each), or of such folders")
      ->required();
  app.add_option("--bind", options.binds,
                 "INPUT=FILE.pb: make an input a constant of the model. Inputs that determine a "
                 "shape are, with the test's own values")
      ->allow_extra_args(false);
  if (auto status = dpcrt::parseCommandLine(app, args, out, err))
    return *status;
  if (!readBinds(options, err))
    return int(dpcrt::Code::Usage);
  std::vector<std::string> tests;
  for (const std::string &folder : options.folders) {
    std::vector<std::string> found = findTests(folder);
    if (found.empty()) {
      err << "error: '" << folder << "' holds no test: no folder in it has a model.onnx\n";
      return int(dpcrt::Code::Data);
    }
    tests.insert(tests.end(), found.begin(), found.end());
  }
  std::string scratch = (fs::temp_directory_path() / "dpc-onnx-test-XXXXXX").string();
  if (!mkdtemp(scratch.data())) {
    err << "error: cannot make a folder '" << scratch << "': " << std::strerror(errno) << "\n";
    return int(dpcrt::Code::Io);
  }
  unsigned passed = 0, folded = 0, failed = 0, skipped = 0;
  for (const std::string &folder : tests) {
    Outcome outcome = runApart(folder, options, scratch);
    passed += outcome.kind == Outcome::Passed || outcome.kind == Outcome::Folded;
    folded += outcome.kind == Outcome::Folded;
    failed += outcome.kind == Outcome::Failed;
    skipped += outcome.kind == Outcome::Skipped;
    if (outcome.kind == Outcome::Failed || outcome.kind == Outcome::Skipped)
      out << (outcome.kind == Outcome::Failed ? "failed  " : "skipped ")
          << fs::path(folder).lexically_normal().filename().string() << ": " << outcome.reason
          << "\n"
          << std::flush;
  }
  std::error_code ignored;
  fs::remove_all(scratch, ignored);
  if (folded)
    out << folded << " of those that passed were computed when they were imported: no kernel was "
        << "needed\n";
  out << passed << " passed, " << failed << " failed, " << skipped << " skipped\n";
  return failed ? int(dpcrt::Code::Difference) : 0;
}

} // namespace dpc::driver
