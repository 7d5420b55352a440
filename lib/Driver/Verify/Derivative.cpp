// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Directional derivatives; see Derivative.h.
#include "dpc/Driver/Verify/Derivative.h"

#include "llvm/ADT/ArrayRef.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace mlir;
using dpc::reference::Tensor;

namespace dpc::verify {
namespace {

double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double v : values)
    sum += v * v;
  return std::sqrt(sum);
}

class Checker {
public:
  Checker(const Loss &loss, const NamedTensors &parameters, const NamedTensors &gradients,
          const HeldElements &held)
      : loss(loss), parameters(parameters), gradients(gradients) {
    double largest = 0;
    for (auto &[name, gradient] : gradients)
      largest = std::max(largest, norm(gradient.floats));
    // A vanishing gradient is compared with a hundredth of the largest: scaled to
    // its own size the step would leave the region where the loss is smooth.
    double least = largest > 0 ? largest / 100 : 1;
    std::mt19937_64 generator(1); // the standard fixes its numbers
    for (auto &[name, gradient] : gradients) {
      names.push_back(name);
      std::vector<double> direction(gradient.floats.size());
      // Along the gradient an error of size shows, across it one of direction. Half
      // as much across: in one dimension the two must not cancel.
      for (double &d : direction)
        d = double(generator() >> 11) * 0x1p-52 - 1;
      double across = norm(direction), size = norm(gradient.floats), scale = std::max(size, least);
      for (size_t i = 0; i < direction.size(); ++i)
        direction[i] =
            ((size > 0 ? gradient.floats[i] / size : 0) + direction[i] / across / 2) / scale;
      if (auto found = held.find(name); found != held.end())
        for (int64_t element : found->second)
          direction[element] = 0;
      directions.push_back(std::move(direction));
    }
  }

  FailureOr<DerivativeCheck> run() {
    FailureOr<double> value = loss(parameters);
    if (failed(value))
      return failure();
    step = 1e-4 * std::max(std::abs(*value), 1e-3) / double(std::max<size_t>(names.size(), 1));
    return check(0, names.size());
  }

private:
  FailureOr<DerivativeCheck> check(size_t from, size_t to) {
    DerivativeCheck result;
    for (size_t p = from; p < to; ++p)
      for (auto [g, d] : llvm::zip_equal(gradients.at(names[p]).floats, directions[p]))
        result.expected += g * d;
    // A derivative is a limit: where the loss has a kink or a jump near the point (a
    // maximum, a choice of experts) only shorter steps stay on its side. A gradient
    // that is wrong disagrees at every length; in double precision the last one still
    // leaves more than four digits.
    for (double length = step; length > step / 1000; length /= 8) {
      FailureOr<double> found = difference(from, to, length);
      if (failed(found))
        return failure();
      result.found = *found;
      // Written so that a NaN disagrees.
      if (result.distance() <= kDerivativeBound)
        return result;
    }
    if (to - from <= 1) {
      result.parameter = from < to ? names[from] : "";
      return result;
    }
    size_t middle = from + (to - from) / 2;
    for (auto [begin, end] : {std::pair(from, middle), std::pair(middle, to)}) {
      FailureOr<DerivativeCheck> half = check(begin, end);
      if (failed(half) || !half->parameter.empty())
        return half;
    }
    // Both halves agree within the bound and the whole does not: errors add up.
    result.parameter = names[from];
    return result;
  }

  // By the four-point formula: its error falls with the fourth power of the step.
  FailureOr<double> difference(size_t from, size_t to, double length) {
    static constexpr std::pair<double, double> points[] = {
        {-2, 1. / 12}, {-1, -8. / 12}, {1, 8. / 12}, {2, -1. / 12}};
    double sum = 0;
    for (auto [place, weight] : points) {
      NamedTensors moved = parameters;
      for (size_t p = from; p < to; ++p)
        for (auto [value, d] : llvm::zip_equal(moved.at(names[p]).floats, directions[p]))
          value += place * length * d;
      FailureOr<double> value = loss(moved);
      if (failed(value))
        return failure();
      sum += weight * *value / length;
    }
    return sum;
  }

  const Loss &loss;
  const NamedTensors &parameters, &gradients;
  std::vector<std::string> names;
  std::vector<std::vector<double>> directions;
  double step = 0;
};

} // namespace

FailureOr<DerivativeCheck> checkDerivative(const Loss &loss, const NamedTensors &parameters,
                                           const NamedTensors &gradients,
                                           const HeldElements &held) {
  return Checker(loss, parameters, gradients, held).run();
}

} // namespace dpc::verify
