// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the emulator tells: violations of the vendor's rules on the standard error stream,
// and what happened in a log.
//
// A real driver says nothing of most violations, and the program goes on with wrong
// numbers. Here each is a line, and the process ends with status kViolated whatever else it
// would have ended with, so that no test passes over it.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_REPORT_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_REPORT_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace dpc::emulator {

constexpr int kViolated = 86;

/// One that the program may go on after. `rule`: the manual and its chapter, "CUDA Driver API,
/// Event Management".
void violation(const std::string &rule, const std::string &what);
/// One after which there is no going on: ends the process.
[[noreturn]] void fatalViolation(const std::string &rule, const std::string &what);
/// What explains an error that a call has given, "emulator: note: …": no violation.
void explain(const std::string &what);

/// A line of JSON, built from its fields.
class JsonLine {
public:
  JsonLine &add(const char *key, uint64_t value);
  JsonLine &add(const char *key, const std::string &value);
  JsonLine &add(const char *key, const char *value) { return add(key, std::string(value)); }
  JsonLine &addBool(const char *key, bool value);
  /// `value` is JSON already.
  JsonLine &addRaw(const char *key, const std::string &value);
  bool empty() const { return text.empty(); }
  const std::string &fields() const { return text; }

private:
  std::string text;
};

class Log {
public:
  ~Log() { close(); }
  /// Nothing is written while the path is empty. False if the file cannot be written.
  bool open(const std::string &path);
  void close();
  bool isOpen() const { return file != nullptr; }
  void write(const JsonLine &line);

private:
  std::string path;
  std::FILE *file = nullptr;
};

/// Nanoseconds of the monotonic clock.
int64_t now();
std::string hexadecimal(uint64_t value);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_REPORT_H
