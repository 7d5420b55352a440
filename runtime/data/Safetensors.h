// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// safetensors files (huggingface.co/docs/safetensors): eight bytes of header
// length, a JSON header, the tensors' bytes. The reader trusts nothing in them.
#pragma once
#include "data/Element.h"
#include "data/Files.h"
#include <functional>
#include <map>

namespace dpcrt {

struct StoredTensor {
  Element type;
  std::vector<uint64_t> shape;
  uint64_t offset; // in the file
  uint64_t bytes;
};

class SafetensorsReader {
public:
  // Failures have `code` and name the file.
  static Status open(const std::string &path, Code code, SafetensorsReader &out);
  const StoredTensor *find(const std::string &name) const;
  const std::map<std::string, StoredTensor> &tensors() const { return table; }
  // What the file says of itself beside its tensors.
  const std::map<std::string, std::string> &metadata() const { return words; }
  const InputFile &file() const { return input; }

private:
  InputFile input;
  std::map<std::string, StoredTensor> table;
  std::map<std::string, std::string> words;
};

// A tensor to write: `data` holds the whole tensor, row-major.
struct TensorToWrite {
  std::string name;
  Element type;
  std::vector<uint64_t> shape;
  const void *data;
};

// What a file came to.
struct WrittenFile {
  uint64_t bytes = 0;
  std::string hash; // of Hash.h
};

// Where the bytes of tensor i are until the next call, for tensors that are not all
// in memory.
using TensorBytes = std::function<Status(size_t i, const void *&data)>;

// Writes whole or not at all; failures have code InputOutput. With `durable` the file
// is also synced to the disk, and hashed while it is written. With `bytesOf`, which is
// called for each tensor in order, `data` is not used.
Status writeSafetensors(const std::string &path, const std::vector<TensorToWrite> &tensors,
                        const std::map<std::string, std::string> &metadata = {},
                        WrittenFile *durable = nullptr, const TensorBytes &bytesOf = {});

} // namespace dpcrt
