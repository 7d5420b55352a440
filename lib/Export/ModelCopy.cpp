// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModelCopy.h"

#include "ModelText.h"
#include "dpc/Onnx/TensorPath.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

using namespace dpcrt;
using dpc::onnxwire::depthLimit;
using dpc::onnxwire::Message;
using dpc::onnxwire::submessage;
using onnx::TensorProto;

namespace dpc::exporting {
namespace {

class Copier {
public:
  Copier(const Manifest &manifest, std::string_view model) : manifest(manifest), model(model) {
    for (const Manifest::Parameter &p : manifest.parameters) {
      if (!p.trained)
        continue;
      uint64_t bytes = *byteSize(p.shape, sizeOf(p.storageType()));
      replacements[p.initializerName()] = {&p, false, bytes};
      for (const Manifest::Copy &copy : p.copies)
        replacements[copy.initializer] = {&p, copy.transposed, bytes};
    }
  }

  // What the model stores outside its file, and whether every weight has its place.
  Status scan() {
    if (Status s = scan(Message::Model, model, "", 0); !s.ok())
      return s;
    std::string absent;
    for (auto &[name, values] : replacements)
      if (!found.count(name))
        absent += "\n  '" + name + "'";
    if (!absent.empty())
      return error(Code::Artifact,
                   "the model has no initializers, nor Constant nodes, of these names:", absent);
    return {};
  }

  Rope copy() { return copy(Message::Model, model, ""); }

  std::vector<ExternalTensor> external;

private:
  struct Tensor {
    std::string name;
    bool isExternal = false;
    std::string location;
    uint64_t offset = 0, length = 0;
    uint64_t type = 0;
    std::vector<uint64_t> dims;
  };

  Status damaged() const { return Status(Code::Artifact, "the model's file is damaged"); }

  bool parse(std::string_view bytes, Tensor &out) const {
    Field field;
    bool broken;
    while (nextField(bytes, field, broken)) {
      if (field.number == TensorProto::kNameFieldNumber)
        out.name = std::string(field.content);
      else if (field.number == TensorProto::kDataTypeFieldNumber)
        out.type = field.value;
      else if (field.number == TensorProto::kDataLocationFieldNumber)
        out.isExternal = field.value == TensorProto::EXTERNAL;
      else if (field.number == TensorProto::kDimsFieldNumber && !field.nested)
        out.dims.push_back(field.value);
      else if (field.number == TensorProto::kDimsFieldNumber) // packed
        parseDims(field.content, out.dims);
      else if (field.number == TensorProto::kExternalDataFieldNumber &&
               !parseEntry(field.content, out))
        return false;
    }
    return !broken;
  }

  static void parseDims(std::string_view bytes, std::vector<uint64_t> &dims) {
    while (!bytes.empty()) {
      uint64_t value = 0;
      for (int shift = 0; !bytes.empty() && shift < 64; shift += 7) {
        uint8_t byte = uint8_t(bytes.front());
        bytes.remove_prefix(1);
        value |= uint64_t(byte & 0x7f) << shift;
        if (!(byte & 0x80))
          break;
      }
      dims.push_back(value);
    }
  }

  static bool splitEntry(std::string_view bytes, std::string &key, std::string &value) {
    Field field;
    bool broken;
    while (nextField(bytes, field, broken))
      (field.number == 1 ? key : value) = std::string(field.content);
    return !broken;
  }

  static bool parseEntry(std::string_view bytes, Tensor &out) {
    std::string key, value;
    if (!splitEntry(bytes, key, value))
      return false;
    uint64_t *number = key == "offset" ? &out.offset : key == "length" ? &out.length : nullptr;
    if (key == "location")
      out.location = value;
    if (!number)
      return true;
    auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), *number);
    return failed == std::errc() && end == value.data() + value.size();
  }

  // Some exporters keep weights in Constant nodes: then the weight's name is the node's
  // output. "" for other nodes.
  static std::string constantName(std::string_view node) {
    std::string name, op;
    Field field;
    bool broken;
    while (nextField(node, field, broken)) {
      if (field.number == onnx::NodeProto::kOutputFieldNumber && name.empty())
        name = std::string(field.content);
      if (field.number == onnx::NodeProto::kOpTypeFieldNumber)
        op = std::string(field.content);
    }
    return op == "Constant" ? name : "";
  }

