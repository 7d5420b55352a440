// How kernels become device functions, form by form: the table that launches them, and what
// matters of their code.
// RUN: dpc-cuda-test %s --no-cubin | FileCheck %s --check-prefix=TABLE
// RUN: dpc-cuda-test %s --no-cubin --print=ptx | FileCheck %s --check-prefix=PTX
// RUN: dpc-cuda-test %s --no-cubin --print=ptx --arch=sm_80 --arch=sm_90 --arch=sm_100 | FileCheck %s --check-prefix=ALL
// RUN: dpc-cuda-test %s --no-cubin --quiet --print=llvm | FileCheck %s --check-prefix=LLVM
// RUN: not dpc-cuda-test %s --arch=sm_20 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Each architecture has the least version of PTX that knows it, from 8.0 on. Nothing is
// called, and nothing is left to link.
// ALL-NOT: {{\.extern|call}}
// ALL: .version 8.0
// ALL-NEXT: .target sm_80
// ALL-NOT: {{\.extern|call}}
// ALL: .version 8.0
// ALL-NEXT: .target sm_90
// ALL-NOT: {{\.extern|call}}
// ALL: .version 8.6
// ALL-NEXT: .target sm_100
// ALL-NOT: {{\.extern|call}}

// LLVM: target triple = "nvptx64-nvidia-cuda"
// LLVM: define ptx_kernel void @k_flat(

// UNKNOWN: error: there is no architecture 'sm_20'; there are sm_80, sm_86,

// A thread has 16 bytes; a product and a sum stay two roundings.
// TABLE: k_flat: grid 4, block 256, shared 0, flat: a thread per 16 bytes
// PTX-LABEL: .entry k_flat(
// PTX: .param .u64 .ptr .align 64 k_flat_param_2
// PTX: .maxntid 256, 1, 1
// PTX-COUNT-2: ld.global.nc.v4.b32
// PTX-NOT: fma
// PTX: mul.rn.f32
// PTX: add.rn.f32
// PTX: st.global.v4.b32
// PTX-NOT: ld.global
// PTX: ret;
func.func private @k_flat(%x: tensor<4096xf32>, %y: tensor<4096xf32>) -> tensor<4096xf32> attributes {dualpipe.kernel} {
  %p = nn.mul %x, %y : tensor<4096xf32>
  %s = nn.add %p, %x : tensor<4096xf32>
  return %s : tensor<4096xf32>
}

// What is left of the last vector is done by single elements. The hardware rounds.
// TABLE: k_tail: grid 3, block 256, shared 0, flat: a thread per 16 bytes
// PTX-LABEL: .entry k_tail(
// PTX: ld.global.nc.v4.b32
// PTX-NOT: shl.b32 {{.*}}, 16
// PTX: st.global.v4.b32
// PTX: ld.global.nc.b16
// PTX: st.global.b16
func.func private @k_tail(%x: tensor<4099xbf16>) -> tensor<4099xbf16> attributes {dualpipe.kernel} {
  %s = nn.add %x, %x : tensor<4099xbf16>
  return %s : tensor<4099xbf16>
}

// Two integers of 64 bits are 16 bytes; a boolean is a byte.
// TABLE: k_bool: grid 1, block 256, shared 0, flat: a thread per 16 bytes
// PTX-LABEL: .entry k_bool(
// PTX: ld.global.nc.v2.b64
// PTX: st.global.v2.b8
func.func private @k_bool(%x: tensor<512xi64>, %y: tensor<512xi64>) -> tensor<512xi1> attributes {dualpipe.kernel} {
  %c = nn.compare lt, %x, %y : tensor<512xi64>
  return %c : tensor<512xi1>
}

