// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// State of the structural validation.
//
// Private to the validation: the tables of a program (ValidateTables.cpp), its
// parameters (ValidateParameters.cpp), its blocks and order (ValidateCommands.cpp) and
// the arguments of its commands (ValidateActions.cpp) share this one object.

#ifndef DPCRT_PROGRAM_FORMAT_VALIDATOR_H
#define DPCRT_PROGRAM_FORMAT_VALIDATOR_H

#include "program/format/Naming.h"
#include "program/format/Validate.h"

#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace dpcrt {

/// Of a program, and of a block: each is a thread.
inline constexpr uint32_t kMaxStreams = 64;

class Validator {
public:
  Validator(const fb::Program &program, uint64_t fileBytes, Diagnostics &diagnostics)
      : program(program), fileBytes(fileBytes), diagnostics(diagnostics),
        // Twice the file leaves room for writers that share equal vectors.
        budget(2 * fileBytes + 4096) {}

  void validateTables();
  void validateBlocks();
  void validateOrder();

private:
  /// A list of commands and what its indices may range over.
  struct Scope {
    const fb::Block *block = nullptr; ///< null: the program's order
    const flatbuffers::Vector<flatbuffers::Offset<fb::Command>> *commands;
    uint32_t events = 0;
    uint32_t firstOwnEvent = 0; ///< lower ones are operands' readiness
    uint32_t streams = 0;
    std::vector<int64_t> firedBy; ///< command that fires each event, or -1
  };

  /// One memory access of a command, before names are known for it.
  struct Use {
    const fb::Ref *ref;
    bool read, write;
    const char *what; ///< "argument", "source", …
    uint32_t number;
  };

  // Tables.
  void validateHeader();
  void validateArenas();
  void validateKernels();
  void validateLibrary();
  /// Nothing, with errors, unless each is of a known type and of whole elements.
  std::optional<std::vector<fb::Buffer>>
  readBuffers(const flatbuffers::Vector<const fb::Buffer *> *list, const std::string &owner,
              const char *what);
  /// Why elements of this type cannot lie in memory; "" if they can.
  static std::string elementProblem(uint8_t dtype);
  void validateGroups();
  void validateTensors();
  struct Places;
  struct Updated;
  void validateParameters();
  void validateParameter(Updated &updated, Places &places);
  void findKept(Updated &updated, const std::vector<const fb::Part *> &parts, Places &places);
  void validateParts(const Updated &updated, const std::vector<const fb::Part *> &parts,
                     Places &places);
  void checkKept(const Updated &updated, const fb::Ref *ref, const char *what);
  void checkMoments(const Updated &updated, const std::vector<const fb::Ref *> &moments);
  /// Notes where something of a parameter lies, on these replicas (none: all), if it may.
  void place(Places &places, const Updated &updated, const fb::Ref *ref, uint64_t bytes,
             fb::ArenaRole role, const char *what, const std::vector<uint32_t> &replicas = {});
  void checkDisjoint(Places &places);
  uint64_t validateMaster(const fb::Ref &master, const fb::Parameter &parameter,
                          const std::string &owner, uint64_t bytes);
  bool validateExtent(const fb::Part &part, const std::string &owner, uint64_t elements);
  /// Those that a list names, with errors unless they are some of the mesh's, ascending.
  std::vector<uint32_t> readReplicas(const flatbuffers::Vector<uint32_t> *list,
                                     const std::string &owner);
  void validateConstants();
  bool tensorBytes(const fb::Tensor &tensor, uint64_t &bytes);
  template <typename Name>
  void checkName(const flatbuffers::String *name, const char *what, uint32_t index, Name &seen);
  /// A range that must lie inside an arena of the given role.
  bool checkPlace(const fb::Ref *ref, uint64_t bytes, fb::ArenaRole role, const std::string &owner,
                  const char *what);
  /// Reports ranges that overlap; `owners` runs parallel to `ranges`.
  void checkDisjoint(std::vector<const fb::Ref *> ranges, std::vector<std::string> owners);

  // Commands.
  void validateCommands(Scope &scope);
  void collectSignals(Scope &scope);
  void fire(Scope &scope, int64_t event, uint32_t index, const char *what);
  void checkWait(const Scope &scope, uint64_t event, const std::string &where);
  std::string where(const Scope &scope, uint32_t index);

  // Actions.
  void validateAction(Scope &scope, uint32_t index);
  void validateLaunch(const Scope &, uint32_t index, const fb::Launch &);
  void validateCall(const Scope &, uint32_t index, const fb::Call &);
  void validateArguments(const Scope &, const std::string &where, const std::string &callee,
                         const flatbuffers::Vector<const fb::Argument *> *arguments,
                         const flatbuffers::Vector<const fb::Buffer *> *takes);
  void validateExchange(const Scope &, uint32_t index, const fb::Exchange &);
  void validateCollective(const Scope &, uint32_t index, const fb::Collective &);
  void validateParts(const std::string &where, const fb::Collective &, uint64_t members,
                     bool inPlace);
  void validateRun(const Scope &, uint32_t index, const fb::Run &);
  /// True if `ref` is there and lies inside its arena or operand.
  /// `alignment`: of which its address must be a multiple.
  bool checkRef(const Scope &, const std::string &where, const fb::Ref *ref,
                const std::string &what, bool write, uint64_t alignment = 1);
  /// Refuses a destination of another type.
  bool checkSameType(const std::string &where, const fb::Ref &from, const fb::Ref &to);
  /// Refuses overlaps between uses of which at least one writes.
  void checkAliases(const Scope &, const std::string &where, std::vector<Use> uses);

  /// Walks a vector of the file; every vector is first read by it. A file that lets
  /// many tables share one long vector would cost quadratic time, and FlatBuffers'
  /// verifier looks at the alignment of a vector's length, not of its elements; such
  /// files are refused, and their vectors read as empty.
  template <typename T> Items<T> walk(const flatbuffers::Vector<T> *vector) {
    uint64_t cost =
        uint64_t(count(vector)) * sizeof(typename flatbuffers::IndirectHelper<T>::return_type);
    bool aligned =
        !vector ||
        reinterpret_cast<uintptr_t>(vector->Data()) % alignof(std::remove_pointer_t<T>) == 0;
    if (exhausted || cost > budget || !aligned) {
      if (!exhausted)
        error("the file is damaged: its parts ", aligned ? "overlap" : "are not aligned");
      exhausted = true;
      return Items<T>(nullptr);
    }
    budget -= cost;
    return Items<T>(vector);
  }
  template <typename T> std::vector<T> read(const flatbuffers::Vector<T> *vector) {
    auto elements = walk(vector);
    return {elements.begin(), elements.end()};
  }

  template <typename... Parts> void error(const Parts &...parts) {
    diagnostics.error("rank ", program.coordinate(), ": ", parts...);
  }

  const fb::Program &program;
  uint64_t fileBytes;
  Diagnostics &diagnostics;
  uint64_t budget;
  bool exhausted = false;
  std::set<std::pair<uint32_t, uint32_t>> fetched;
};

/// True if offset + bytes stays at or below size, without overflow.
inline bool inside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

/// product *= factor; false on overflow.
inline bool multiply(uint64_t &product, uint64_t factor) {
  return !__builtin_mul_overflow(product, factor, &product);
}

template <typename E> bool inRange(E value, E last) {
  return static_cast<unsigned>(value) <= static_cast<unsigned>(last);
}

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_VALIDATOR_H
