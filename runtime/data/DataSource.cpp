// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which source a --data argument names, and the synthetic one.
#include "data/DataSource.h"
#include "data/Init.h"
#include <algorithm>
#include <cstring>

namespace dpcrt {

DataSource::~DataSource() = default;

uint64_t InputSpec::bytes() const { return byteSize(shape, sizeOf(type)).value_or(0); }

int64_t InputSpec::integerAt(const void *values, uint64_t i) const {
  int64_t value;
  widen(type, static_cast<const char *>(values) + i * sizeOf(type), Element::I64, &value, 1);
  return value;
}

uint64_t InputSpec::firstOutside(const void *values, uint64_t count) const {
  if (!limit || !canWiden(type, Element::I64))
    return count;
  uint64_t i = 0;
  for (; i < count; ++i) {
    int64_t value = integerAt(values, i);
    bool isInside = value >= minimum && (value < 0 || uint64_t(value) < limit);
    if (!isInside && std::find(ignored.begin(), ignored.end(), value) == ignored.end())
      break;
  }
  return i;
}

std::string InputSpec::range() const {
  std::string text = "takes values ";
  if (minimum != INT64_MIN)
    text += "from " + std::to_string(minimum) + " up and ";
  text += "below " + std::to_string(limit);
  for (size_t i = 0; i < ignored.size(); ++i)
    text += (i ? " and " : ", and ") + std::to_string(ignored[i]);
  return text + (ignored.empty()       ? ""
                 : ignored.size() == 1 ? ", which is ignored"
                                       : ", which are ignored");
}

namespace {
// Integers uniform below the limit, floats standard normal: a pure function of
// (seed, input, row), so that a run on synthetic data repeats.
class SyntheticSource : public DataSource {
public:
  SyntheticSource(uint64_t seed, const std::vector<InputSpec> &inputs)
      : seed(seed), inputs(inputs) {}
  uint64_t rows() const override { return 0; }
  Status read(uint64_t input, uint64_t row, uint64_t slice, void *dst) const override {
    const InputSpec &spec = inputs[input];
    uint64_t count = spec.bytes() / sizeOf(spec.type);
    uint64_t first = (row * spec.slices + slice) * count;
    uint64_t limit = spec.limit ? spec.limit : 2;
    for (uint64_t i = 0; i < count; ++i) {
      char *element = static_cast<char *>(dst) + i * sizeOf(spec.type);
      if (spec.type == Element::F64) {
        double number = randomNormal(seed, spec.name, first + i);
        std::memcpy(element, &number, sizeof number);
      } else if (spec.type == Element::F32) {
        auto number = float(randomNormal(seed, spec.name, first + i));
        std::memcpy(element, &number, sizeof number);
      } else {
        // Cut to the type's bits but the sign, so that none becomes negative.
        unsigned bits = bitsOf(spec.type) - (kindOf(spec.type) == ElementKind::Signed);
        uint64_t integer = randomBits(seed, spec.name, first + i) % limit;
        if (bits < 64)
          integer &= (uint64_t(1) << bits) - 1;
        std::memcpy(element, &integer, sizeOf(spec.type)); // little-endian, as files are
      }
    }
    return {};
  }

private:
  uint64_t seed;
  std::vector<InputSpec> inputs;
};

bool startsWith(const std::string &s, const char *prefix) {
  return s.compare(0, std::strlen(prefix), prefix) == 0;
}
} // namespace

std::unique_ptr<DataSource> makeSyntheticSource(uint64_t seed,
                                                const std::vector<InputSpec> &inputs) {
  return std::make_unique<SyntheticSource>(seed, inputs);
}

Status openDataSource(const std::string &source, const std::vector<InputSpec> &inputs,
                      std::unique_ptr<DataSource> &out) {
  if (source == "synthetic" || startsWith(source, "synthetic:")) {
    uint64_t seed = 0;
    std::string digits = source == "synthetic" ? "0" : source.substr(10);
    if (digits.empty() || digits.size() > 18 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      return Status(Code::Usage,
                    "--data " + source + ": the seed must be a number, as in synthetic:7");
    seed = std::stoull(digits);
    for (const InputSpec &spec : inputs)
      if (spec.type == Element::BF16 || spec.type == Element::F16)
        return Status(Code::Data, "synthetic data cannot make input '" + spec.name + "' of type " +
                                      nameOf(spec.type) + "; bring it in a safetensors file");
    out = makeSyntheticSource(seed, inputs);
    return {};
  }
  if (startsWith(source, "tokens:"))
    return openTokenSource(source.substr(7), inputs, out);
  return openSafetensorsSource(source, inputs, out);
}

} // namespace dpcrt
