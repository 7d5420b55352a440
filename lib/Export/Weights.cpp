// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Weights.h"

#include "program/format/Half.h"
#include "weights/Layout.h"

#include <algorithm>
#include <ostream>

using namespace dpcrt;

namespace dpc::exporting {
namespace {
std::string described(Element type, const std::vector<uint64_t> &shape) {
  return nameOf(type) + shapeText(shape);
}

void turn(std::vector<char> &bytes, const std::vector<uint64_t> &shape, Element type) {
  std::vector<char> turned(bytes.size());
  transposeMatrix(bytes.data(), shape, sizeOf(type), turned.data());
  bytes = std::move(turned);
}
} // namespace

Status Weights::openCheckpoint(const std::string &path, std::ostream &err) {
  std::vector<std::string> notes;
  Checkpoint opened;
  if (Status s = openNewestCheckpoint(path, opened, notes); !s.ok())
    return s;
  for (const std::string &note : notes)
    err << "note: " << note << "\n";
  std::string wrong;
  for (const Manifest::Parameter &p : artifact.manifest.parameters) {
    auto it =
        std::find_if(opened.manifest.parameters.begin(), opened.manifest.parameters.end(),
                     [&](const CheckpointManifest::Parameter &q) { return q.name == p.name; });
    if (it == opened.manifest.parameters.end())
      wrong += "\n  '" + p.name + "' (" + described(p.type, p.shape) + ") is not in it";
    else if (it->type != p.type || it->shape != p.shape)
      wrong += "\n  '" + p.name + "' is " + described(it->type, it->shape) + " there, " +
               described(p.type, p.shape) + " in the model";
  }
  for (const CheckpointManifest::Parameter &q : opened.manifest.parameters)
    if (!artifact.manifest.parameter(q.name))
      wrong += "\n  '" + q.name + "' (" + described(q.type, q.shape) + ") is not in the model";
  if (!wrong.empty())
    return error(Code::Checkpoint, "checkpoint '", opened.path(), "' is of another model than '",
                 artifact.directory, "':", wrong);
  checkpoint = std::move(opened);
  return {};
}

Status Weights::read(const Manifest::Parameter &parameter, bool transposed,
                     std::vector<char> &bytes) {
  bytes.resize(*byteSize(parameter.shape, sizeOf(parameter.type)));
  Status s = checkpoint
                 ? checkpoint->read(parameter.name, parameter.type, parameter.shape, bytes.data())
                 : initial.read(parameter, 0, bytes.size(), bytes.data());
  if (s.ok() && parameter.storage) {
    uint64_t count = bytes.size() / sizeof(float);
    std::vector<char> stored(count * sizeOf(*parameter.storage));
    narrowHalf(*parameter.storage, reinterpret_cast<const float *>(bytes.data()), stored.data(),
               count);
    bytes = std::move(stored);
  }
  if (s.ok() && transposed)
    turn(bytes, parameter.shape, parameter.storageType());
  return s;
}

Status Weights::read(const Manifest::StateEntry &entry, std::vector<char> &bytes) {
  Status s = initial.read(entry, bytes);
  if (s.ok() && entry.transposed)
    turn(bytes, entry.shape, entry.type);
  return s;
}

std::string Weights::describe() const {
  if (!checkpoint)
    return "the initial weights";
  return "the weights after step " + std::to_string(checkpoint->manifest.step) + " (" +
         checkpoint->path() + ")";
}

} // namespace dpc::exporting
