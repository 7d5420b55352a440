// The one place that knows the version.
#pragma once

namespace dpcrt {
const char *versionText(); // "0.1.0"
}
