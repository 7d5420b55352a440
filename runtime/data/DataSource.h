// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where micro-batches come from: a --data SOURCE, opened against the graph's
// inputs and read by row. All checks of names, shapes and types are made at
// opening; reading is thread-safe and reports files that changed underneath.
#pragma once
#include "data/Element.h"
#include "program/format/Status.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dpcrt {

// A graph input: the shape of one slice of a micro-batch.
struct InputSpec {
  std::string name;
  Element type;
  std::vector<uint64_t> shape;
  uint64_t limit = 0;           // integers are below it; 0: not known
  int64_t minimum = INT64_MIN;  // ... and not below this; INT64_MIN: not known
  std::vector<int64_t> ignored; // ... or one of these, which are passed over
  uint64_t slices = 1;          // of a micro-batch, one for each expert rank that takes its own
  bool isNeeded = true;         // false: nobody here reads it, though the data must have it
  uint64_t bytes() const;       // of a slice
  // The first of `count` values that the input does not take, or `count`.
  uint64_t firstOutside(const void *values, uint64_t count) const;
  // "takes values from -64 up and below 64, and -100, which is ignored".
  std::string range() const;
  // Value `i` of an input of integers.
  int64_t integerAt(const void *values, uint64_t i) const;
};

class DataSource {
public:
  virtual ~DataSource();
  // Micro-batches in the data; 0: no end.
  virtual uint64_t rows() const = 0;
  // Slice `slice` of input `input` of row `row` into dst (input.bytes() bytes).
  virtual Status read(uint64_t input, uint64_t row, uint64_t slice, void *dst) const = 0;
  // What a user may not have meant, one line each.
  virtual std::vector<std::string> notes() const { return {}; }
};

// SOURCE is FILE|GLOB.safetensors, tokens:GLOB[,dtype=..,inputs=..,labels=..,shift]
// or synthetic[:SEED]. Data of an input of several slices has one more dimension
// [slices] before a slice's shape. Errors have code Data (Usage
// for a malformed SOURCE) and say what would be right.
Status openDataSource(const std::string &source, const std::vector<InputSpec> &inputs,
                      std::unique_ptr<DataSource> &out);

Status openSafetensorsSource(const std::string &pattern, const std::vector<InputSpec> &inputs,
                             std::unique_ptr<DataSource> &out);
Status openTokenSource(const std::string &options, const std::vector<InputSpec> &inputs,
                       std::unique_ptr<DataSource> &out);
std::unique_ptr<DataSource> makeSyntheticSource(uint64_t seed,
                                                const std::vector<InputSpec> &inputs);

} // namespace dpcrt
