// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names, files and costs as they are typed.
#include "dpc/Schedule/generators/Source.h"

#include "../core/Split.h"

#include "dpc/Schedule/core/Csv.h"
#include "dpc/Schedule/core/Text.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dpc::schedule {
namespace {

constexpr uintmax_t kMaxFileBytes = 1u << 30;

Result<Table> loadAgreeing(const Source &source) {
  using R = Result<Table>;
  Result<Table> table = loadFile(source.name);
  if (!table.ok())
    return table;
  if (source.ranks && source.ranks != table->ranks)
    return R::failure("'" + source.name + "' is for " + std::to_string(table->ranks) +
                      " ranks, not the " + std::to_string(source.ranks) + " of --pp");
  if (source.microBatches && source.microBatches != table->microBatches)
    return R::failure("'" + source.name + "' is for " + std::to_string(table->microBatches) +
                      " micro-batches, not the " + std::to_string(source.microBatches) +
                      " of --micro-batches");
  return table;
}

} // namespace

bool isFile(const std::string &name) { return name.find_first_of("./") != std::string::npos; }

Result<Table> loadFile(const std::string &path) {
  using R = Result<Table>;
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return R::failure("'" + path + "' is a folder, not a schedule");
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  if (uintmax_t size = std::filesystem::file_size(path, error); !error)
    text.reserve(std::min(size, kMaxFileBytes));
  std::vector<char> part(1 << 20);
  while (stream && text.size() <= kMaxFileBytes) {
    stream.read(part.data(), part.size());
    text.append(part.data(), stream.gcount());
  }
  if (text.size() > kMaxFileBytes)
    return R::failure("'" + path + "' has more than the " + std::to_string(kMaxFileBytes) +
                      " bytes that a schedule may have");
  if (!stream.eof())
    return R::failure("cannot read the schedule '" + path + "'");
  std::filesystem::path file(path);
  Result<Table> table =
      file.extension() == ".csv" ? parseCsv(text, file.stem().string()) : parseText(text);
  if (!table.ok())
    return R::failure(path + ": " + table.error());
  return table;
}

Result<Named> findNamed(const Source &source) {
  using R = Result<Named>;
  std::vector<std::string> words = split(source.name, ',');
  Request request;
  request.ranks = source.ranks ? source.ranks : 1;
  request.microBatches = source.microBatches ? source.microBatches : 4 * request.ranks;
  if (source.chunks)
    request.options[kChunks] = source.chunks;
  for (size_t i = 1; i < words.size(); ++i) {
    size_t equals = words[i].find('=');
    if (equals == std::string::npos || equals == 0)
      return R::failure("'" + source.name + "': expected NAME,option=number");
    std::string number = words[i].substr(equals + 1);
    char *end = nullptr;
    unsigned long value = std::strtoul(number.c_str(), &end, 10);
    if (number.empty() || !std::isdigit((unsigned char)number[0]) || *end ||
        value > kMaxMicroBatches)
      return R::failure("'" + source.name + "': '" + number + "' is no number of an option");
    request.options[words[i].substr(0, equals)] = value;
  }
  std::string name = words.empty() ? "" : words[0];
  const Generator *generator = findGenerator(name);
  if (!generator)
    return R::failure(noSuchSchedule(name));
  return Named{generator, std::move(request)};
}

Result<unsigned> stagesOf(const Source &source) {
  using R = Result<unsigned>;
  if (isFile(source.name)) {
    Result<Table> table = loadAgreeing(source);
    return table.ok() ? R(table->stages) : R::failure(table.error());
  }
  Result<Named> named = findNamed(source);
  if (!named.ok())
    return R::failure(named.error());
  if (std::string fault = findFault(*named->generator, named->request); !fault.empty())
    return R::failure(fault);
  return named->generator->stages(named->request);
}

Result<Table> load(const Source &source) {
  if (isFile(source.name))
    return loadAgreeing(source);
  Result<Named> named = findNamed(source);
  if (!named.ok())
    return Result<Table>::failure(named.error());
  return generate(named->generator->name, named->request);
}

} // namespace dpc::schedule
