// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's file as bytes of the binary format, whichever form it has.
#ifndef DPC_LIB_EXPORT_MODELTEXT_H
#define DPC_LIB_EXPORT_MODELTEXT_H

#include "program/format/Status.h"

#include <memory>
#include <string>
#include <string_view>

namespace dpc::exporting {

class ModelBytes {
public:
  ModelBytes() = default;
  ModelBytes(const ModelBytes &) = delete;
  ModelBytes &operator=(const ModelBytes &) = delete;
  ~ModelBytes();
  /// Maps the file, of which pages are read as they are needed; a text form is parsed
  /// and serialised.
  dpcrt::Status open(const std::string &path);
  std::string_view bytes() const { return view; }

private:
  std::string_view view;
  std::string serialized;
  void *mapping = nullptr;
  size_t mapped = 0;
};

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_MODELTEXT_H
