// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every device can do: memory, and making ready what a step will use. How it is
// told to compute differs between kinds of devices: HostDevice.h, Queue.h. A device is shared
// by all ranks of a process that use it; these functions are called by one thread, at load
// and between steps.
#pragma once
#include "devices/DeviceAddress.h"
#include "program/format/KernelTable.h"
#include "program/format/Program.h"
#include "program/format/Status.h"
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace dpcrt {

class HostDevice;
class QueueDevice;

// A kernel or library call made ready at load; owned by the device, which keeps
// in its own kind of these what it needs.
class PreparedLaunch {
public:
  virtual ~PreparedLaunch();
};
class PreparedCall {
public:
  virtual ~PreparedCall();
};

// Device: what commands work on. Host: what programs keep on the host's side (offload).
// Messages: what commands work on and transports send from and receive into. A device whose
// library for communication wants memory of its own gives that, others the same as Device.
enum class MemoryKind { Device, Host, Messages };

class Device {
public:
  virtual ~Device();
  virtual const char *name() const = 0;
  // This device, if it is driven as HostDevice.h says; else null.
  virtual HostDevice *host() { return nullptr; }
  // This device, if it is driven as Queue.h says; else null. It is one of the two.
  virtual QueueDevice *queue() { return nullptr; }

  // How what may run in any order is ordered, in the words of --seed-order; before anything
  // else is asked of the device. An error of devices that have no such choice.
  virtual Status chooseOrder(const std::string &text);
  // A digest of the order in which commands have run, of devices that have that choice:
  // equal for equal orders. Else empty.
  virtual std::string orderTaken() { return {}; }
  // After the last step: an error if the chosen order named what never came.
  virtual Status checkOrder() { return {}; }

  // Memory, zero-filled, aligned to 64 bytes. Owned by the device.
  virtual Status allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) = 0;
  // The host's only ways into that memory, of any kind; done when they return.
  virtual Status upload(DeviceAddress dst, const void *src, uint64_t bytes) = 0;
  virtual Status download(void *dst, DeviceAddress src, uint64_t bytes) = 0;

  // Opens the kernels of a target: their code, and how each is run; checks `features`
  // first.
  virtual Status openKernels(const std::string &path, KernelTable table,
                             const std::vector<std::string> &features) = 0;
  virtual Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) = 0;
  virtual Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) = 0;
  // Allocates scratch after everything is prepared.
  virtual Status finishPreparation() = 0;
  virtual uint64_t scratchBytes() const = 0;

protected:
  static DeviceAddress addressOf(void *pointer) {
    DeviceAddress address;
    address.value = pointer;
    return address;
  }
  static char *pointerTo(DeviceAddress address) { return static_cast<char *>(address.value); }
  // A list of them as kernels take it.
  static void *const *pointersTo(const DeviceAddress *addresses) {
    static_assert(sizeof(DeviceAddress) == sizeof(void *) &&
                      std::is_standard_layout_v<DeviceAddress>,
                  "an address is one pointer");
    return reinterpret_cast<void *const *>(addresses);
  }
};

} // namespace dpcrt
