// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text form of a schedule: what `dpc schedule show` prints, what files hold,
// and the content of the compiler's schedule operation.
//
//   schedule dualpipe
//   ranks 4
//   stages 4
//   micro-batches 8
//   replica 0: micro-batches 0..3 on ranks 0 1 2 3
//   replica 1: micro-batches 4..7 on ranks 3 2 1 0
//   rank 0: 0F0 0F1 0F2 3F4 3I4 3W4 3F5 (0F3&3B5) ...
//
// An action is <stage><kind><micro-batch>, or a pair of two of them; `#` starts a
// comment. Parsing checks the form and that every number is in range; whether the
// schedule is a good one is the business of Check.h.
#ifndef DPC_SCHEDULE_CORE_TEXT_H
#define DPC_SCHEDULE_CORE_TEXT_H

#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Table.h"

namespace dpc::schedule {

/// F, B, I or W.
char letterOf(Kind kind);
/// `0F3`, or `(0F3&3B5)`.
std::string printAction(const Action &action);
std::string printTask(const Task &task);
/// The same at the end of a text, for large ones.
void appendAction(std::string &out, const Action &action);
void appendTask(std::string &out, const Task &task);

std::string printText(const Table &table);

/// The error says line and column, what was found and what was expected.
Result<Table> parseText(const std::string &text);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_TEXT_H
