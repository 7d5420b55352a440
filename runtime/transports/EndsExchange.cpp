// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See EndsExchange.h.
#include "transports/EndsExchange.h"

namespace dpcrt {

void EndsExchange::start(uint32_t newStep) {
  step = newStep;
  left = transfers.size();
  for (Transfer &t : transfers) {
    t.done = false;
    t.end->start(newStep);
  }
}

bool EndsExchange::progress(Lane &lane) {
  seen = bell.snapshot();
  due = noDeadline;
  for (Transfer &t : transfers)
    if (!t.done && t.end->progress(lane, due)) {
      t.done = true;
      --left;
      if (t.spec.signal)
        t.spec.signal->fire(step);
    }
  return left == 0;
}

std::string EndsExchange::describe() const {
  std::string text;
  for (const Transfer &t : transfers)
    if (!t.end->isMet())
      text += (text.empty() ? "" : ", ") + dpcrt::describe(t.spec);
  return text.empty() ? "the emulated link" : text;
}

} // namespace dpcrt
