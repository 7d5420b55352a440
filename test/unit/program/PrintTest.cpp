// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs as people read them.

#include "Builder.h"

#include "program/format/LibraryFunctions.h"
#include "program/format/Naming.h"
#include "program/format/Print.h"

#include <gtest/gtest.h>

using namespace dpcrt;
using namespace dpcrt::test;

static std::string print(const fb::ProgramT &program, const PrintOptions &options = {}) {
  Result<ProgramFile> file = readProgram(pack(program), "a.prog");
  EXPECT_TRUE(file.ok()) << file.status().message();
  return file.ok() ? printProgram(file->program(), options) : "";
}

TEST(Print, Summary) {
  EXPECT_EQ(print(*pipeline(2, 3)[1], PrintOptions::summary()),
            R"(program 'train_step' of rank 1, format 7.2
mesh pp=2 mirror=1 dp=1 ep=2 tp=1, 3 micro-batches, optimizer sgd
streams compute (compute), comm (communication), reduce (reduce)
arenas
  weights: weights, 64 B
  gradients: gradients, 64 B
  stash: stash, 192 B
  work: workspace, 192 B
  messages: messages, 640 B
  record: step record, 128 B
  constants: constants, 64 B
3 blocks, 5 kernels, 1 library call, 1 parameter
20 commands in a step: 1 all-reduce, 1 copy, 7 exchange, 1 fetch, 2 fill, 1 join, 7 run
8 messages sent or received, 512 B
block s1.forward: F s1, 2 streams, 5 commands
block s1.backward: B s1, 1 stream, 2 commands
block update: update, 1 stream, 1 command
)");
}

TEST(Print, OneBlock) {
  EXPECT_EQ(print(*pipeline(2, 3)[1], PrintOptions::oneBlock("s1.forward")),
            R"(block s1.forward: F s1, 2 streams, 5 commands
  operand 0 %x: read 64 B of f32, ready at e0
  operand 1 %w: read 64 B of f32, ready at e1
  operand 2 %y: write 64 B of f32, ready at e2
  operand 3 %kept: write 64 B of f32, ready at e3
  result 0 %y: at e6
  #0 stream 0 after e0 e1: call matmul 0(%x, %w, work[0..64) out) -> e4  'matmul'
  #1 stream 1 after e4: all-to-all f32 work[0..64) to work[64..128) among experts.1 -> e5  'dispatch'
  #2 stream 0: launch k_keep(%w, work[128..192) out)  'scale'
  #3 stream 0 after e5 e2: launch k_add(work[64..128), work[128..192), %y out) -> e6  'residual'
  #4 stream 0: launch k_keep(work[64..128), %kept out)  'keep'
)");
  EXPECT_EQ(print(*pipeline(2, 3)[1], PrintOptions::oneBlock("s7.forward")), "");
}

TEST(Print, Whole) {
  std::string whole = print(*pipeline(2, 3)[1]);
  EXPECT_EQ(whole, print(*pipeline(2, 3)[1]));
  // The summary and the block are parts of it.
  EXPECT_NE(whole.find(print(*pipeline(2, 3)[1], PrintOptions::oneBlock("s1.forward"))),
            std::string::npos);
  std::string order = whole.substr(whole.find("order\n"));
  EXPECT_EQ(order, R"(order
  #0 compute: fill gradients[0..64) with 0x00000000  'zero gradients'
  #1 comm: exchange receive f32 messages[0..64) from 0 as message 0 -> e0  'x m0'
  #2 compute+reduce: run F s1 m0 = s1.forward(x=messages[0..64) after e0, w=weights[0..64), y=messages[128..192), kept=stash[0..64)) -> done e1
  #3 comm: exchange receive f32 messages[64..128) from 0 as message 1 -> e2  'x m1'
  #4 compute+reduce: run F s1 m1 = s1.forward(x=messages[64..128) after e2, w=weights[0..64), y=messages[192..256), kept=stash[64..128))
  #5 comm: exchange receive f32 messages[0..64) from 0 as message 2 after e1 -> e3  'x m2'
  #6 compute+reduce: run F s1 m2 = s1.forward(x=messages[0..64) after e3, w=weights[0..64), y=messages[128..192), kept=stash[128..192))
  #7 compute: run B s1 m0 = s1.backward(gy=weights[0..64), kept=stash[0..64), w=weights[0..64), gx=messages[384..448), gw=gradients[0..64)) -> gx e4
  #8 comm: exchange send f32 messages[384..448) to 0 as message 9 after e4 -> e5  'gx m0'
  #9 compute: run B s1 m1 = s1.backward(gy=weights[0..64), kept=stash[64..128), w=weights[0..64), gx=messages[448..512), gw=gradients[0..64)) -> gx e6
  #10 comm: exchange send f32 messages[448..512) to 0 as message 10 after e6  'gx m1'
  #11 compute: run B s1 m2 = s1.backward(gy=weights[0..64), kept=stash[128..192), w=weights[0..64), gx=messages[384..448) after e5, gw=gradients[0..64)) -> gx e7 -> done e8
  #12 comm: exchange send f32 messages[384..448) to 0 as message 11 after e7  'gx m2'
  #13 compute: fill messages[512..576) with 0x00000000 -> e9  'statistics'
  #14 comm: exchange send f32 messages[512..576) to 0 as message 15 after e9; receive f32 messages[576..640) from 0 as message 12 -> e10  'swap'
  #15 reduce after e8: all-reduce f32 gradients[0..64) to gradients[0..64) among all -> e11  'bucket 0'
  #16 compute: run update = update(w=weights[0..64), g=gradients[0..64) after e11) -> done e12
  #17 comm: fetch 'end of rank 1' m0 from messages[576..640) -> e13  'loss'
  #18 compute after e10: copy messages[576..640) to messages[512..576)  'again'
  #19 compute after e13: join
)");
  std::string tables = whole.substr(whole.find("inputs "));
  tables = tables.substr(0, tables.find("block "));
  EXPECT_EQ(tables, R"(inputs x 4x4xf32
outputs 'end of rank 1' 4x4xf32
groups
  experts.1: ranks 1, all of ep
  all: ranks 0 1
kernels
  k_add(read 64 f32, read 64 f32, write 64 f32), 0 flops, 0 bytes
  k_keep(read 64 f32, write 64 f32), 0 flops, 0 bytes
  k_gradx(read 64 f32, read 64 f32, write 64 f32), 0 flops, 0 bytes
  k_gradw(read 64 f32, read 64 f32, read-write 64 f32), 0 flops, 0 bytes
  k_update(read-write 64 f32, read 64 f32, read 64 f32), 0 flops, 0 bytes
library calls
  0: matmul(read 64 f32, read 64 f32, write 64 f32) 4x4x4 strides (4 1) (4 1) (4 1) blocks of 4x4
parameters
  h.1.weight 4x4xf32 at weights[0..64), gradient gradients[0..64), counted in norms
constants
  mask at constants[0..64) from file offset 0
)");
}

