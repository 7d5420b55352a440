// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Micro-batches cut from files of raw little-endian token numbers. Sequence and
// batch come from the graph's input; windows of one sequence follow each other
// without overlap, and do not cross files. With `shift` the labels are the next
// token (a window then reads one token more), else the same tokens.
#include "data/DataSource.h"
#include "data/Files.h"
#include <algorithm>

namespace dpcrt {
namespace {
struct TokenFile {
  InputFile file;
  uint64_t windows;
};

class TokenSource : public DataSource {
public:
  std::vector<InputSpec> inputs;
  std::vector<bool> isLabel; // per input
  std::vector<TokenFile> files;
  std::vector<uint64_t> firstWindow;
  Element stored = Element::U16;
  bool shift = false;
  uint64_t sequence = 1, batch = 1, slices = 1, windows = 0;

  uint64_t rows() const override { return windows / (batch * slices); }

  std::vector<std::string> notes() const override {
    for (size_t label = 0; label < inputs.size(); ++label)
      for (size_t token = 0; token < inputs.size(); ++token)
        if (isLabel[label] && !isLabel[token] && !shift)
          return {"'" + inputs[label].name + "' gets the same tokens as '" + inputs[token].name +
                  "': a model that does not shift labels itself learns to copy its input "
                  "(tokens:FILE,shift makes each label the next token)"};
    return {};
  }

