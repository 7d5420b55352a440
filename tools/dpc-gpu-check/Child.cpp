// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Child.h.
#include "dpc-gpu-check/Child.h"
#include "devices/Wait.h"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dpcrt::gpucheck {
namespace {
constexpr size_t kSaid = 8192; // bytes that are kept

// In the new process; comes back only if the program cannot be started.
void become(const std::vector<std::string> &command,
            const std::map<std::string, std::string> &environment, int output) {
  setpgid(0, 0);
  dup2(output, 1);
  dup2(output, 2);
  if (int nothing = open("/dev/null", O_RDONLY); nothing >= 0)
    dup2(nothing, 0);
  for (auto &[name, value] : environment)
    setenv(name.c_str(), value.c_str(), 1);
  std::vector<char *> words;
  for (const std::string &word : command)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  execv(words[0], words.data());
  const char *why = std::strerror(errno);
  (void)!write(2, why, std::strlen(why));
}

// Reads until the other end is closed, or the deadline. Whether that came first.
bool readAll(int input, int64_t deadline, std::string &said) {
  for (;;) {
    int64_t left = deadline - nowNs();
    if (left <= 0)
      return true;
    pollfd wanted{input, POLLIN, 0};
    if (poll(&wanted, 1, int(std::min<int64_t>(left / 1'000'000 + 1, 1000))) <= 0)
      continue;
    char bytes[4096];
    ssize_t count = read(input, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    said.append(bytes, size_t(count));
    if (said.size() > 2 * kSaid)
      said.erase(0, said.size() - kSaid);
  }
}
} // namespace

std::string Ended::problem() const {
  if (isLate)
    return "its time was over";
  if (status == 0)
    return "";
  // The line that says why is the last one.
  std::string text = said;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  if (size_t line = text.rfind('\n'); line != std::string::npos)
    text = text.substr(line + 1);
  return (status < 0 ? "it was killed" : "status " + std::to_string(status)) +
         (text.empty() ? "" : ": " + text);
}

Ended runChild(const std::vector<std::string> &command,
               const std::map<std::string, std::string> &environment, double seconds) {
  Ended ended;
  int64_t begin = nowNs(), deadline = begin + int64_t(seconds * 1e9);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    ended.said = std::strerror(errno);
    return ended;
  }
  pid_t child = fork();
  if (child == 0) {
    become(command, environment, ends[1]);
    _exit(127);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    ended.said = std::strerror(errno);
    return ended;
  }
  setpgid(child, child); // whoever of the two is first
  ended.isLate = readAll(ends[0], deadline, ended.said);
  close(ends[0]);
  if (ended.isLate)
    kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  kill(-child, SIGKILL);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (ended.said.size() > kSaid)
    ended.said.erase(0, ended.said.size() - kSaid);
  ended.seconds = double(nowNs() - begin) * 1e-9;
  return ended;
}

} // namespace dpcrt::gpucheck
