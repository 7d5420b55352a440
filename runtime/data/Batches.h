// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The micro-batches of one step, gathered from a data source by cursor.
#pragma once
#include "data/Cursor.h"
#include "data/DataSource.h"
#include <optional>

namespace dpcrt {

class Batches {
public:
  // One input of a step: all its micro-batches, one after the other.
  struct Values {
    const char *name;
    const void *data;
    uint64_t bytes;
  };

  // Opens `source` for steps of `microBatches` micro-batches of `inputs`.
  Status open(const std::string &source, std::vector<InputSpec> inputs, uint64_t microBatches,
              uint64_t epochs, std::optional<uint64_t> shuffle);
  // Where none of the inputs is needed: nothing is opened, `rows` says how much there is.
  void openElsewhere(uint64_t rows, uint64_t microBatches, uint64_t epochs,
                     std::optional<uint64_t> shuffle);
  // Steps the data is enough for from micro-batch `first` on; nullopt: without end.
  std::optional<uint64_t> stepsFrom(uint64_t first) const;
  // What to say when `wanted` steps from there are more than there are.
  Status enoughFor(uint64_t wanted, uint64_t first, const std::string &source) const;
  // Reads the micro-batches of a step that begins with micro-batch `first`, of inputs that
  // are needed; valid until the next call, or as keepSteps says.
  Status read(uint64_t first, std::vector<Values> &inputs);
  // What is read from now on stays until so many more steps have been read; at least 1.
  void keepSteps(size_t count);
  void setShuffle(std::optional<uint64_t> seed) { cursor.shuffleSeed = seed; }
  uint64_t rows() const { return cursor.rows; }
  // What a user may not have meant by the source.
  std::vector<std::string> notes() const {
    return source ? source->notes() : std::vector<std::string>();
  }

private:
  std::unique_ptr<DataSource> source;
  std::vector<InputSpec> specs;
  std::vector<std::vector<std::vector<char>>> sets; // of buffers for each input, in turn
  size_t turn = 0;
  Cursor cursor;
  uint64_t microBatches = 1;
};

} // namespace dpcrt
