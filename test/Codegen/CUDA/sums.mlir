// Sums of several sources, which the runtime asks for: each thread adds the sources of an
// element in their order, and what it reads it reads before it writes, since the destination
// may be a source. Nothing is atomic. Without ptxas' report nothing but its text is needed.
// RUN: dpc-cuda-test %s --no-cubin --sum=f32:4 --sum=f64:2 --sum=bf16:3 --sum=f16:3 --sum=i32:2 --sum=i64:2 --print=ptx | FileCheck %s
// RUN: dpc-cuda-test %s --no-cubin --quiet --sum=f32:510 --arch=sm_100 | FileCheck %s --check-prefix=MOST
// RUN: not dpc-cuda-test %s --sum=f32:511 2>&1 | FileCheck %s --check-prefix=USAGE
// RUN: not dpc-cuda-test %s --sum=u8:2 2>&1 | FileCheck %s --check-prefix=USAGE

// CHECK: sum_f32_4: grid 2048, block 256, shared 0, sum: threads stride by the grid
// CHECK-NOT: {{atom|red[.]|ld.global.nc}}

// The first loop has 16 bytes of each, the second single elements.
// CHECK-LABEL: .entry sum_f32_4(
// CHECK: .maxntid 256, 1, 1
// CHECK: and.b64 {{.*}}, 15;
// CHECK-COUNT-2: ld.global.v4.b32
// CHECK: ld.global.v4.b32
// CHECK: ld.global.v4.b32
// CHECK: st.global.v4.b32
// CHECK: ld.global.b32 [[A:%r[0-9]+]], [
// CHECK: ld.global.b32 [[B:%r[0-9]+]], [
// CHECK: add.rn.f32 [[AB:%r[0-9]+]], [[A]], [[B]];
// CHECK: ld.global.b32 [[C:%r[0-9]+]], [
// CHECK: add.rn.f32 [[ABC:%r[0-9]+]], [[AB]], [[C]];
// CHECK: ld.global.b32 [[D:%r[0-9]+]], [
// CHECK: add.rn.f32 [[SUM:%r[0-9]+]], [[ABC]], [[D]];
// CHECK: st.global.b32 [{{.*}}], [[SUM]];
// CHECK: ret;

// CHECK-LABEL: .entry sum_f64_2(
// CHECK: ld.global.v2.b64
// CHECK: add.rn.f64
// CHECK: st.global.v2.b64

// Added in f32, rounded once.
// CHECK-LABEL: .entry sum_bf16_3(
// CHECK: ld.global.v4.b32
// CHECK: st.global.v4.b32
// CHECK: ld.global.b16
// CHECK: add.rn.f32
// CHECK-NOT: cvt.rn.bf16
// CHECK: add.rn.f32
// CHECK-NEXT: cvt.rn.bf16.f32
// CHECK: st.global.b16

// CHECK-LABEL: .entry sum_f16_3(
// CHECK: add.rn.f32
// CHECK: cvt.rn.f16

// CHECK-LABEL: .entry sum_i32_2(
// CHECK: add.s32
// CHECK-LABEL: .entry sum_i64_2(
// CHECK: ld.global.v2.b64
// CHECK: add.s64

// Many are walked by their addresses: fewer loads are in the code than there are sources.
// RUN: dpc-cuda-test %s --no-cubin --quiet --sum=f64:100 --print=ptx | FileCheck %s --check-prefix=MANY
// RUN: dpc-cuda-test %s --no-cubin --quiet --sum=f64:100 --print=ptx | grep -c ld.global.v2.b64 | FileCheck %s --check-prefix=LOADS
// MANY-LABEL: .entry sum_f64_100(
// MANY: st.shared
// MANY: bar.sync 0;
// MANY: ld.shared
// MANY: ret;
// LOADS: {{^[1-4]?[0-9]$}}

// MOST: 0 kernels, 1 device functions
// USAGE: usage: dpc-cuda-test
