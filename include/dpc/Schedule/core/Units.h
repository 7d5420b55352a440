// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quantities in words, the same wherever they are printed.
#ifndef DPC_SCHEDULE_UNITS_H
#define DPC_SCHEDULE_UNITS_H

#include <string>

namespace dpc::schedule {

/// `60.3 MB`, `1.2 Gflop`, `77`: three digits, with a prefix that is a power of 1000.
std::string inWords(double value, const char *unit = "");

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_UNITS_H