// Short rows share a warp, which adds by shuffles, as many as the threads with elements need;
// one thread of a row writes.
// TABLE: k_warp: grid 1, block 128, shared 0, rows: 16 threads per row
// PTX-LABEL: .entry k_warp(
// PTX: ld.global.nc.v4.b32
// PTX-COUNT-3: shfl.sync.bfly.b32
// PTX-NOT: bar.sync
// PTX-NOT: shfl
// PTX: st.global.b32
func.func private @k_warp(%x: tensor<6x32xf32>, %y: tensor<6x32xf32>) -> tensor<6xf32> attributes {dualpipe.kernel} {
  %p = nn.mul %x, %y : tensor<6x32xf32>
  %s = nn.reduce_sum %p [1] : tensor<6x32xf32> to tensor<6xf32>
  return %s : tensor<6xf32>
}

// A block adds by shuffles and then through shared memory, with a barrier for each
// reduction. The exponentials are kept in shared memory; they are read where they were
// written, without a barrier.
// TABLE: k_block: grid 6, block 256, shared 8256, rows: a block per row, values kept
// PTX-LABEL: .entry k_block(
// PTX: .maxntid 256, 1, 1
// PTX: ld.global.nc.v4.b32
// PTX-COUNT-5: shfl.sync.bfly.b32
// PTX: st.shared.b32
// PTX: bar.sync 0;
// PTX: ld.shared.v4.b32
// PTX: st.shared.v4.b32
// PTX-COUNT-5: shfl.sync.bfly.b32
// PTX: bar.sync 0;
// PTX: ld.shared.v4.b32
// PTX: ld.shared.v4.b32
// PTX: st.global.v4.b32
// PTX-NOT: bar.sync
// PTX: ret;
func.func private @k_block(%x: tensor<6x2048xf32>) -> tensor<6x2048xf32> attributes {dualpipe.kernel} {
  %p = nn.softmax %x : tensor<6x2048xf32>
  return %p : tensor<6x2048xf32>
}

// More than 40 KB are not kept but computed again.
// TABLE: k_again: grid 6, block 512, shared 128, rows: a block per row{{$}}
func.func private @k_again(%x: tensor<6x10304xf32>) -> tensor<6x10304xf32> attributes {dualpipe.kernel} {
  %p = nn.softmax %x : tensor<6x10304xf32>
  return %p : tensor<6x10304xf32>
}

// Few long rows are added in two functions, by way of the scratch.
// TABLE: k_long: 2 buffers, scratch 2048
// TABLE: k_long: grid 256, block 256, shared 32, rows: a block per piece of a row
// TABLE: k_long__1: grid 2, block 32, shared 0, rows: a warp adds a row's pieces
// PTX-LABEL: .entry k_long(
// PTX: .param .u64 .ptr .align 256 k_long_param_2
// PTX: ld.global.nc.v4.b32
// PTX: bar.sync
// PTX-LABEL: .entry k_long__1(
// PTX-NOT: bar.sync
// PTX: shfl.sync.bfly.b32
func.func private @k_long(%x: tensor<2x1048576xf32>) -> tensor<2xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %x [1] : tensor<2x1048576xf32> to tensor<2xf32>
  return %s : tensor<2xf32>
}

// A block is 32 columns by 16 groups of rows; all see the groups' sums behind a barrier.
// TABLE: k_columns: grid 2, block 512, shared 2048, columns: 32 columns by 16 groups of rows
// PTX-LABEL: .entry k_columns(
// PTX: .maxntid 512, 1, 1
// PTX: st.shared.b32
// PTX: bar.sync
// PTX: ld.shared.b32
// PTX: st.global.b32
func.func private @k_columns(%x: tensor<64x40xf32>) -> tensor<40xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %x [0] : tensor<64x40xf32> to tensor<40xf32>
  return %s : tensor<40xf32>
}

// Tall columns, of which there are few, are added in two functions too.
// TABLE: k_tall: 2 buffers, scratch 10240
// TABLE: k_tall: grid 64, block 512, shared 2048, columns: a block per piece of 32 columns
// TABLE: k_tall__1: grid 2, block 512, shared 2048, columns: adds the pieces
// PTX-LABEL: .entry k_tall(
// PTX: bar.sync
// PTX-LABEL: .entry k_tall__1(
// PTX: bar.sync
func.func private @k_tall(%x: tensor<8192x40xf32>) -> tensor<40xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %x [0] : tensor<8192x40xf32> to tensor<40xf32>
  return %s : tensor<40xf32>
}

