// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text from outside made harmless, and round numbers for axes.
#ifndef DPC_LIB_SCHEDULE_DRAW_LABELS_H
#define DPC_LIB_SCHEDULE_DRAW_LABELS_H

#include <string>
#include <vector>

namespace dpc::schedule {

/// Without control characters and without bytes that are not UTF-8.
std::string printable(const std::string &text);
/// The same for XML and HTML, with markup escaped.
std::string escapeMarkup(const std::string &text);
/// Lines of at most `width` columns, each with its end; breaks between words.
std::string wrapWords(const std::string &text, unsigned width);
/// Round times from `from` to `to`, at most about `most` of them: 1, 2 or 5 times a
/// power of ten apart.
std::vector<double> ticksOf(double from, double to, double most);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_DRAW_LABELS_H
