// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The runtime's error values.
//
// Every function of the runtime that can fail for a reason outside this program
// returns a Status, or a Result of its value. A status carries the exit status
// that the process ends with if nobody handles it, and one message in the
// user's words. Asserts are for our own bugs only; nothing throws.

#ifndef DPCRT_PROGRAM_FORMAT_STATUS_H
#define DPCRT_PROGRAM_FORMAT_STATUS_H

#include <cassert>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace dpcrt {

/// The exit statuses of all tools.
enum class Code : int {
  Ok = 0,
  Difference = 1, ///< verify or check found one
  Usage = 2,      ///< unknown flag, malformed value
  Artifact = 3,   ///< model, schedule or artifact
  Timeout = 4,    ///< communication timed out
  PeerLost = 5,
  NonFinite = 6, ///< a loss or gradient is NaN or infinite
  Checkpoint = 7,
  OutOfMemory = 8, ///< forecast or found
  Data = 9,        ///< missing, wrong name, shape or type
  Device = 10,     ///< device, driver or CPU feature missing
  Io = 11,         ///< unwritable path, disk full
  Internal = 70,
  Stopped = 75, ///< on request, checkpoint saved
};

/// Name of a code for logs: "artifact", "communication timeout", …
const char *codeName(Code code);

/// Success, or a code and a message.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : statusCode(code), text(std::move(message)) {
    assert(code != Code::Ok && "an error needs a code");
  }
  static Status success() { return Status(); }

  bool ok() const { return statusCode == Code::Ok; }
  Code code() const { return statusCode; }
  int exitStatus() const { return static_cast<int>(statusCode); }
  const std::string &message() const { return text; }

  /// The same error with `prefix` and ": " before its message ("rank 2"); a
  /// success stays one.
  Status within(std::string_view prefix) const;

private:
  Code statusCode = Code::Ok;
  std::string text;
};

/// An error whose message is its arguments written one after the other:
///   return error(Code::Data, "input '", name, "' is missing");
template <typename... Parts> Status error(Code code, const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return Status(code, out.str());
}

/// A value, or the error that stands in its place.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)) {}
  Result(Status error) : failure(std::move(error)) {
    assert(!failure.ok() && "a result without a value needs an error");
  }

  bool ok() const { return held.has_value(); }
  const Status &status() const { return failure; }
  T &value() {
    assert(held && "value of an error");
    return *held;
  }
  const T &value() const {
    assert(held && "value of an error");
    return *held;
  }
  T &operator*() { return value(); }
  const T &operator*() const { return value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

private:
  std::optional<T> held;
  Status failure;
};

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_STATUS_H
