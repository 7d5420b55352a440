// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModelText.h"

#include "data/Files.h"
#include "onnx-ml.pb.h"

#include <google/protobuf/text_format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dpcrt;

namespace dpc::exporting {
namespace {
bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}
} // namespace

ModelBytes::~ModelBytes() {
  if (mapping)
    ::munmap(mapping, mapped);
}

Status ModelBytes::open(const std::string &path) {
  if (endsWith(path, ".onnxtxt") || endsWith(path, ".textproto") || endsWith(path, ".txtpb")) {
    std::string text;
    if (Status s = readWholeFile(path, Code::Artifact, text); !s.ok())
      return s;
    onnx::ModelProto model;
    google::protobuf::TextFormat::Parser parser;
    if (!parser.ParseFromString(text, &model) || !model.SerializeToString(&serialized))
      return error(Code::Artifact, "'", path, "' is not an ONNX model");
    view = serialized;
    return {};
  }
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info = {};
  bool opened = fd >= 0 && ::fstat(fd, &info) == 0;
  if (opened && info.st_size > 0) {
    mapped = size_t(info.st_size);
    mapping = ::mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
      mapping = nullptr, opened = false;
  }
  int reason = errno;
  if (fd >= 0)
    ::close(fd);
  if (!opened || !mapping)
    return error(Code::Artifact, "cannot read '", path,
                 "': ", opened ? "it is empty" : std::strerror(reason));
  view = {static_cast<const char *>(mapping), mapped};
  return {};
}

} // namespace dpc::exporting
