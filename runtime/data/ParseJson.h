// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON text from outside to a document. The library reads it without recursion, but
// copies, compares and writes documents with it: one that nests a hundred thousand deep
// would end the process there. None that dpc reads needs more than a few levels.
#ifndef DPCRT_DATA_PARSEJSON_H
#define DPCRT_DATA_PARSEJSON_H

#include <nlohmann/json.hpp>
#include <string_view>

namespace dpcrt {

constexpr int maximumJsonDepth = 100;

inline bool nestsTooDeep(std::string_view text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > maximumJsonDepth)
      return true;
    else if (!inString && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

/// The document; a discarded one if the text is not JSON or nests too deep.
template <typename Json = nlohmann::json> Json parseJson(std::string_view text) {
  if (nestsTooDeep(text))
    return Json(nlohmann::detail::value_t::discarded);
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

} // namespace dpcrt

#endif // DPCRT_DATA_PARSEJSON_H