// A transpose reads along the one dimension and writes along the other, by way of shared
// memory.
// TABLE: k_transpose: grid 8, block 256, shared 4224, moves: a block per tile of 32 by 32
// PTX-LABEL: .entry k_transpose(
// PTX: ld.global.nc.b32
// PTX: st.shared.b32
// PTX: bar.sync
// PTX: ld.shared.b32
// PTX: st.global.b32
func.func private @k_transpose(%x: tensor<100x40xf32>, %y: tensor<40x100xf32>) -> tensor<40x100xf32> attributes {dualpipe.kernel} {
  %t = nn.transpose %x [1, 0] : tensor<100x40xf32> to tensor<40x100xf32>
  %s = nn.mul %t, %y : tensor<40x100xf32>
  return %s : tensor<40x100xf32>
}

// Many sums are added up eight at a time, in the same shared memory.
// TABLE: k_many: grid 2, block 512, shared 16384, columns: 32 columns by 16 groups of rows
// PTX-LABEL: .entry k_many(
// PTX-COUNT-7: bar.sync
// PTX-NOT: bar.sync
// PTX: ret;
func.func private @k_many(%x0: tensor<64x40xf32>, %x1: tensor<64x40xf32>, %x2: tensor<64x40xf32>, %x3: tensor<64x40xf32>, %x4: tensor<64x40xf32>, %x5: tensor<64x40xf32>, %x6: tensor<64x40xf32>, %x7: tensor<64x40xf32>, %x8: tensor<64x40xf32>, %x9: tensor<64x40xf32>, %x10: tensor<64x40xf32>, %x11: tensor<64x40xf32>, %x12: tensor<64x40xf32>, %x13: tensor<64x40xf32>, %x14: tensor<64x40xf32>, %x15: tensor<64x40xf32>, %x16: tensor<64x40xf32>, %x17: tensor<64x40xf32>, %x18: tensor<64x40xf32>, %x19: tensor<64x40xf32>, %x20: tensor<64x40xf32>, %x21: tensor<64x40xf32>, %x22: tensor<64x40xf32>, %x23: tensor<64x40xf32>, %x24: tensor<64x40xf32>) -> (tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>) attributes {dualpipe.kernel} {
  %s0 = nn.reduce_sum %x0 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s1 = nn.reduce_sum %x1 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s2 = nn.reduce_sum %x2 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s3 = nn.reduce_sum %x3 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s4 = nn.reduce_sum %x4 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s5 = nn.reduce_sum %x5 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s6 = nn.reduce_sum %x6 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s7 = nn.reduce_sum %x7 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s8 = nn.reduce_sum %x8 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s9 = nn.reduce_sum %x9 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s10 = nn.reduce_sum %x10 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s11 = nn.reduce_sum %x11 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s12 = nn.reduce_sum %x12 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s13 = nn.reduce_sum %x13 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s14 = nn.reduce_sum %x14 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s15 = nn.reduce_sum %x15 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s16 = nn.reduce_sum %x16 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s17 = nn.reduce_sum %x17 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s18 = nn.reduce_sum %x18 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s19 = nn.reduce_sum %x19 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s20 = nn.reduce_sum %x20 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s21 = nn.reduce_sum %x21 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s22 = nn.reduce_sum %x22 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s23 = nn.reduce_sum %x23 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s24 = nn.reduce_sum %x24 [0] : tensor<64x40xf32> to tensor<40xf32>
  return %s0, %s1, %s2, %s3, %s4, %s5, %s6, %s7, %s8, %s9, %s10, %s11, %s12, %s13, %s14, %s15, %s16, %s17, %s18, %s19, %s20, %s21, %s22, %s23, %s24 : tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>
}
