// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A value, or the words that say why there is none.
#ifndef DPC_SCHEDULE_CORE_RESULT_H
#define DPC_SCHEDULE_CORE_RESULT_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace dpc::schedule {

template <typename T> class Result {
public:
  Result(T value) : value(std::move(value)) {}
  static Result failure(std::string message) {
    Result result;
    result.message = std::move(message);
    return result;
  }

  bool ok() const { return value.has_value(); }
  /// Empty if ok.
  const std::string &error() const { return message; }
  T &operator*() {
    assert(ok());
    return *value;
  }
  const T &operator*() const {
    assert(ok());
    return *value;
  }
  T *operator->() { return &**this; }
  const T *operator->() const { return &**this; }

private:
  Result() = default;
  std::optional<T> value;
  std::string message;
};

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_RESULT_H
