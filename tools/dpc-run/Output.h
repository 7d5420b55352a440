// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run writes: metrics lines, dumps, the report.
#pragma once
#include "data/Files.h"
#include "data/OutputLock.h"
#include "session/Client.h"
#include <nlohmann/json.hpp>

namespace dpcrt {

// A file of JSON lines; a line is written whole or not at all.
class MetricsFile {
public:
  ~MetricsFile();
  // `append`: a resumed run goes on below what is there.
  Status open(const std::string &path, bool append);
  bool isOpen() const { return fd >= 0; }
  Status write(const nlohmann::ordered_json &line);

private:
  int fd = -1;
  uint64_t length = 0;
  std::string name;
  OutputLock lock;
};

// DIR/step-<n>.safetensors, n from 1. All processes take part, `writes`: this one writes.
Status writeDump(const std::string &directory, uint64_t step, dpcrt_session *session,
                 const dpcrt_result &result, uint64_t microBatches, bool writes);

// A number, or null where JSON has none.
nlohmann::ordered_json finite(double value);

// Bytes of this process in memory, now and at most; 0 where not known.
uint64_t residentBytes();
uint64_t peakResidentBytes();

} // namespace dpcrt
