// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// External data with path safety. A model file comes from anywhere; what it
// names is opened only inside its own folder. See ExternalDataSecurity.md
// of the ONNX repository.
#include "Initializers.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace dpc::import;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

FailureOr<FileRange> dpc::import::resolveExternal(const onnx::TensorProto &tensor,
                                                  StringRef modelPath, uint64_t length,
                                                  std::string &error) {
  auto fail = [&](const Twine &message) {
    error = message.str();
    return failure();
  };
  StringRef location, checksum;
  std::optional<uint64_t> offset, given;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    uint64_t number = 0;
    if (key == "location") {
      location = value;
    } else if (key == "checksum") {
      checksum = value;
    } else if (key == "offset" || key == "length") {
      if (value.getAsInteger(10, number))
        return fail("its external " + key + " '" + value + "' is not a number");
      (key == "offset" ? offset : given) = number;
    }
  }
  if (location.empty())
    return fail("its external data have no location");
  if (location.contains('\0'))
    return fail("its external location contains a zero byte");
  if (path::is_absolute(location) || location.starts_with("\\"))
    return fail("its external location '" + location +
                "' is absolute; it must be relative to the model's folder");
  // By names alone: sub/../sub is inside. That no link leads out is seen below, of the
  // path that is opened.
  int depth = 0;
  for (auto part = path::begin(location), end = path::end(location); part != end; ++part) {
    depth += *part == ".." ? -1 : *part == "." ? 0 : 1;
    if (depth < 0)
      return fail("its external location '" + location + "' leaves the model's folder");
  }
  if (given && *given != length)
    return fail("its external data have " + Twine(*given) + " bytes, its type needs " +
                Twine(length));

  FileRange range;
  range.offset = offset.value_or(0);
  range.checksum = checksum.str();
  range.length = length;
  SmallString<256> folder(path::parent_path(modelPath)), full(folder);
  path::append(full, location);
  SmallString<256> real;
  if (fs::real_path(full, real)) {
    // Absent; but a dangling link is an attempt to leave, or damage.
    if (fs::is_symlink_file(full))
      return fail("its external file '" + location + "' is a dangling link");
    range.path = std::string(full);
    range.exists = false;
    return range;
  }
  // `folder` has no links in it: the model's own path was resolved.
  if (!StringRef(real).starts_with(folder) ||
      (folder != "/" && !StringRef(real).substr(folder.size()).starts_with("/")))
    return fail("its external location '" + location + "' leads outside the model's folder, to '" +
                real + "'");
  std::optional<FileStamp> stamp = getFileStamp(real);
  if (!stamp)
    return fail("its external file '" + location + "' is not a regular file");
  if (range.offset > stamp->size || length > stamp->size - range.offset)
    return fail("bytes " + Twine(range.offset) + " to " + Twine(range.offset) + " + " +
                Twine(length) + " are not inside its external file '" + location + "' of " +
                Twine(stamp->size) + " bytes");
  range.path = std::string(real);
  range.stamp = *stamp;
  return range;
}
