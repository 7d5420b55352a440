// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small legal programs to break.
//
// Tests start from programs that are right and change one thing. `pipeline`
// makes the programs of a small pipeline that has one of everything: stash and
// message slots that are used again, exchanges of one and of two messages, a
// block on two streams with an all-to-all between two expert ranks, a gradient
// that is reduced and an update. Programs are FlatBuffers' mutable objects, so
// that a test can change any field; `load` and `check` take the same way into
// the library as a file.

#ifndef DPC_TEST_UNIT_PROGRAM_BUILDER_H
#define DPC_TEST_UNIT_PROGRAM_BUILDER_H

#include "program/check/Check.h"
#include "program/format/Reader.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dpcrt::test {

using ProgramPtr = std::unique_ptr<fb::ProgramT>;
using Programs = std::vector<ProgramPtr>;

/// Every buffer of the test programs is one 4 x 4 matrix of floats.
inline constexpr uint64_t kSlot = 64;
inline constexpr uint8_t kF32 = uint8_t(Element::F32);

enum Stream : uint16_t { Compute, Comm, Reduce, NumStreams };
enum Arena : uint32_t {
  Weights,
  Gradients,
  Stash,    ///< slot m: what is kept of micro-batch m
  Work,     ///< three slots of workspace
  Messages, ///< slots 0-1 x, 2-3 y, 4-5 gy, 6-7 gx, 8-9 swapped statistics
  Record,
  Constants,
  NumArenas
};
enum Kernel : uint32_t { Add, Keep, GradX, GradW, Update, NumKernels };
enum BlockId : uint32_t { ForwardBlock, BackwardBlock, UpdateBlock };

/// Adds commands to one program.
class Rank {
public:
  explicit Rank(fb::ProgramT &program) : program(program) {}

  uint32_t string(const std::string &text);
  uint32_t event() { return program.events++; }
  template <typename Action>
  fb::CommandT &add(uint16_t stream, const std::string &label, Action action,
                    std::vector<uint32_t> waits = {}, int32_t signal = -1) {
    program.order.push_back(make(stream, label, std::move(action), std::move(waits), signal));
    return *program.order.back();
  }
  template <typename Action>
  std::unique_ptr<fb::CommandT> make(uint16_t stream, const std::string &label, Action action,
                                     std::vector<uint32_t> waits = {}, int32_t signal = -1) {
    auto command = std::make_unique<fb::CommandT>();
    command->stream = stream;
    command->label = string(label);
    command->waits = std::move(waits);
    command->signal = signal;
    command->action.Set(std::move(action));
    return command;
  }

  fb::ProgramT &program;
};

fb::Ref arena(uint32_t index, uint64_t slot, uint64_t bytes = kSlot);
fb::Ref operand(uint32_t index, uint64_t bytes = kSlot);
std::unique_ptr<fb::Ref> own(fb::Ref ref);
/// The same bytes as elements of another type.
void retype(fb::Ref &ref, Element type);
void retype(fb::Buffer &buffer, Element type);
void resize(fb::Ref &ref, uint64_t bytes);
void resize(fb::Buffer &buffer, uint64_t bytes);
fb::Argument in(fb::Ref ref);
fb::Argument out(fb::Ref ref);
fb::Argument inout(fb::Ref ref);
fb::LaunchT launch(uint32_t kernel, std::vector<fb::Argument> arguments);
fb::FillT fill(fb::Ref dst);
fb::CopyT copy(fb::Ref src, fb::Ref dst);
fb::CollectiveT collective(fb::CollectiveKind kind, uint32_t group, fb::Ref src, fb::Ref dst);
std::unique_ptr<fb::TransferT> send(uint32_t peer, uint32_t message, fb::Ref ref,
                                    std::vector<uint32_t> after = {}, int32_t signal = -1);
std::unique_ptr<fb::TransferT> receive(uint32_t peer, uint32_t message, fb::Ref ref,
                                       std::vector<uint32_t> after = {}, int32_t signal = -1);
template <typename... Transfers> fb::ExchangeT exchange(Transfers... transfers) {
  fb::ExchangeT result;
  (result.transfers.push_back(std::move(transfers)), ...);
  return result;
}

/// A program of rank `rank` of `ranks` with the streams, arenas and kernels
/// above and nothing to do. Two expert ranks share group 0, "experts"; all
/// pipeline ranks share group 1, "all".
ProgramPtr emptyProgram(uint32_t rank, uint32_t ranks, uint32_t microBatches);

/// `ranks` (even) stages in a row, all forward tasks and then all backward
/// tasks of `microBatches` (at least 3) micro-batches.
Programs pipeline(uint32_t ranks, uint32_t microBatches);

/// Elements of a parameter that is large enough to have moments in parts.
inline constexpr uint64_t kLarge = 10000;
/// Gives a program the parameter "large" of `elements` elements, with two moments, in
/// arenas of its own behind those it has; the last is that of the moments. `part`: the
/// elements that the moments cover, the whole if it is absent; without any element
/// there are no moments. Of another type than f32 it has a master.
fb::ParameterT &addLargeParameter(fb::ProgramT &program, std::optional<Extent> part = {},
                                  Element computed = Element::F32, uint64_t elements = kLarge);

std::vector<uint8_t> pack(const fb::ProgramT &program);
Programs clone(const Programs &programs);

/// The order's `n`-th command of a kind.
fb::CommandT &nth(fb::ProgramT &program, fb::Action kind, uint32_t n);
uint32_t indexOf(fb::ProgramT &program, fb::Action kind, uint32_t n);

/// Reads each program from its bytes and checks them all together; the first
/// error of either.
Status check(const Programs &programs, CheckReport *report = nullptr);

} // namespace dpcrt::test

#endif // DPC_TEST_UNIT_PROGRAM_BUILDER_H
