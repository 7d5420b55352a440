// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A search over what a step leaves; it runs once, when training stops or skips.
#include "dpc-run/NonFinite.h"
#include "data/Element.h"
#include <cmath>
#include <cstring>

namespace dpcrt {
namespace {
// The first element that is not finite, or `count`.
template <typename T> uint64_t firstBad(const char *data, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    if (!std::isfinite(value))
      return i;
  }
  return count;
}

// Its index in a tensor of `type`, or nothing; types without such values have none.
std::optional<uint64_t> badElement(const char *dtype, const char *data, uint64_t bytes) {
  std::optional<Element> type = elementNamed(dtype);
  uint64_t count = type ? bytes / sizeOf(*type) : 0;
  uint64_t at = type == Element::F32   ? firstBad<float>(data, count)
                : type == Element::F64 ? firstBad<double>(data, count)
                                       : count;
  return at < count ? std::optional(at) : std::nullopt;
}

std::optional<std::string> badState(dpcrt_session *session, const char *prefix, const char *what) {
  std::vector<char> values;
  for (size_t i = 0; i < dpcrt_session_states(session); ++i) {
    dpcrt_tensor state = stateOf(session, i);
    if (std::strncmp(state.name, prefix, std::strlen(prefix)) != 0)
      continue;
    values.resize(state.bytes);
    if (!fromC(dpcrt_session_read(session, state.name, values.data(), values.size())).ok())
      return std::nullopt;
    if (auto at = badElement(state.dtype, values.data(), values.size()))
      return what + std::string(" '") +
             (state.framework_count ? state.framework[0] : state.name + std::strlen(prefix)) +
             "', element " + std::to_string(*at);
  }
  return std::nullopt;
}

std::optional<std::string> badInput(const dpcrt_artifact *artifact,
                                    const std::vector<dpcrt_input> &inputs) {
  for (const dpcrt_input &input : inputs)
    for (size_t i = 0; i < dpcrt_artifact_inputs(artifact); ++i) {
      dpcrt_tensor t = inputOf(artifact, i);
      if (std::strcmp(t.name, input.name) != 0)
        continue;
      uint64_t one = t.bytes / sizeOf(*elementNamed(t.dtype));
      if (auto at = badElement(t.dtype, static_cast<const char *>(input.data), input.bytes))
        return std::string("input '") + t.name + "', element " + std::to_string(*at % one) +
               " of the step's micro-batch " + std::to_string(*at / one);
    }
  return std::nullopt;
}

// Of all processes the first one's. One that cannot hear the others ends soon.
std::optional<std::string> badInputAnywhere(const RunWorld &world, const dpcrt_artifact *artifact,
                                            const std::vector<dpcrt_input> &inputs) {
  std::string found = badInput(artifact, inputs).value_or("");
  if (!world.first("inputs that are not finite", found).ok() || found.empty())
    return std::nullopt;
  return found;
}

std::optional<std::string> badLoss(const dpcrt_result &result) {
  for (size_t i = 0; i < result.losses; ++i)
    if (!std::isfinite(result.loss_values[i]))
      return "the loss of the step's micro-batch " + std::to_string(i);
  return std::nullopt;
}

std::string told(const std::optional<std::string> &found) {
  return found ? "; first not finite: " + *found : "";
}
} // namespace

std::string firstNonFinite(const RunWorld &world, const dpcrt_artifact *artifact,
                           dpcrt_session *session, const std::vector<dpcrt_input> &inputs,
                           const dpcrt_result &result) {
  std::optional<std::string> found = badInputAnywhere(world, artifact, inputs);
  if (!found)
    found = badState(session, "param/", "parameter");
  if (!found)
    found = badLoss(result);
  return told(found ? found : badState(session, "grad/", "the gradient of"));
}

std::string firstNonFiniteOfHost(const RunWorld &world, const dpcrt_artifact *artifact,
                                 const std::vector<dpcrt_input> &inputs,
                                 const dpcrt_result &result) {
  std::optional<std::string> found = badInputAnywhere(world, artifact, inputs);
  return told(found ? found : badLoss(result));
}

} // namespace dpcrt
