// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Faults of order in programs: a wait, a record, a message or a group of messages that is
// missing, or stands elsewhere.
#pragma once
#include "Programs.h"

#include <functional>

namespace mutants {

struct OrderMutant {
  std::string kind, where;
  std::vector<unsigned> ranks; // whose programs change
  std::function<void(Programs &)> plant;
};

/// Each wait taken out, and moved to the command before and behind on its stream.
void addWaits(const Programs &programs, std::vector<OrderMutant> &out);
/// Each record taken out with all that waits for it, and moved to the command before and
/// behind on its stream.
void addRecords(const Programs &programs, std::vector<OrderMutant> &out);
/// Each message taken out at both ends; the numbers of two that follow each other from rank
/// to rank exchanged at one end; each transfer moved to the exchange before and behind on
/// its stream.
void addMessages(const Programs &programs, std::vector<OrderMutant> &out);
/// Each exchange of several messages cut in two; each two that follow each other on a stream
/// made one, in the place of the first and of the second; and each two that send to each
/// other cut into what they send and, behind it, what they receive.
void addGroups(const Programs &programs, std::vector<OrderMutant> &out);
/// Each exchange and collective, or run that has some, put before the one before it in the
/// list, on whatever streams the two are.
void addIssues(const Programs &programs, std::vector<OrderMutant> &out);

} // namespace mutants
