// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a JSON document from outside, strictly: a wrong type or an overflow is an error
// that names the way to the key. Manifests of artifacts and of checkpoints are read
// with it.
#pragma once
#include "data/Element.h"
#include "data/Files.h"
#include <limits>
#include <nlohmann/json.hpp>

namespace dpcrt {

// Walks the document; remembers the first error and the way to it.
class JsonReader {
public:
  using Json = nlohmann::ordered_json;
  std::string error;

  // `folder`: what the document describes, and whose files it may name.
  explicit JsonReader(std::string folder) : folder(std::move(folder)) {}

  bool fail(const std::string &path, const std::string &what) {
    if (error.empty())
      error = (path.empty() ? "the document" : "'" + path + "'") + " " + what;
    return false;
  }

  const Json *member(const Json &object, const std::string &path, const char *key,
                     bool required = true) {
    if (!object.is_object()) {
      fail(path, "is not an object");
      return nullptr;
    }
    auto it = object.find(key);
    if (it != object.end())
      return &*it;
    if (required)
      fail(join(path, key), "is missing");
    return nullptr;
  }

  static std::string join(const std::string &path, const std::string &key) {
    return path.empty() ? key : path + "." + key;
  }

  bool string(const Json &object, const std::string &path, const char *key, std::string &out,
              bool required = true) {
    const Json *value = member(object, path, key, required);
    if (!value)
      return !required;
    if (!value->is_string())
      return fail(join(path, key), "is not a string");
    out = value->get<std::string>();
    return true;
  }

  bool flag(const Json &object, const std::string &path, const char *key, bool &out,
            bool required = false) {
    const Json *value = member(object, path, key, required);
    if (!value)
      return !required;
    if (!value->is_boolean())
      return fail(join(path, key), "is neither true nor false");
    out = value->get<bool>();
    return true;
  }

  // A file of the folder.
  bool contained(const std::string &file, const std::string &path) {
    return isContainedPath(file) || fail(path, "names '" + file + "', which leaves the " + folder);
  }
  bool file(const Json &object, const std::string &path, const char *key, std::string &out,
            bool required = true) {
    return string(object, path, key, out, required) &&
           (out.empty() || contained(out, join(path, key)));
  }

  template <typename T>
  bool integer(const Json &value, const std::string &path, T &out,
               uint64_t most = uint64_t(INT64_MAX)) {
    most = std::min<uint64_t>(most, uint64_t(std::numeric_limits<T>::max()));
    if (!value.is_number_unsigned() || value.get<uint64_t>() > most)
      return fail(path, "is not an integer from 0 to " + std::to_string(most));
    out = T(value.get<uint64_t>());
    return true;
  }

  template <typename T>
  bool number(const Json &object, const std::string &path, const char *key, T &out,
              bool required = true) {
    const Json *value = member(object, path, key, required);
    return value ? integer(*value, join(path, key), out) : !required;
  }

  // Calls each(element, path of element) for a list.
  template <typename Each>
  bool list(const Json &object, const std::string &path, const char *key, Each each,
            bool required = true) {
    const Json *value = member(object, path, key, required);
    if (!value)
      return !required;
    if (!value->is_array())
      return fail(join(path, key), "is not a list");
    size_t i = 0;
    for (const Json &element : *value)
      if (!each(element, join(path, key) + "[" + std::to_string(i++) + "]"))
        return false;
    return true;
  }

  bool strings(const Json &object, const std::string &path, const char *key,
               std::vector<std::string> &out) {
    return list(object, path, key, [&](const Json &e, const std::string &at) {
      if (!e.is_string())
        return fail(at, "is not a string");
      out.push_back(e.get<std::string>());
      return true;
    });
  }

  // Whether the document says that it is a `name` of this major version.
  bool formatIs(const Json &doc, const std::string &name, unsigned major) {
    return formatIs(doc, name, major, major, major);
  }
  // ... or of one of `first` to `last`: which.
  bool formatIs(const Json &doc, const std::string &name, unsigned first, unsigned last,
                unsigned &major) {
    std::string format;
    if (!string(doc, "", "format", format))
      return false;
    if (format != name)
      return fail("format", "is '" + format + "', not '" + name + "'");
    std::vector<uint32_t> version;
    if (!list(doc, "", "format_version", [&](const Json &e, const std::string &at) {
          version.push_back(0);
          return integer(e, at, version.back());
        }))
      return false;
    if (version.size() != 2)
      return fail("format_version", "is not [major, minor]");
    major = version[0];
    return (first <= major && major <= last) ||
           fail("format_version", "is " + std::to_string(major) + "." + std::to_string(version[1]) +
                                      "; this runtime reads major version " +
                                      std::to_string(first) +
                                      (first == last ? "" : " to " + std::to_string(last)));
  }

  bool typeAndShape(const Json &object, const std::string &path, Element &type,
                    std::vector<uint64_t> &shape, bool empty = false) {
    std::string name;
    if (!string(object, path, "dtype", name))
      return false;
    auto element = elementNamed(name);
    if (!element)
      return fail(join(path, "dtype"), "is '" + name + "', which is no type");
    type = *element;
    return this->shape(object, path, sizeOf(type), shape, empty);
  }

  // Of elements of `unit` bytes.
  bool shape(const Json &object, const std::string &path, uint64_t unit,
             std::vector<uint64_t> &shape, bool empty = false) {
    if (!list(object, path, "shape", [&](const Json &e, const std::string &at) {
          uint64_t d = 0;
          if (!integer(e, at, d))
            return false;
          shape.push_back(d);
          return d != 0 || empty || fail(at, "is 0");
        }))
      return false;
    return byteSize(shape, unit) || fail(join(path, "shape"), "is too large: " + shapeText(shape));
  }

private:
  std::string folder;
};

} // namespace dpcrt
