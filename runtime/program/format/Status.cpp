// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The runtime's error values.

#include "program/format/Status.h"

using namespace dpcrt;

const char *dpcrt::codeName(Code code) {
  switch (code) {
  case Code::Ok:
    return "done";
  case Code::Difference:
    return "difference";
  case Code::Usage:
    return "usage";
  case Code::Artifact:
    return "artifact";
  case Code::Timeout:
    return "communication timeout";
  case Code::PeerLost:
    return "peer lost";
  case Code::NonFinite:
    return "non-finite";
  case Code::Checkpoint:
    return "checkpoint";
  case Code::OutOfMemory:
    return "out of memory";
  case Code::Data:
    return "data";
  case Code::Device:
    return "device";
  case Code::Io:
    return "input/output";
  case Code::Internal:
    return "internal error";
  case Code::Stopped:
    return "stopped";
  }
  return "unknown";
}

Status Status::within(std::string_view prefix) const {
  if (ok())
    return *this;
  return Status(statusCode, std::string(prefix) + ": " + text);
}
