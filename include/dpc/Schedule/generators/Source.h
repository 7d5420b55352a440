// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a user's schedule comes from: a name with ranks and micro-batches, or a
// file. A name with `.` or `/` in it is a file.
#ifndef DPC_SCHEDULE_GENERATORS_SOURCE_H
#define DPC_SCHEDULE_GENERATORS_SOURCE_H

#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/generators/Generators.h"

namespace dpc::schedule {

/// A name, and `option=value` behind it, with the numbers asked for; 0: none given.
struct Source {
  std::string name;
  unsigned ranks = 0, microBatches = 0, chunks = 0;
};

bool isFile(const std::string &name);

/// Reads and parses a file, one that ends in .csv as Csv.h says, else as Text.h does;
/// the error names it.
Result<Table> loadFile(const std::string &path);

/// A schedule of the field and what is asked of it, out of `NAME,option=number`.
struct Named {
  const Generator *generator;
  Request request;
};
Result<Named> findNamed(const Source &source);

/// The number of stages that the model is to be cut into.
Result<unsigned> stagesOf(const Source &source);

/// Reads and parses a file, or generates. A file must agree with the numbers given.
Result<Table> load(const Source &source);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_GENERATORS_SOURCE_H
