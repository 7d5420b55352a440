// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface as C++ callers use it: handles that close themselves, structs that
// know their size, errors as Status. Nothing here reaches behind dpcrt.h.
#pragma once
#include "data/Batches.h"
#include "dpcrt/dpcrt.h"
#include "program/format/Status.h"
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dpcrt {

struct CloseArtifact {
  void operator()(dpcrt_artifact *a) const { dpcrt_artifact_close(a); }
};
struct CloseSession {
  void operator()(dpcrt_session *s) const { dpcrt_session_close(s); }
};
using ArtifactHandle = std::unique_ptr<dpcrt_artifact, CloseArtifact>;
using SessionHandle = std::unique_ptr<dpcrt_session, CloseSession>;

// A struct of dpcrt.h with its size set and all else 0.
template <typename T> T sized() {
  T value{};
  value.size = sizeof(T);
  return value;
}

inline Status fromC(dpcrt_error *e) {
  if (!e)
    return {};
  Status s(Code(dpcrt_error_code(e)), dpcrt_error_message(e));
  dpcrt_error_free(e);
  return s;
}

inline dpcrt_tensor inputOf(const dpcrt_artifact *a, size_t index) {
  auto t = sized<dpcrt_tensor>();
  dpcrt_artifact_input(a, index, &t);
  return t;
}
inline dpcrt_tensor parameterOf(const dpcrt_artifact *a, size_t index) {
  auto t = sized<dpcrt_tensor>();
  dpcrt_artifact_parameter(a, index, &t);
  return t;
}
inline dpcrt_tensor stateOf(const dpcrt_session *s, size_t index) {
  auto t = sized<dpcrt_tensor>();
  dpcrt_session_state(s, index, &t);
  return t;
}

// The inputs of a micro-batch, as data sources are asked for them: all that eval_step
// reads, or what training does.
inline std::vector<InputSpec> inputSpecs(const dpcrt_artifact *a, bool evaluation = true) {
  std::vector<InputSpec> specs;
  for (size_t i = 0; i < dpcrt_artifact_inputs(a); ++i) {
    dpcrt_tensor t = inputOf(a, i);
    if (t.evaluation_only && !evaluation)
      continue;
    specs.push_back({t.name,
                     *elementNamed(t.dtype),
                     {t.shape, t.shape + t.rank},
                     t.limit,
                     t.minimum,
                     {t.ignored, t.ignored + t.ignored_count},
                     t.slices,
                     true});
  }
  return specs;
}

// Micro-batches of a step of an entry point, over all data-parallel replicas; `otherwise`
// if the artifact has none of this name.
inline uint64_t microBatchesOfStep(const nlohmann::ordered_json &manifest, const char *entry,
                                   uint64_t otherwise) {
  for (auto &e : manifest["entry_points"])
    if (e["name"] == entry)
      return e["micro_batches"].get<uint64_t>() * manifest["mesh"]["dp"].get<uint64_t>();
  return otherwise;
}

// What a step takes, from `first` on; valid until the next call.
inline Status readInputs(Batches &batches, uint64_t first, std::vector<dpcrt_input> &inputs) {
  std::vector<Batches::Values> values;
  if (Status s = batches.read(first, values); !s.ok())
    return s;
  inputs.clear();
  for (const Batches::Values &v : values)
    inputs.push_back({sizeof(dpcrt_input), v.name, v.data, v.bytes, 0});
  return {};
}

// What messages call a parameter: the framework's name where it is known.
inline std::string shownName(const dpcrt_tensor &parameter) {
  return parameter.framework_count ? parameter.framework[0] : parameter.name;
}

// A step from its submission to its result.
inline Status runStep(dpcrt_session *s, const std::vector<dpcrt_input> &inputs,
                      const dpcrt_request &request, dpcrt_result &result) {
  result = sized<dpcrt_result>();
  if (Status status = fromC(dpcrt_session_submit(s, inputs.data(), inputs.size(), &request));
      !status.ok())
    return status;
  return fromC(dpcrt_session_result(s, &result));
}

} // namespace dpcrt
