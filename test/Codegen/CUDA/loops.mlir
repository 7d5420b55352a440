// Operations with loops of their own: what deals them to threads, and that nothing is atomic.
// RUN: dpc-cuda-test %s --no-cubin --print=ptx | FileCheck %s

// CHECK-DAG: k_scatter: grid 3, block 128, shared 0, scatter: a warp per row of the table
// CHECK-DAG: k_scatter_wide: grid 20, block 128, shared 0, scatter: a warp per row of the table
// CHECK-DAG: k_scatter_nd: grid 6, block 128, shared 0, scatter: a warp per row of the table
// CHECK-DAG: k_scatter_elements: grid 1, block 128, shared 0, scatter: a thread per element of the table
// CHECK-DAG: k_sums: grid 9, block 128, shared 0, running sums: a warp per line
// CHECK-DAG: k_sums_beside: grid 1, block 128, shared 0, loops: a thread per point
// CHECK-DAG: k_top: grid 1, block 128, shared 0, top_k: a warp per line
// CHECK-NOT: {{atom|red\.}}

// 32 indices at a time: a bit for each that names the row, then all bits in all threads.
// CHECK-LABEL: .entry k_scatter(
// CHECK-NOT: {{atom|red\.}}
// CHECK: ld.global.nc.b64
// CHECK-COUNT-5: shfl.sync.bfly.b32
// CHECK: ld.global.nc.v4.b32
// CHECK: st.global.v4.b32
func.func private @k_scatter(%i: tensor<33xi64>, %u: tensor<33x64xf32>) -> tensor<10x64xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_add %i, %u axis 0 : tensor<33xi64>, tensor<33x64xf32> to tensor<10x64xf32>
  return %1 : tensor<10x64xf32>
}

// A row of more than 512 elements is several warps'; 16-bit floats are added in f32.
// CHECK-LABEL: .entry k_scatter_wide(
// CHECK-NOT: {{atom|red\.}}
// CHECK: add.rn.f32
// CHECK: cvt.rn.bf16x2.f32
func.func private @k_scatter_wide(%i: tensor<100xi64>, %u: tensor<100x2048xbf16>) -> tensor<40x2048xbf16> attributes {dualpipe.kernel} {
  %1 = nn.scatter_add %i, %u axis 0 : tensor<100xi64>, tensor<100x2048xbf16> to tensor<40x2048xbf16>
  return %1 : tensor<40x2048xbf16>
}

// CHECK-LABEL: .entry k_scatter_nd(
// CHECK-NOT: {{atom|red\.}}
// CHECK: st.global
func.func private @k_scatter_nd(%i: tensor<4x2x1xi64>, %u: tensor<4x2xf32>) -> tensor<4x6xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_nd_add %i, %u {batch_dims = 1 : i64} : tensor<4x2x1xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// CHECK-LABEL: .entry k_scatter_elements(
// CHECK-NOT: {{atom|red\.}}
// CHECK: st.global.b32
func.func private @k_scatter_elements(%i: tensor<4x2xi64>, %u: tensor<4x2xf32>) -> tensor<4x6xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_elements_add %i, %u axis 1 : tensor<4x2xi64>, tensor<4x2xf32> to tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// Sums of 64 bits go through shuffles in halves.
// CHECK-LABEL: .entry k_sums(
// CHECK-COUNT-10: shfl.sync.bfly.b32
// CHECK: st.global.b64
func.func private @k_sums(%u: tensor<33x64xi64>) -> tensor<33x64xi64> attributes {dualpipe.kernel} {
  %1 = nn.cumsum %u, 1 : tensor<33x64xi64>
  return %1 : tensor<33x64xi64>
}

// CHECK-LABEL: .entry k_sums_beside(
// CHECK-NOT: shfl
func.func private @k_sums_beside(%u: tensor<33x64xf32>) -> tensor<33x64xf32> attributes {dualpipe.kernel} {
  %1 = nn.cumsum %u, 0 exclusive reverse : tensor<33x64xf32>
  return %1 : tensor<33x64xf32>
}

// CHECK-LABEL: .entry k_top(
// CHECK: shfl.sync.bfly.b32
// CHECK: st.global.b32
func.func private @k_top(%t: tensor<4x600xf32>) -> (tensor<4x2xf32>, tensor<4x2xi64>) attributes {dualpipe.kernel} {
  %7:2 = nn.top_k %t, 2 : tensor<4x600xf32> to tensor<4x2xf32>, tensor<4x2xi64>
  return %7#0, %7#1 : tensor<4x2xf32>, tensor<4x2xi64>
}
