// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing machine descriptions. The fields are named once, in a
// table, from which the parser, the printer and all messages follow.
#include "dpc/Machine/Machine.h"

#include "data/ParseJson.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;

namespace dpc {

static constexpr int64_t kVersion = 1;
static constexpr char kDefault[] =
#include "default.inc"
    ;
static constexpr char kHopper[] =
#include "hopper.inc"
    ;

namespace {
struct Field {
  StringLiteral key;
  double Machine::*member;
  bool mayBeZero;
  bool mayBeAbsent = false;
};
} // namespace

static constexpr Field kFields[] = {
    {"matmul_flops_per_s", &Machine::matmulRate, false},
    {"matmul_16bit_flops_per_s", &Machine::narrowMatmulRate, false, true},
    {"kernel_flops_per_s", &Machine::kernelRate, false},
    {"memory_bytes_per_s", &Machine::memoryBandwidth, false},
    {"launch_overhead_s", &Machine::launchOverhead, true},
    {"message_latency_s", &Machine::messageLatency, true},
    {"message_bytes_per_s", &Machine::messageBandwidth, false},
};

double Machine::getKernelSeconds(double flops, double bytes) const {
  return std::max(flops / kernelRate, bytes / memoryBandwidth);
}

double Machine::getCallSeconds(double flops, double bytes, unsigned elementBits) const {
  const double rate = elementBits == 16 && narrowMatmulRate > 0 ? narrowMatmulRate : matmulRate;
  return std::max(flops / rate, bytes / memoryBandwidth);
}

Expected<Machine> parseMachine(StringRef json, StringRef file) {
  std::string problems;
  raw_string_ostream out(problems);
  auto fail = [&]() { return createStringError("machine description '" + file + "'" + problems); };
  // LLVM's parser calls itself.
  if (dpcrt::nestsTooDeep(json)) {
    out << " nests deeper than " << dpcrt::maximumJsonDepth << " levels";
    return fail();
  }
  Expected<json::Value> value = json::parse(json);
  if (!value) {
    out << " is not JSON: " << toString(value.takeError());
    return fail();
  }
  const json::Object *object = value->getAsObject();
  if (!object) {
    out << " is not a JSON object";
    return fail();
  }
  std::optional<int64_t> version = object->getInteger("format_version");
  if (version != kVersion) {
    out << " has format_version ";
    if (version)
      out << *version;
    else
      out << "missing";
    out << "; this compiler reads version " << kVersion;
    return fail();
  }

  Machine machine;
  StringRef separator = ": ";
  auto report = [&]() -> raw_ostream & {
    out << separator;
    separator = "; ";
    return out;
  };
  if (std::optional<StringRef> name = object->getString("name"))
    machine.name = name->str();
  else
    report() << "'name' must be a string";
  for (const Field &field : kFields) {
    const json::Value *entry = object->get(field.key);
    if (!entry) {
      if (!field.mayBeAbsent)
        report() << "'" << field.key << "' is missing";
      continue;
    }
    std::optional<double> number = entry->getAsNumber();
    if (!number || !std::isfinite(*number) || *number < 0 || (*number == 0 && !field.mayBeZero)) {
      report() << "'" << field.key << "' must be a "
               << (field.mayBeZero ? "number of at least 0" : "number above 0") << ", got "
               << *entry;
      continue;
    }
    machine.*field.member = *number;
  }
  SmallVector<StringRef> unknown;
  for (const auto &entry : *object) {
    StringRef key = entry.first;
    if (key != "format_version" && key != "name" &&
        none_of(kFields, [&](const Field &field) { return field.key == key; }))
      unknown.push_back(key);
  }
  llvm::sort(unknown);
  for (StringRef key : unknown)
    report() << "'" << key << "' is unknown";
  if (!problems.empty())
    return fail();
  return machine;
}

Expected<Machine> readMachine(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return createStringError("machine description '" + path +
                             "' cannot be read: " + buffer.getError().message());
  return parseMachine((*buffer)->getBuffer(), path);
}

const Machine &getDefaultMachine() {
  static const Machine machine = cantFail(parseMachine(kDefault, "default"));
  return machine;
}

StringRef getMachineName(StringRef target) { return target == "cuda" ? "hopper" : ""; }

Expected<Machine> getMachine(StringRef nameOrPath) {
  if (nameOrPath.empty())
    return getDefaultMachine();
  if (nameOrPath == "hopper")
    return parseMachine(kHopper, nameOrPath);
  return readMachine(nameOrPath);
}

std::string toJson(const Machine &machine) {
  std::string text;
  raw_string_ostream stream(text);
  json::OStream writer(stream, 2);
  writer.object([&] {
    writer.attribute("format_version", kVersion);
    writer.attribute("name", machine.name);
    for (const Field &field : kFields)
      if (!field.mayBeAbsent || machine.*field.member > 0)
        writer.attribute(field.key, machine.*field.member);
  });
  stream << "\n";
  return text;
}

} // namespace dpc
