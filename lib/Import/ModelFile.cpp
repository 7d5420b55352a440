// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModelFile.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace dpc::import;

namespace {

constexpr int kRecursionLimit = 100;

class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string &message) override {
    if (text.empty())
      text = ("line " + Twine(line + 1) + ", column " + Twine(column + 1) + ": " + message).str();
  }
  std::string text;
};

// What a file that is no model may be instead.
StringRef guessFormat(StringRef bytes) {
  if (bytes.empty())
    return "it is empty";
  if (bytes.starts_with("PK\x03\x04"))
    return "it is a zip archive (a PyTorch checkpoint?); export it to ONNX";
  if (bytes.starts_with("ORTM") || bytes.substr(4).starts_with("ORTM"))
    return "it is an ONNX Runtime file (.ort); dpc reads .onnx";
  if (bytes.starts_with("\x89HDF"))
    return "it is an HDF5 file; export the model to ONNX";
  if (bytes.starts_with("version https://git-lfs"))
    return "it is a Git LFS pointer; fetch the file itself with git lfs pull";
  return "";
}

} // namespace

std::optional<FileStamp> dpc::import::getFileStamp(StringRef path) {
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(path, status) || !llvm::sys::fs::is_regular_file(status))
    return std::nullopt;
  auto time = status.getLastModificationTime().time_since_epoch();
  return FileStamp{
      status.getSize(),
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count())};
}

FailureOr<std::unique_ptr<ModelFile>> ModelFile::open(StringRef given, Location loc) {
  auto file = std::make_unique<ModelFile>();
  SmallString<256> real;
  if (std::error_code error = llvm::sys::fs::real_path(given, real))
    return emitError(loc) << "cannot open model '" << given << "': " << error.message();
  file->path = std::string(real);
  std::optional<FileStamp> stamp = getFileStamp(real);
  if (!stamp)
    return emitError(loc) << "model '" << given << "' is not a file";
  file->stamp = *stamp;
  auto buffer = llvm::MemoryBuffer::getFile(real, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return emitError(loc) << "cannot read model '" << given << "': " << buffer.getError().message();
  file->buffer = std::move(*buffer);
  file->proto = std::make_unique<onnx::ModelProto>();
  StringRef bytes = file->buffer->getBuffer();
  StringRef extension = llvm::sys::path::extension(given);
  auto refuse = [&](const Twine &why) -> LogicalResult {
    return emitError(loc) << "'" << given << "' is not an ONNX model: " << why;
  };
  if (StringRef guess = guessFormat(bytes); !guess.empty())
    return refuse(guess);

  if (extension == ".onnxtxt" || extension == ".textproto" || extension == ".txtpb") {
    file->text = true;
    FirstError errors;
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    parser.SetRecursionLimit(kRecursionLimit);
    if (!parser.ParseFromString(bytes.str(), file->proto.get()))
      return refuse(errors.text);
  } else {
    std::string stripped, error;
    if (!scanModel(bytes, stripped, file->payloads, error))
      return refuse("the file is damaged or cut off (" + error + ")");
    google::protobuf::io::CodedInputStream stream(
        reinterpret_cast<const uint8_t *>(stripped.data()), stripped.size());
    stream.SetRecursionLimit(kRecursionLimit);
    if (stripped.size() > INT32_MAX || !file->proto->ParseFromCodedStream(&stream) ||
        !stream.ConsumedEntireMessage())
      return refuse("the file is damaged");
  }
  if (!file->proto->has_graph() || !file->proto->has_ir_version())
    return refuse("it has no graph");
  return file;
}

std::optional<Payload> ModelFile::getPayload(const onnx::TensorProto &tensor) const {
  if (text || !tensor.has_raw_data())
    return std::nullopt;
  uint64_t index = 0;
  int shift = 0;
  for (uint8_t byte : tensor.raw_data()) {
    if (shift > 56)
      return std::nullopt;
    index |= static_cast<uint64_t>(byte & 0x7f) << shift;
    shift += 7;
  }
  if (index >= payloads.size())
    return std::nullopt;
  return payloads[index];
}

ArrayRef<char> ModelFile::getBytes(Payload payload) const {
  StringRef bytes = buffer->getBuffer();
  assert(payload.offset <= bytes.size() && payload.length <= bytes.size() - payload.offset);
  return ArrayRef<char>(bytes.data() + payload.offset, payload.length);
}
