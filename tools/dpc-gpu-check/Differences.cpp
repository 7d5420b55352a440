// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Differences.h.
#include "dpc-gpu-check/Differences.h"
#include "data/Safetensors.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <vector>

namespace dpcrt::gpucheck {
namespace {
constexpr double kFar = std::numeric_limits<double>::infinity();

struct Norms {
  double wanted = 0, difference = 0;
};

template <typename T>
Norms normsOf(const std::vector<char> &found, const std::vector<char> &wanted) {
  Norms norms;
  for (size_t i = 0; i + sizeof(T) <= wanted.size(); i += sizeof(T)) {
    T x, y;
    std::memcpy(&x, found.data() + i, sizeof(T));
    std::memcpy(&y, wanted.data() + i, sizeof(T));
    norms.wanted += double(y) * double(y);
    norms.difference += (double(x) - double(y)) * (double(x) - double(y));
  }
  norms.wanted = std::sqrt(norms.wanted);
  norms.difference = std::sqrt(norms.difference);
  return norms;
}

// Of a kind of tensors, those of one step.
struct Group {
  std::vector<std::pair<std::string, Norms>> tensors;

  void addTo(double &worst, std::string *whose, double floor) const {
    double largest = 0;
    for (auto &[name, norms] : tensors)
      largest = std::max(largest, norms.wanted);
    for (auto &[name, norms] : tensors) {
      double part = norms.difference / (norms.wanted + floor * largest);
      if (norms.difference == 0)
        part = 0;
      if (!std::isfinite(norms.difference) || !std::isfinite(norms.wanted))
        part = kFar;
      if (part > worst) {
        worst = part;
        if (whose)
          *whose = name;
      }
    }
  }
};

Status readTensor(const SafetensorsReader &reader, const StoredTensor &tensor,
                  std::vector<char> &out) {
  out.resize(tensor.bytes);
  return reader.file().read(tensor.offset, out.data(), tensor.bytes);
}

Status compareStep(const std::string &foundPath, const std::string &wantedPath, Differences &out) {
  SafetensorsReader found, wanted;
  if (Status s = SafetensorsReader::open(foundPath, Code::Io, found); !s.ok())
    return s;
  if (Status s = SafetensorsReader::open(wantedPath, Code::Io, wanted); !s.ok())
    return s;
  Group losses, gradients, weights;
  std::vector<char> x, y;
  for (auto &[name, tensor] : wanted.tensors()) {
    const StoredTensor *other = found.find(name);
    if (!other || other->type != tensor.type || other->shape != tensor.shape)
      return error(Code::Io, foundPath, " has no '", name, "' of the type and shape that ",
                   wantedPath, " has");
    Status s = readTensor(found, *other, x);
    if (s.ok())
      s = readTensor(wanted, tensor, y);
    if (!s.ok())
      return s;
    out.sameBits &= x == y;
    Group &group = name.rfind("grad/", 0) == 0    ? gradients
                   : name.rfind("param/", 0) == 0 ? weights
                                                  : losses;
    if (tensor.type == Element::F32)
      group.tensors.push_back({name, normsOf<float>(x, y)});
    else if (tensor.type == Element::F64)
      group.tensors.push_back({name, normsOf<double>(x, y)});
    else if (x != y)
      group.tensors.push_back({name, {1, kFar}}); // of such types all values are the same
  }
  losses.addTo(out.loss, nullptr, 0);
  gradients.addTo(out.gradient, &out.worstGradient, 0.01);
  weights.addTo(out.weight, &out.worstWeight, 0.01);
  return {};
}
} // namespace

Status compareDumps(const std::string &found, const std::string &wanted, Differences &out) {
  std::error_code failure;
  std::vector<std::string> files;
  for (auto &entry : std::filesystem::directory_iterator(wanted, failure))
    files.push_back(entry.path().filename().string());
  if (failure || files.empty())
    return error(Code::Io, "there is no step to compare with in ", wanted);
  std::sort(files.begin(), files.end());
  for (const std::string &file : files)
    if (Status s = compareStep(found + "/" + file, wanted + "/" + file, out); !s.ok())
      return s;
  return {};
}

} // namespace dpcrt::gpucheck