TEST(Print, MomentsOfAPart) {
  Programs programs = pipeline(2, 3);
  addLargeParameter(*programs[0], Extent{4096, 4096});
  std::string text = print(*programs[0]);
  EXPECT_NE(
      text.find(
          "  large 10000xf32 at 'large 7'[0..40000), gradient 'large 8'[0..40000), counted in "
          "norms\n    elements [4096..8192), exp_avg 'large 10'[0..16384), exp_avg_sq 'large "
          "10'[16384..32768)\n"),
      std::string::npos)
      << text;
  addLargeParameter(*programs[1]);
  text = print(*programs[1]);
  EXPECT_NE(text.find("exp_avg_sq 'large 10'[40000..80000)\n"), std::string::npos) << text;
}

TEST(Print, PairsAndHostileNames) {
  Programs programs = pipeline(2, 3);
  fb::BlockT &block = *programs[0]->blocks[ForwardBlock];
  block.kind = fb::TaskKind::Pair;
  block.stage = 1;
  block.pair_stage = 2;
  fb::CommandT &run = nth(*programs[0], fb::Action::Run, 0);
  run.action.AsRun()->micro_batch = 2;
  run.action.AsRun()->pair_micro_batch = 0;
  programs[0]->arenas[Stash]->name = "st\033[31mash";
  std::string whole = print(*programs[0]);
  EXPECT_NE(whole.find("run (F s1 m2 & B s2 m0) = s0.forward"), std::string::npos);
  EXPECT_EQ(whole.find('\033'), std::string::npos);
}

TEST(Print, Words) {
  EXPECT_EQ(bytesInWords(1023), "1023 B");
  EXPECT_EQ(bytesInWords(1536), "1.5 KiB");
  EXPECT_EQ(bytesInWords(uint64_t(3) << 30), "3.0 GiB");
  EXPECT_EQ(ordinal(1), "1st");
  EXPECT_EQ(ordinal(12), "12th");
  EXPECT_EQ(ordinal(103), "103rd");
  EXPECT_EQ(quoted("a'b\n"), "'a\\'b\\x0a'");
}

// Every number of a window, for these are what a convolution is told apart by.
TEST(Print, Convolution) {
  Programs programs = pipeline(2, 3);
  fb::ConvolutionT convolution;
  convolution.batch = 2;
  convolution.groups = 1;
  convolution.input_channels = convolution.output_channels = 1;
  convolution.input = {4, 2};
  convolution.kernel = {3, 2};
  convolution.strides = {2, 1};
  convolution.dilations = {1, 2};
  convolution.low = {1, 0};
  convolution.high = {2, 1};
  fb::LibraryCallT &call = *programs[1]->library[0];
  call.function.Set(std::move(convolution));
  call.operands[1] = fb::Buffer(24, kF32, fb::Access::Read);
  call.operands[2] = fb::Buffer(24, kF32, fb::Access::Write);
  std::ostringstream out;
  std::vector<uint8_t> bytes = pack(*programs[1]);
  const fb::LibraryCall &packed = *fb::GetProgram(bytes.data())->library()->Get(0);
  convolutionFunction().print(out, packed);
  EXPECT_EQ(out.str(),
            "forward, 2x1x4x2 to 1 channels, kernel 3x2 strides 2x1 dilations 1x2 padding "
            "1x0 and 2x1 groups 1");
}