  Status read(uint64_t input, uint64_t row, uint64_t slice, void *dst) const override {
    const InputSpec &spec = inputs[input];
    uint64_t unit = sizeOf(stored);
    static thread_local std::vector<char> narrow;
    narrow.resize(std::max<size_t>(narrow.size(), sequence * unit));
    for (uint64_t b = 0; b < batch; ++b) {
      uint64_t window = (row * slices + slice) * batch + b;
      size_t f = size_t(std::upper_bound(firstWindow.begin(), firstWindow.end(), window) -
                        firstWindow.begin()) -
                 1;
      uint64_t token = (window - firstWindow[f]) * sequence + (isLabel[input] && shift ? 1 : 0);
      if (Status s = files[f].file.read(token * unit, narrow.data(), sequence * unit); !s.ok())
        return s;
      char *to = static_cast<char *>(dst) + b * sequence * sizeOf(spec.type);
      widen(stored, narrow.data(), spec.type, to, sequence);
      if (Status s = checkRange(spec, to, files[f].file.path(), token); !s.ok())
        return s;
    }
    return {};
  }

private:
  // A token beyond the vocabulary would read past the embedding.
  Status checkRange(const InputSpec &spec, const char *values, const std::string &path,
                    uint64_t first) const {
    uint64_t i = spec.firstOutside(values, sequence);
    if (i == sequence)
      return {};
    return error(Code::Data, "token ", first + i, " of '", path, "' is ", spec.integerAt(values, i),
                 "; input '", spec.name, "' ", spec.range());
  }
};

// The shape of a micro-batch.
std::string sliced(const InputSpec &spec) {
  std::vector<uint64_t> shape = spec.shape;
  if (spec.slices > 1)
    shape.insert(shape.begin(), spec.slices);
  return shapeText(shape);
}

// The input named, else the first of the usual names, else "".
std::string chooseInput(const std::vector<InputSpec> &inputs, const std::string &given,
                        std::initializer_list<const char *> usual) {
  if (!given.empty())
    return given;
  for (const char *name : usual)
    for (const InputSpec &spec : inputs)
      if (spec.name == name)
        return name;
  return "";
}
} // namespace

Status openTokenSource(const std::string &options, const std::vector<InputSpec> &inputs,
                       std::unique_ptr<DataSource> &out) {
  auto source = std::make_unique<TokenSource>();
  std::string pattern, tokens, labels;
  for (size_t begin = 0; begin <= options.size();) {
    size_t end = std::min(options.find(',', begin), options.size());
    std::string item = options.substr(begin, end - begin);
    size_t equals = item.find('=');
    std::string key = item.substr(0, equals);
    std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    if (begin == 0)
      pattern = item;
    else if (item == "shift")
      source->shift = true;
    else if (key == "inputs" && !value.empty())
      tokens = value;
    else if (key == "labels" && !value.empty())
      labels = value;
    else if (key == "dtype" && (value == "u8" || value == "u16" || value == "u32"))
      source->stored = *elementNamed(value);
    else
      return Status(Code::Usage,
                    "--data tokens:" + options + ": '" + item +
                        "' is not dtype=u8|u16|u32, inputs=NAME, labels=NAME or shift");
    begin = end + 1;
  }
  tokens = chooseInput(inputs, tokens, {"input_ids", "tokens", "idx", "input", "x"});
  labels = chooseInput(inputs, labels, {"labels", "targets", "target", "y"});
  const InputSpec *main = nullptr;
  std::string names;
  for (const InputSpec &spec : inputs) {
    names += (names.empty() ? "'" : ", '") + spec.name + "'";
    bool isTokens = spec.name == tokens, isLabels = spec.name == labels;
    if (isTokens)
      main = &spec;
    if (!isTokens && !isLabels)
      return Status(Code::Data, "token files cannot make input '" + spec.name +
                                    "'; name the inputs with inputs=NAME,labels=NAME or bring "
                                    "all inputs in a safetensors file");
    if (spec.type != Element::I64 && spec.type != Element::I32)
      return Status(Code::Data, "input '" + spec.name + "' has type " + nameOf(spec.type) +
                                    "; tokens go into i64 or i32");
    if (spec.type == Element::I32 && source->stored == Element::U32)
      return Status(Code::Data,
                    "tokens of dtype u32 do not fit input '" + spec.name + "' of type i32");
    source->isLabel.push_back(isLabels);
  }
  if (!main)
    return Status(Code::Data, "no input is known to take tokens; say inputs=NAME, one of " + names);
  if (main->shape.empty())
    return Status(Code::Data,
                  "input '" + main->name + "' is a scalar and has no sequence of tokens");
  for (const InputSpec &spec : inputs)
    if (spec.shape != main->shape || spec.slices != main->slices)
      return Status(Code::Data, "labels '" + spec.name + "' have shape " + sliced(spec) +
                                    ", inputs '" + main->name + "' " + sliced(*main) +
                                    "; token files need equal shapes");
  source->inputs = inputs;
  source->slices = main->slices;
  source->sequence = main->shape.back();
  source->batch = main->bytes() / sizeOf(main->type) / source->sequence;
  std::vector<std::string> paths = matchPaths(pattern);
  if (paths.empty())
    return Status(Code::Data, "no file matches --data 'tokens:" + pattern + "'");
  uint64_t unit = sizeOf(source->stored), count = 0;
  for (const std::string &path : paths) {
    TokenFile file;
    if (Status s = InputFile::open(path, Code::Data, file.file); !s.ok())
      return s;
    if (file.file.size() % unit)
      return Status(Code::Data, "'" + path + "' has " + std::to_string(file.file.size()) +
                                    " bytes, not a multiple of " + std::to_string(unit) +
                                    " (dtype=" + nameOf(source->stored) + ")");
    uint64_t available = file.file.size() / unit;
    count += available;
    available -= std::min<uint64_t>(available, source->shift ? 1 : 0);
    file.windows = available / source->sequence;
    source->firstWindow.push_back(source->windows);
    source->windows += file.windows;
    source->files.push_back(std::move(file));
  }
  if (source->rows() == 0)
    return Status(Code::Data, "'" + pattern + "' holds " + std::to_string(count) +
                                  " tokens; one micro-batch needs " +
                                  std::to_string(source->sequence * source->batch * source->slices +
                                                 (source->shift ? 1 : 0)));
  out = std::move(source);
  return {};
}

} // namespace dpcrt
