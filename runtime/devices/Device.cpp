// Anchors of the device interface.
#include "devices/Device.h"

namespace dpcrt {

Lane::~Lane() = default;
Device::~Device() = default;

} // namespace dpcrt
