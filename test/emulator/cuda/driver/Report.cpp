// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Report.h.
#include "Report.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <unistd.h>

namespace dpc::emulator {

static std::atomic<bool> isViolated{false};

static void endViolated() {
  if (!isViolated)
    return;
  std::fflush(nullptr);
  _exit(kViolated);
}

static void tell(const std::string &line) {
  std::string text = "emulator: " + line + "\n";
  // One write, so that lines of several threads stay whole.
  std::fflush(stderr);
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void violation(const std::string &rule, const std::string &what) {
  tell(what + " (" + rule + ")");
  if (!isViolated.exchange(true))
    std::atexit(endViolated);
}

void fatalViolation(const std::string &rule, const std::string &what) {
  tell(what + " (" + rule + ")");
  std::fflush(nullptr);
  _exit(kViolated);
}

void explain(const std::string &what) { tell("note: " + what); }

static std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text)
    if (c == '"' || c == '\\')
      (result += '\\') += c;
    else if (static_cast<unsigned char>(c) < ' ')
      result += ' ';
    else
      result += c;
  return result + "\"";
}

JsonLine &JsonLine::addRaw(const char *key, const std::string &value) {
  if (!text.empty())
    text += ",";
  text += quoted(key) + ":" + value;
  return *this;
}

JsonLine &JsonLine::add(const char *key, uint64_t value) {
  return addRaw(key, std::to_string(value));
}
JsonLine &JsonLine::add(const char *key, const std::string &value) {
  return addRaw(key, quoted(value));
}
JsonLine &JsonLine::addBool(const char *key, bool value) {
  return addRaw(key, value ? "true" : "false");
}

bool Log::open(const std::string &name) {
  if (name == path)
    return true;
  close();
  path = name;
  if (!name.empty())
    file = std::fopen(name.c_str(), "w");
  return name.empty() || file;
}

void Log::close() {
  if (file)
    std::fclose(file);
  file = nullptr;
}

void Log::write(const JsonLine &line) {
  if (file)
    std::fprintf(file, "{%s}\n", line.fields().c_str());
}

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string hexadecimal(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

} // namespace dpc::emulator