  // Under which name a submessage's tensor could be a weight.
  static std::string ownerOf(Message message, Message inner, std::string_view content,
                             const std::string &owner) {
    if (message == Message::MainGraph && inner == Message::Node)
      return constantName(content);
    return message == Message::Node ? owner : "";
  }

  // The replacement of a tensor; null if it stays.
  Status replacementOf(const Tensor &tensor, Message message, const std::string &owner,
                       const Replacement *&out) {
    out = nullptr;
    auto it = replacements.find(message == Message::MainGraph ? tensor.name : owner);
    if (it == replacements.end())
      return {};
    const Manifest::Parameter &p = *it->second.parameter;
    auto size = byteSize(tensor.dims, sizeOf(p.storageType()));
    if (onnxNumberOf(p.storageType()) != int(tensor.type) || !size || *size != it->second.bytes)
      return error(Code::Artifact, "initializer '", it->first,
                   "' does not have the type and size of parameter '", p.name, "', ",
                   nameOf(p.storageType()), shapeText(p.shape));
    out = &it->second;
    return {};
  }

  Status scan(Message message, std::string_view bytes, const std::string &owner, int depth) {
    if (depth > depthLimit)
      return damaged();
    Field field;
    bool broken;
    while (nextField(bytes, field, broken)) {
      std::optional<Message> inner =
          field.nested ? submessage(message, field.number) : std::nullopt;
      if (!inner)
        continue;
      if (*inner != Message::Tensor) {
        if (Status s = scan(*inner, field.content, ownerOf(message, *inner, field.content, owner),
                            depth + 1);
            !s.ok())
          return s;
        continue;
      }
      Tensor tensor;
      if (!parse(field.content, tensor))
        return damaged();
      const Replacement *values;
      if (Status s = replacementOf(tensor, message, owner, values); !s.ok())
        return s;
      if (values)
        found.insert(message == Message::MainGraph ? tensor.name : owner);
      if (!tensor.isExternal)
        continue;
      if (values && !tensor.length)
        tensor.length = values->bytes;
      if (values && tensor.length != values->bytes)
        return error(Code::Artifact, "initializer '", tensor.name, "' has ", tensor.length,
                     " external bytes, its type needs ", values->bytes);
      places[field.content.data()] = external.size();
      external.push_back(
          {tensor.name, tensor.location, tensor.offset, tensor.length, values, "", 0});
    }
    return broken ? damaged() : Status();
  }

  Rope copy(Message message, std::string_view bytes, const std::string &owner) {
    Rope out;
    Field field;
    bool broken;
    while (nextField(bytes, field, broken)) {
      std::optional<Message> inner =
          field.nested ? submessage(message, field.number) : std::nullopt;
      if (!inner) {
        out.add(field.whole);
        continue;
      }
      Rope content =
          *inner == Message::Tensor
              ? copyTensor(field.content, message, owner)
              : copy(*inner, field.content, ownerOf(message, *inner, field.content, owner));
      // What did not change keeps its bytes, the length's too.
      if (content.pieces().size() == 1 && content.pieces()[0].original == field.content &&
          content.pieces()[0].original.data() == field.content.data())
        out.add(field.whole);
      else
        out.addField(field.number, std::move(content));
    }
    return out;
  }

