// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sets of the mesh's axes beside pp: which of them a group of ranks spans, and which
// ranks that makes; which of them an input is split over. Each set is a few bits
// (Program.fbs), and a list of names wherever people read it.

#ifndef DPCRT_PROGRAM_FORMAT_AXES_H
#define DPCRT_PROGRAM_FORMAT_AXES_H

#include "program/format/Program.h"
#include "program/format/RankGrid.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dpcrt {

inline bool contains(fb::Axes axes, fb::Axes axis) { return (axes & axis) != fb::Axes::NONE; }

/// The axis of this name; none if there is no such axis beside pp.
std::optional<fb::Axes> axisNamed(std::string_view name);
/// {"dp", "ep"}, in the order of the mesh.
std::vector<std::string> namesOf(fb::Axes axes);
/// "dp and ep".
std::string inWords(fb::Axes axes);

/// The ranks of a group for one that stands at `own`: at the group's coordinates of pp, and
/// at all coordinates of the axes that it spans, else at the rank's own. Ascending.
std::vector<uint32_t> membersOf(const fb::Group &group, const RankGrid &grid, const RankPlace &own);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_AXES_H
