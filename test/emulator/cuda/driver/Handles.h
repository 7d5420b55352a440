// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What programs hold of things in the emulator: numbers that are given once and point to nothing,
// so that one which is used after its end, or for another kind of thing, is known for what it is.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_HANDLES_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_HANDLES_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace dpc::emulator {

template <typename T, typename Handle> class Handles {
public:
  /// `kind`: distinct for each kind of thing, not 0.
  Handles(uint64_t kind, const char *name) : kind(kind), name(name) {}

  Handle add(std::shared_ptr<T> thing) {
    things[++made] = std::move(thing);
    return reinterpret_cast<Handle>(kind << 44 | made << 4);
  }
  /// Null if there is none.
  std::shared_ptr<T> find(Handle handle) const {
    auto found = things.find(numberOf(handle));
    return isOwn(handle) && found != things.end() ? found->second : nullptr;
  }
  void remove(Handle handle) { things.erase(numberOf(handle)); }
  void removeNumber(uint64_t number) { things.erase(number); }
  void clear() { things.clear(); }
  const std::map<uint64_t, std::shared_ptr<T>> &all() const { return things; }
  uint64_t numberOf(Handle handle) const {
    return (reinterpret_cast<uint64_t>(handle) & ((uint64_t(1) << 44) - 1)) >> 4;
  }
  /// Of one that find() does not find.
  std::string describe(Handle handle) const {
    bool isKnown = isOwn(handle) && numberOf(handle) != 0 && numberOf(handle) <= made;
    return isKnown ? std::string(name) + " " + std::to_string(numberOf(handle)) +
                         ", which has been destroyed"
                   : "something that is no " + std::string(name);
  }

private:
  bool isOwn(Handle handle) const { return reinterpret_cast<uint64_t>(handle) >> 44 == kind; }
  uint64_t kind;
  const char *name;
  uint64_t made = 0;
  std::map<uint64_t, std::shared_ptr<T>> things;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_HANDLES_H
