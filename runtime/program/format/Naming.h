// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How programs are spoken of.
//
// Errors, listings and timeouts name the same command in the same words:
// "run #12 (F s1 m3)", "exchange #15 (send message 7 to rank 2)",
// "call #3 'h.1/MatMul'". Numbers count from 0 in the list that holds the
// command. Text from the file is quoted and escaped, as the file may be
// hostile.

#ifndef DPCRT_PROGRAM_FORMAT_NAMING_H
#define DPCRT_PROGRAM_FORMAT_NAMING_H

#include "program/format/Program.h"

#include <string>

namespace dpcrt {

/// `text` in single quotes, control characters and quotes escaped.
std::string quoted(std::string_view text);

/// `text` as it stands where it is an ordinary name, quoted otherwise.
std::string plainText(std::string_view text);

const char *roleName(fb::ArenaRole role);
const char *streamKindName(fb::StreamKind kind);
const char *collectiveName(fb::CollectiveKind kind);
const char *accessName(fb::Access access);

/// "1st", "2nd", "3rd", "11th", of a number that counts from 1.
std::string ordinal(uint64_t number);

/// "launch", "all-reduce", "exchange", …
const char *actionNoun(const fb::Command &command);

/// "send message 7 to rank 2", "receive message 7 from rank 1".
std::string transferName(const fb::Transfer &transfer);

/// "F s1 m3", "(F s1 m3 & B s2 m0)", "update"; the block's own name where its
/// kind is Other.
std::string taskName(const fb::Program &program, const fb::Run &run);
std::string taskName(const fb::Program &program, const fb::Block &block, int32_t microBatch = -1,
                     int32_t pairMicroBatch = -1);

/// "run #12 (F s1 m3)": command `index` of the program's order, or of `block`
/// where that is not null. `index` must be in range.
std::string commandName(const fb::Program &program, const fb::Block *block, uint32_t index);

/// "stash[1024..2048)" or, for an operand of `block`, "%x[0..64)".
std::string rangeName(const fb::Program &program, const fb::Block *block, const fb::Ref &ref);
std::string rangeName(const fb::Program &program, uint32_t arena, uint64_t begin, uint64_t end);

/// "comm": the stream's name; "stream 3" if it has none.
std::string streamName(const fb::Program &program, uint32_t stream);

/// "s1.forward": a block's name.
std::string blockName(const fb::Program &program, const fb::Block &block);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_NAMING_H
