// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a command of the runtime ends: with one line about what went wrong, and its
// status.
#pragma once
#include "program/format/Status.h"
#include <exception>
#include <new>
#include <ostream>

namespace dpcrt {

// Runs `body`, a Status(); memory that is not there is an error like any other. `tells`:
// whether it is this process that says what went wrong.
template <typename Body, typename Tells>
int runToStatus(const char *name, std::ostream &out, std::ostream &err, Body body, Tells tells) {
  Status status;
  try {
    status = body();
  } catch (const std::bad_alloc &) {
    status = Status(Code::OutOfMemory, "out of memory");
  } catch (const std::exception &e) {
    status = Status(Code::Internal, std::string("internal error: ") + e.what());
  }
  out.flush();
  if (!status.ok() && tells())
    err << name << ": " << status.message() << std::endl;
  return status.exitStatus();
}
template <typename Body>
int runToStatus(const char *name, std::ostream &out, std::ostream &err, Body body) {
  return runToStatus(name, out, err, body, [] { return true; });
}

} // namespace dpcrt
