// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks the wire format of a model before protobuf does, for two reasons: a
// parameter must become a byte range of the file, and protobuf does not say
// where a field was; and protobuf would copy every weight. What is walked is
// only the way to tensors; all else is copied as it stands.
#include "ModelFile.h"

#include "dpc/Onnx/TensorPath.h"
#include "llvm/ADT/Twine.h"

using namespace dpc::import;
using dpc::onnxwire::Message;

namespace {

bool isPayload(uint64_t field) {
  return field == onnx::TensorProto::kRawDataFieldNumber ||
         field == onnx::TensorProto::kFloatDataFieldNumber ||
         field == onnx::TensorProto::kDoubleDataFieldNumber;
}

void writeVarint(uint64_t value, std::string &out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

class Scanner {
public:
  Scanner(llvm::StringRef bytes, std::vector<Payload> &payloads)
      : begin(bytes.begin()), payloads(payloads) {}

  bool scan(Message message, const char *at, const char *end, std::string &out, int depth) {
    if (depth > dpc::onnxwire::depthLimit)
      return fail(at, "messages nest deeper than 100");
    while (at != end) {
      const char *start = at;
      uint64_t tag = 0, length = 0;
      if (!readVarint(at, end, tag) || tag >> 3 == 0)
        return fail(start, "a field starts wrongly");
      const char *tagEnd = at;
      switch (tag & 7) {
      case 0: {
        uint64_t ignored;
        if (!readVarint(at, end, ignored))
          return fail(start, "a number is cut off");
        break;
      }
      case 1:
        length = 8;
        break;
      case 2:
        if (!readVarint(at, end, length))
          return fail(start, "a length is cut off");
        break;
      case 5:
        length = 4;
        break;
      default:
        return fail(start, "a field has an unknown wire type");
      }
      if (length > static_cast<uint64_t>(end - at))
        return fail(start,
                    ("a field of " + llvm::Twine(length) + " bytes reaches beyond its end").str());
      const char *content = at;
      at += length;
      uint64_t field = tag >> 3;
      bool nested = (tag & 7) == 2;
      if (nested && message == Message::Tensor && isPayload(field)) {
        std::string handle;
        writeVarint(payloads.size(), handle);
        payloads.push_back({static_cast<uint64_t>(content - begin), length});
        writeVarint(onnx::TensorProto::kRawDataFieldNumber << 3 | 2, out);
        writeVarint(handle.size(), out);
        out += handle;
        continue;
      }
      std::optional<Message> inner =
          nested ? dpc::onnxwire::submessage(message, field) : std::nullopt;
      if (!inner) {
        out.append(start, at - start);
        continue;
      }
      std::string body;
      if (!scan(*inner, content, at, body, depth + 1))
        return false;
      out.append(start, tagEnd - start);
      writeVarint(body.size(), out);
      out += body;
    }
    return true;
  }

  std::string error;

private:
  static bool readVarint(const char *&at, const char *end, uint64_t &value) {
    value = 0;
    for (int shift = 0; shift < 64 && at != end; shift += 7) {
      uint8_t byte = *at++;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return true;
    }
    return false;
  }

  bool fail(const char *at, std::string what) {
    error = ("at byte " + llvm::Twine(at - begin) + ": " + what).str();
    return false;
  }

  const char *begin;
  std::vector<Payload> &payloads;
};

} // namespace

bool dpc::import::scanModel(llvm::StringRef bytes, std::string &stripped,
                            std::vector<Payload> &payloads, std::string &error) {
  Scanner scanner(bytes, payloads);
  if (scanner.scan(Message::Model, bytes.begin(), bytes.end(), stripped, 0))
    return true;
  error = scanner.error;
  return false;
}
