// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Micro-batches from safetensors files: a tensor per graph input with one leading
// dimension more, which counts micro-batches, or with a multiple of the graph's first
// dimension. A tensor of the graph's own shape, or with one micro-batch, is the same
// for all. Several files are taken one after the other, by name.
#include "data/DataSource.h"
#include "data/Safetensors.h"
#include <algorithm>

namespace dpcrt {
namespace {
struct Column {
  StoredTensor tensor;
  bool shared; // one value for all micro-batches of the file
};

struct Part {
  SafetensorsReader file;
  std::vector<Column> columns; // per input
  uint64_t rows = 0;
};

class SafetensorsSource : public DataSource {
public:
  std::vector<InputSpec> inputs;
  std::vector<Part> parts;
  std::vector<uint64_t> firstRow; // of each part
  uint64_t total = 0;

  uint64_t rows() const override { return total; }
  Status read(uint64_t input, uint64_t row, uint64_t slice, void *dst) const override {
    size_t p =
        size_t(std::upper_bound(firstRow.begin(), firstRow.end(), row) - firstRow.begin()) - 1;
    const Column &column = parts[p].columns[input];
    const InputSpec &spec = inputs[input];
    uint64_t count = spec.bytes() / sizeOf(spec.type);
    uint64_t unit = count * sizeOf(column.tensor.type);
    uint64_t before = (column.shared ? 0 : row - firstRow[p]) * spec.slices + slice;
    uint64_t offset = column.tensor.offset + before * unit;
    const InputFile &file = parts[p].file.file();
    if (column.tensor.type == spec.type) {
      if (Status s = file.read(offset, dst, unit); !s.ok())
        return s;
    } else {
      static thread_local std::vector<char> narrow;
      narrow.resize(std::max<size_t>(narrow.size(), unit));
      if (Status s = file.read(offset, narrow.data(), unit); !s.ok())
        return s;
      widen(column.tensor.type, narrow.data(), spec.type, dst, count);
    }
    return checkRange(spec, dst, count, file.path(), row - firstRow[p]);
  }

private:
  // An index outside of what it reads by would silently read zeros.
  static Status checkRange(const InputSpec &spec, const void *values, uint64_t count,
                           const std::string &path, uint64_t row) {
    uint64_t i = spec.firstOutside(values, count);
    if (i == count)
      return {};
    return error(Code::Data, "tensor '", spec.name, "' of '", path, "': element ", i,
                 " of micro-batch ", row, " is ", spec.integerAt(values, i), "; the input ",
                 spec.range());
  }
};

std::string typed(Element type, const std::vector<uint64_t> &shape) {
  return std::string(nameOf(type)) + shapeText(shape);
}

// "[N, 2, 128]", what a tensor's shape should be.
std::string wantedShape(const std::vector<uint64_t> &shape) {
  std::string s = "[N";
  for (uint64_t d : shape)
    s += ", " + std::to_string(d);
  return s + "]";
}

std::string knownNames(const SafetensorsReader &file) {
  std::string s;
  for (auto &[name, tensor] : file.tensors())
    s += (s.empty() ? "" : ", ") + ("'" + name + "'");
  return s.empty() ? "no tensors" : s;
}

// N of a shape [N·B, …] over [B, …] with N of at least 2; 0 if it is none such.
uint64_t rowsOver(const std::vector<uint64_t> &shape, const std::vector<uint64_t> &group) {
  if (group.empty() || shape.size() != group.size() || !group[0] || shape[0] % group[0] != 0 ||
      shape[0] / group[0] < 2 || !std::equal(group.begin() + 1, group.end(), shape.begin() + 1))
    return 0;
  return shape[0] / group[0];
}

// Fills `part.columns` and appends what is wrong, a line each.
void bindColumns(Part &part, const std::vector<InputSpec> &inputs,
                 std::vector<std::string> &errors) {
  const std::string &path = part.file.file().path();
  std::string counted; // the input that fixed part.rows
  for (const InputSpec &spec : inputs) {
    std::vector<uint64_t> group = spec.shape;
    if (spec.slices > 1)
      group.insert(group.begin(), spec.slices);
    const StoredTensor *tensor = part.file.find(spec.name);
    Column column{};
    if (!tensor) {
      errors.push_back("'" + path + "' has no tensor '" + spec.name +
                       "'; the graph's input needs " + nameOf(spec.type) + wantedShape(group) +
                       "; the file has " + knownNames(part.file));
      part.columns.push_back(column);
      continue;
    }
    column.tensor = *tensor;
    bool leading = tensor->shape.size() == group.size() + 1 &&
                   std::equal(group.begin(), group.end(), tensor->shape.begin() + 1);
    // [N·B, …] against the graph's [B, …]: the rows of N micro-batches one after the
    // other, as a dataset is stored that knows nothing of micro-batches.
    uint64_t stacked = rowsOver(tensor->shape, group);
    if (!leading && !stacked && tensor->shape != group)
      errors.push_back("tensor '" + spec.name + "' of '" + path + "' has shape " +
                       shapeText(tensor->shape) + "; " + wantedShape(group) +
                       " would be right, N counting micro-batches" +
                       (group.empty() ? ""
                                      : ", or a multiple of " + std::to_string(group[0]) +
                                            " in the first place of " + shapeText(group)) +
                       ", or " + shapeText(group) + " for all of them");
    if (!canWiden(tensor->type, spec.type))
      errors.push_back("tensor '" + spec.name + "' of '" + path + "' is " +
                       typed(tensor->type, tensor->shape) + "; type " + nameOf(spec.type) +
                       (isInteger(spec.type) ? " or a narrower integer" : "") + " would be right");
    uint64_t count = leading ? tensor->shape[0] : stacked ? stacked : 1;
    column.shared = count == 1;
    if (leading && count == 0)
      errors.push_back("tensor '" + spec.name + "' of '" + path + "' holds no micro-batch");
    if (!column.shared) {
      if (part.rows && part.rows != count)
        errors.push_back("'" + path + "' holds " + std::to_string(count) + " micro-batches of '" +
                         spec.name + "' but " + std::to_string(part.rows) + " of '" + counted +
                         "'");
      part.rows = count;
      counted = spec.name;
    }
    part.columns.push_back(column);
  }
  if (!part.rows)
    part.rows = 1;
}
} // namespace

Status openSafetensorsSource(const std::string &pattern, const std::vector<InputSpec> &inputs,
                             std::unique_ptr<DataSource> &out) {
  auto source = std::make_unique<SafetensorsSource>();
  source->inputs = inputs;
  std::vector<std::string> paths = matchPaths(pattern), errors;
  if (paths.empty())
    return Status(Code::Data, "no file matches --data '" + pattern + "'");
  for (const std::string &path : paths) {
    Part part;
    if (Status s = SafetensorsReader::open(path, Code::Data, part.file); !s.ok())
      return s;
    bindColumns(part, inputs, errors);
    source->firstRow.push_back(source->total);
    source->total += part.rows;
    source->parts.push_back(std::move(part));
  }
  if (!errors.empty()) {
    std::string text;
    for (const std::string &e : errors)
      text += (text.empty() ? "" : "\n") + e;
    return Status(Code::Data, text);
  }
  out = std::move(source);
  return {};
}

} // namespace dpcrt
