// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Diagnostics.h.
#include "Diagnostics.h"

#include "mlir/IR/Location.h"

#include <ostream>

using namespace mlir;

namespace dpc::driver {
namespace {

// The name a location carries, or file:line:column, or nothing.
std::string placeOf(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return "'" + name.getName().str() + "'";
  if (auto file = dyn_cast<FileLineColLoc>(loc))
    return file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" +
           std::to_string(file.getColumn());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string place = placeOf(part); !place.empty())
        return place;
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return placeOf(call.getCallee());
  return "";
}

const char *severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Note:
    return "note";
  }
  return "note";
}

} // namespace

Diagnostics::Diagnostics(MLIRContext *context, std::ostream &err)
    : err(err), handler(context, [this](Diagnostic &diagnostic) {
        print(diagnostic);
        return success();
      }) {
  // A diagnostic speaks of the user's model; the operation in full helps nobody.
  context->printOpOnDiagnostic(false);
}

void Diagnostics::print(Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
    ++count;
  std::string place = placeOf(diagnostic.getLocation()), text = diagnostic.str();
  // Many messages say themselves where it is.
  if (place.empty() || StringRef(text).contains(place))
    place.clear();
  else
    place += ": ";
  err << severityName(diagnostic.getSeverity()) << ": " << place << text << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

} // namespace dpc::driver