  Rope copyTensor(std::string_view bytes, Message message, const std::string &owner) {
    Tensor tensor;
    parse(bytes, tensor);
    auto place = places.find(bytes.data());
    const Replacement *values = nullptr;
    (void)replacementOf(tensor, message, owner, values).ok(); // found right by the scan
    Rope out;
    if (place == places.end() && !values) {
      out.add(bytes);
      return out;
    }
    Field field;
    bool broken;
    while (nextField(bytes, field, broken)) {
      switch (field.number) {
      case TensorProto::kRawDataFieldNumber:
      case TensorProto::kFloatDataFieldNumber:
      case TensorProto::kDoubleDataFieldNumber:
      case TensorProto::kInt32DataFieldNumber:
        if (!values)
          out.add(field.whole);
        break;
      case TensorProto::kExternalDataFieldNumber:
        if (place != places.end())
          copyEntry(field, external[place->second], out);
        break;
      default:
        out.add(field.whole);
      }
    }
    if (place == places.end())
      out.addField(TensorProto::kRawDataFieldNumber, valuesOf(*values));
    else if (const ExternalTensor &moved = external[place->second]; moved.newOffset != moved.offset)
      addEntry("offset", std::to_string(moved.newOffset), out);
    return out;
  }

  static Rope valuesOf(const Replacement &values) {
    Rope rope;
    rope.add(values);
    return rope;
  }

  static void addEntry(std::string_view key, std::string_view value, Rope &out) {
    Rope entry;
    entry.addField(1, key);
    entry.addField(2, value);
    out.addField(TensorProto::kExternalDataFieldNumber, std::move(entry));
  }

  // The location is the copy's; a checksum is of the file, which is another.
  static void copyEntry(const Field &field, const ExternalTensor &tensor, Rope &out) {
    std::string key, value;
    splitEntry(field.content, key, value);
    if (key == "location")
      addEntry("location", tensor.newLocation, out);
    else if (key == "checksum" || (key == "offset" && tensor.newOffset != tensor.offset))
      return;
    else
      out.add(field.whole);
  }

  const Manifest &manifest;
  std::string_view model;
  std::map<std::string, Replacement> replacements; // by initializer
  std::set<std::string> found;
  std::map<const char *, size_t> places; // a tensor's first byte -> index in `external`
};

Status checkModelFile(const Manifest::ModelFile &file) {
  if (file.path.empty())
    return Status(Code::Artifact,
                  "the artifact does not say which file its model came from; compile it again");
  InputFile input;
  if (Status s = InputFile::open(file.path, Code::Artifact, input); !s.ok())
    return s.within("the model's own file is needed for a copy");
  if (input.size() != file.size || input.modificationTime() != file.mtime)
    return error(Code::Artifact, "'", file.path, "' has changed since it was compiled: it has ",
                 input.size(), " bytes of time ", input.modificationTime(), " ns, expected ",
                 file.size, " bytes of time ", file.mtime, " ns; compile it again");
  return {};
}

} // namespace

Status copyModel(const Manifest &manifest, Weights &weights, const std::string &output, bool force,
                 std::vector<std::string> &files) {
  const std::string &path = manifest.modelFile.path;
  if (Status s = checkModelFile(manifest.modelFile); !s.ok())
    return s;
  std::error_code ignored;
  if (std::filesystem::equivalent(path, output, ignored))
    return error(Code::Usage, "'", output, "' is the model's own file; choose another name");
  ModelBytes model;
  if (Status s = model.open(path); !s.ok())
    return s;
  Copier copier(manifest, model.bytes());
  if (Status s = copier.scan(); !s.ok())
    return s.within(path);
  ExternalFiles external;
  if (Status s = external.plan(copier.external, manifest, path, output, force); !s.ok())
    return s;
  Rope rope = copier.copy();
  OutputFile file;
  if (Status s = file.create(output); !s.ok())
    return s;
  if (Status s = external.write(weights); !s.ok())
    return s;
  std::vector<char> bytes;
  for (const Rope::Piece &piece : rope.pieces()) {
    std::string_view content =
        piece.original.empty() ? std::string_view(piece.text) : piece.original;
    if (piece.values) {
      if (Status s = weights.read(*piece.values->parameter, piece.values->transposed, bytes);
          !s.ok())
        return s;
      content = {bytes.data(), bytes.size()};
    }
    if (Status s = file.write(content.data(), content.size()); !s.ok())
      return s;
  }
  // The graph last: where it is, its weights are.
  if (Status s = external.commit(); !s.ok())
    return s;
  files = external.paths();
  files.push_back(output);
  return file.commit();
}

} // namespace dpc::exporting
