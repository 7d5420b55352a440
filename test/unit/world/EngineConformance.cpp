// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The cases of EngineCases.h by all processes of a world that a launcher has made.
// Usage: engine-conformance ENGINE [PROCESSES]
#include "EngineCases.h"
#include "world/EngineKinds.h"
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace dpcrt;
using namespace dpcrt::test;

namespace {
class Case : public testing::Test {
public:
  Case(Engine &engine, const EngineCase &c) : engine(engine), theCase(c) {}
  void TestBody() override {
    meet(engine);
    theCase.run(engine);
  }
  // The others wait for this process: they end when it does.
  void TearDown() override {
    if (!HasFailure())
      return;
    std::fflush(stdout);
    std::_Exit(1);
  }

private:
  Engine &engine;
  const EngineCase &theCase;
};

// What fails, and where. Only process 0 says the rest.
class Failures : public testing::EmptyTestEventListener {
public:
  explicit Failures(uint32_t process) : process(process) {}
  void OnTestPartResult(const testing::TestPartResult &result) override {
    if (result.failed())
      std::fprintf(stderr, "process %u: %s:%d: %s\n", process, result.file_name(),
                   result.line_number(), result.message());
  }

private:
  uint32_t process;
};

int fail(const std::string &message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::fflush(stderr);
  std::_Exit(1);
}
} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2)
    return fail("usage: engine-conformance ENGINE [PROCESSES]");
  const EngineKind *kind;
  if (Status s = findEngineKind(argv[1], kind); !s.ok())
    return fail(s.message());
  std::unique_ptr<Engine> engine;
  if (Status s = kind->open(engine); !s.ok())
    return fail(s.message());
  // With another MPI than the launcher's, each process is a world of its own.
  if (argc > 2 && std::to_string(engine->processes()) != argv[2])
    return fail("a world of " + std::to_string(engine->processes()) + " processes, not of " +
                argv[2]);
  if (engine->name() != std::string(argv[1]) || kind->name != std::string(argv[1]))
    return fail(std::string(argv[1]) + " opens " + engine->name() + " of kind " + kind->name);
  if (engine->self() == 0)
    std::printf("%s: %s, %u processes\n", engine->name(), engine->version().c_str(),
                engine->processes());
  testing::TestEventListeners &listeners = testing::UnitTest::GetInstance()->listeners();
  if (engine->self() != 0) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new Failures(engine->self()));
  }
  for (const EngineCase &c : engineCases)
    testing::RegisterTest("Engine", c.name, nullptr, nullptr, __FILE__, __LINE__,
                          [&]() -> Case * { return new Case(*engine, c); });
  if (RUN_ALL_TESTS() != 0)
    return fail("failed");
  if (Status s = engine->close(); !s.ok())
    return fail(s.message());
  return 0;
}
