// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Options.h.
#include "Options.h"

#include "devices/cuda/api/CublasLtTypes.h"

#include <charconv>
#include <set>

namespace dpc::emulator {

using namespace dpcrt::cuda;

static const char *const functionsOfDriver[] = {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) #name,
#include "devices/cuda/api/DriverFunctions.def"
};
static const char *const functionsOfCublasLt[] = {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) #name,
#include "devices/cuda/api/CublasLtFunctions.def"
};

bool resultNamed(const std::string &name, uint32_t &out) {
#define DPCRT_CUDA_ENUM(type)
#define DPCRT_CUDA_ENUM_END(type) static_assert(true)
#define DPCRT_CUDA_VALUE(value, number)                                                            \
  if (name == #value) {                                                                            \
    out = value;                                                                                   \
    return name.find("ERROR") != std::string::npos || name.find("STATUS") != std::string::npos;    \
  }
#include "devices/cuda/api/DriverEnums.def"
#define DPCRT_CUDA_ENUM(type)
#define DPCRT_CUDA_ENUM_END(type) static_assert(true)
#define DPCRT_CUDA_VALUE(value, number)                                                            \
  if (name == #value) {                                                                            \
    out = value;                                                                                   \
    return name.find("STATUS") != std::string::npos;                                               \
  }
#include "devices/cuda/api/CublasLtEnums.def"
  return false;
}

static bool parseNumber(const std::string &text, uint64_t &out) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}

static std::vector<std::string> split(const std::string &text, char mark) {
  std::vector<std::string> parts(1);
  for (char c : text)
    if (c == mark)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

static bool parsePolicy(const std::string &text, Options &out) {
  size_t at = text.find('=');
  std::string name = text.substr(0, at);
  bool hasNumber = at != std::string::npos;
  if (name == "starve" || name == "delay") {
    out.policy = name == "starve" ? Options::Policy::Starve : Options::Policy::Delay;
    return hasNumber && parseNumber(text.substr(at + 1), out.policyNumber);
  }
  out.policy = name == "first"     ? Options::Policy::First
               : name == "reverse" ? Options::Policy::Reverse
               : name == "eager"   ? Options::Policy::Eager
                                   : Options::Policy::Random;
  return !hasNumber && (name == "random" || out.policy != Options::Policy::Random);
}

static bool parseArchitecture(const std::string &text, Options &out) {
  uint64_t number = 0;
  if (text.substr(0, 3) != "sm_" || !parseNumber(text.substr(3), number) || number < 50 ||
      number > 999)
    return false;
  out.major = number / 10;
  out.minor = number % 10;
  return true;
}

static bool parseMemory(const std::string &text, Options &out) {
  const std::pair<const char *, unsigned> units[] = {
      {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}};
  for (auto [unit, shift] : units) {
    size_t length = std::char_traits<char>::length(unit);
    if (text.size() <= length || text.substr(text.size() - length) != unit)
      continue;
    uint64_t number = 0;
    if (!parseNumber(text.substr(0, text.size() - length), number) || number == 0 ||
        number > uint64_t(1) << (40 - shift))
      return false;
    out.memoryBytes = number << shift;
    return true;
  }
  return false;
}

// A version's suffix may be left out, as messages do.
static bool findFunction(const std::string &text, Options::Failure &out) {
  auto isCalled = [&](const std::string &name) {
    return name == text ||
           (name.size() == text.size() + 3 && name.compare(0, text.size() + 2, text + "_v") == 0);
  };
  for (const char *name : functionsOfDriver)
    if (isCalled(name)) {
      out.function = name;
      out.result = CUDA_ERROR_UNKNOWN;
    }
  for (const char *name : functionsOfCublasLt)
    if (isCalled(name)) {
      out.function = name;
      out.result = CUBLAS_STATUS_INTERNAL_ERROR;
    }
  return !out.function.empty();
}

static bool parseFailure(const std::string &text, Options &out) {
  std::vector<std::string> parts = split(text, ':');
  Options::Failure failure;
  if (parts.size() < 2 || parts.size() > 3 || !findFunction(parts[0], failure) ||
      !parseNumber(parts[1], failure.call) || failure.call == 0 ||
      (parts.size() == 3 && !resultNamed(parts[2], failure.result)))
    return false;
  out.failures.push_back(failure);
  return true;
}

static bool parseFault(const std::string &text, Options &out) {
  std::vector<std::string> parts = split(text, ':');
  if (parts[0] == "launch" && (parts.size() == 2 || parts.size() == 3)) {
    out.launchResult = CUDA_ERROR_LAUNCH_FAILED;
    return parseNumber(parts[1], out.failingLaunch) && out.failingLaunch != 0 &&
           (parts.size() == 2 || resultNamed(parts[2], out.launchResult));
  }
  if (parts[0] == "skip" && parts.size() == 3) {
    Options::Failure &skipped = out.leftOut.emplace_back();
    return findFunction(parts[1], skipped) && skipped.function.substr(0, 2) == "cu" &&
           skipped.function.substr(0, 6) != "cublas" && parseNumber(parts[2], skipped.call) &&
           skipped.call != 0;
  }
  if (parts[0] == "hang" && parts.size() == 3)
    return parseNumber(parts[1], out.hangingStream) && parseNumber(parts[2], out.hangingCommand) &&
           out.hangingStream != 0 && out.hangingCommand != 0;
  return parts[0] == "slow" && parts.size() == 2 && parseNumber(parts[1], out.slowMicroseconds);
}

bool Options::parse(const std::string &text, Options &out, std::string &error) {
  out = Options();
  std::set<std::string> seen;
  for (const std::string &part : split(text, ',')) {
    if (text.empty())
      break;
    size_t at = part.find('=');
    std::string key = part.substr(0, at);
    std::string value = at == std::string::npos ? "" : part.substr(at + 1);
    bool isNew = seen.insert(key).second || key == "fail" || key == "fault";
    bool isRight = key == "seed"       ? parseNumber(value, out.seed)
                   : key == "policy"   ? parsePolicy(value, out)
                   : key == "gpu"      ? parseArchitecture(value, out)
                   : key == "memory"   ? parseMemory(value, out)
                   : key == "log"      ? (out.log = value, !value.empty())
                   : key == "fail"     ? parseFailure(value, out)
                   : key == "fault"    ? parseFault(value, out)
                   : key == "patience" ? parseNumber(value, out.patienceSeconds)
                                       : false;
    if (isNew && isRight)
      continue;
    error = "DPC_CUDA_EMULATOR '" + text + "': '" + part +
            "' is wrong; seed=N, policy=random|first|reverse|starve=S|delay=K|eager, gpu=sm_90, "
            "memory=4GiB, log=FILE, fail=FUNCTION:N[:RESULT], fault=launch:N[:RESULT]|hang:S:N|"
            "skip:FUNCTION:N|slow:U, patience=S would be right, with commas between them";
    return false;
  }
  return true;
}

} // namespace dpc::emulator
