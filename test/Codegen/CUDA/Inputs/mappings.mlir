// A kernel for each way in which work is dealt to threads, of sizes that leave a rest.
func.func private @k_long_rows(%arg0: tensor<2x1048576xf32>) -> tensor<2xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %arg0 [1] : tensor<2x1048576xf32> to tensor<2xf32>
  return %s : tensor<2xf32>
}
func.func private @k_tall_columns(%arg0: tensor<8192x40xf32>) -> tensor<40xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %arg0 [0] : tensor<8192x40xf32> to tensor<40xf32>
  return %s : tensor<40xf32>
}
func.func private @k_tall_columns_f64(%arg0: tensor<3x4000x40xf64>) -> tensor<3x40xf64> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %arg0 [1] : tensor<3x4000x40xf64> to tensor<3x40xf64>
  return %s : tensor<3x40xf64>
}
func.func private @k_warp_rows_f64(%arg0: tensor<7x12x130xf64>) -> tensor<7x12xf64> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %arg0 [2] : tensor<7x12x130xf64> to tensor<7x12xf64>
  return %s : tensor<7x12xf64>
}
func.func private @k_long_softmax(%arg0: tensor<12x20000xf32>) -> tensor<12x20000xf32> attributes {dualpipe.kernel} {
  %s = nn.softmax %arg0 : tensor<12x20000xf32>
  return %s : tensor<12x20000xf32>
}
func.func private @k_odd_log_softmax(%arg0: tensor<12x3001xf32>) -> tensor<12x3001xf32> attributes {dualpipe.kernel} {
  %s = nn.log_softmax %arg0 : tensor<12x3001xf32>
  return %s : tensor<12x3001xf32>
}
func.func private @k_long_rows_i64(%arg0: tensor<1x300001xi64>) -> tensor<1xi64> attributes {dualpipe.kernel} {
  %s = nn.reduce_sum %arg0 [1] : tensor<1x300001xi64> to tensor<1xi64>
  return %s : tensor<1xi64>
}
func.func private @k_long_maximum(%arg0: tensor<1x300001xf32>) -> tensor<1xf32> attributes {dualpipe.kernel} {
  %s = nn.reduce_max %arg0 [1] : tensor<1x300001xf32> to tensor<1xf32>
  return %s : tensor<1xf32>
}
func.func private @k_scatter_wide(%arg0: tensor<100xi64>, %arg1: tensor<100x1030xf32>) -> tensor<40x1030xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_add %arg0, %arg1 axis 0 : tensor<100xi64>, tensor<100x1030xf32> to tensor<40x1030xf32>
  return %1 : tensor<40x1030xf32>
}
func.func private @k_scatter_inner(%arg0: tensor<100xi64>, %arg1: tensor<3x100x70xf32>) -> tensor<3x40x70xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_add %arg0, %arg1 axis 1 : tensor<100xi64>, tensor<3x100x70xf32> to tensor<3x40x70xf32>
  return %1 : tensor<3x40x70xf32>
}
func.func private @k_scatter_nd(%arg0: tensor<4x20x1xi64>, %arg1: tensor<4x20x50xf32>) -> tensor<4x16x50xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_nd_add %arg0, %arg1 {batch_dims = 1 : i64} : tensor<4x20x1xi64>, tensor<4x20x50xf32> to tensor<4x16x50xf32>
  return %1 : tensor<4x16x50xf32>
}
func.func private @k_scatter_elements(%arg0: tensor<4x20xi64>, %arg1: tensor<4x20xf32>) -> tensor<5x60xf32> attributes {dualpipe.kernel} {
  %1 = nn.scatter_elements_add %arg0, %arg1 axis 1 : tensor<4x20xi64>, tensor<4x20xf32> to tensor<5x60xf32>
  return %1 : tensor<5x60xf32>
}
func.func private @k_sums_i64(%arg0: tensor<33x100xi64>) -> tensor<33x100xi64> attributes {dualpipe.kernel} {
  %1 = nn.cumsum %arg0, 1 : tensor<33x100xi64>
  return %1 : tensor<33x100xi64>
}
func.func private @k_sums_before_reversed(%arg0: tensor<33x100xf32>) -> tensor<33x100xf32> attributes {dualpipe.kernel} {
  %1 = nn.cumsum %arg0, 1 exclusive reverse : tensor<33x100xf32>
  return %1 : tensor<33x100xf32>
}
func.func private @k_sums_beside(%arg0: tensor<33x100xf32>) -> tensor<33x100xf32> attributes {dualpipe.kernel} {
  %1 = nn.cumsum %arg0, 0 reverse : tensor<33x100xf32>
  return %1 : tensor<33x100xf32>
}
func.func private @k_top(%arg0: tensor<5x600xf32>) -> (tensor<5x7xf32>, tensor<5x7xi64>) attributes {dualpipe.kernel} {
  %7:2 = nn.top_k %arg0, 7 : tensor<5x600xf32> to tensor<5x7xf32>, tensor<5x7xi64>
  return %7#0, %7#1 : tensor<5x7xf32>, tensor<5x7xi64>
}
func.func private @k_least_i64(%arg0: tensor<5x600xi64>) -> (tensor<5x7xi64>, tensor<5x7xi64>) attributes {dualpipe.kernel} {
  %7:2 = nn.top_k %arg0, 7 smallest : tensor<5x600xi64> to tensor<5x7xi64>, tensor<5x7xi64>
  return %7#0, %7#1 : tensor<5x7xi64>, tensor<5x7xi64>
}
func.func private @k_transpose(%arg0: tensor<100x33xf32>) -> tensor<33x100xf32> attributes {dualpipe.kernel} {
  %1 = nn.transpose %arg0 [1, 0] : tensor<100x33xf32> to tensor<33x100xf32>
  return %1 : tensor<33x100xf32>
}
func.func private @k_tail_bf16(%arg0: tensor<4099xbf16>, %arg1: tensor<4099xbf16>) -> tensor<4099xbf16> attributes {dualpipe.kernel} {
  %s = nn.mul %arg0, %arg1 : tensor<4099xbf16>
  %t = nn.add %s, %arg0 : tensor<4099xbf16>
  return %t : tensor<4099xbf16>
}
func.func private @k_compare(%arg0: tensor<4xi64>, %arg1: tensor<512xi64>) -> tensor<512xi1> attributes {dualpipe.kernel} {
  %c = nn.compare lt, %arg1, %arg1 : tensor<512xi64>
  return %c : tensor<512xi1>
}
func.func private @k_product_f64(%arg0: tensor<3x7x5xf64>, %arg1: tensor<3x5x6xf64>) -> tensor<3x7x6xf64> attributes {dualpipe.kernel} {
  %c = nn.matmul %arg0, %arg1 : tensor<3x7x5xf64>, tensor<3x5x6xf64> to tensor<3x7x6xf64>
  return %c : tensor<3x7x6xf64>
}
func.func private @k_layer_norm(%arg0: tensor<8x4x1030xf32>, %arg1: tensor<1030xf32>, %arg2: tensor<1030xf32>) -> (tensor<8x4x1030xf32>, tensor<8x4xf32>, tensor<8x4xf32>) attributes {dualpipe.kernel} {
  %4:3 = nn.layer_norm %arg0, %arg1, %arg2 epsilon 1.000000e-05 : tensor<8x4x1030xf32>, tensor<1030xf32>, tensor<1030xf32>
  return %4#0, %4#1, %4#2 : tensor<8x4x1030xf32>, tensor<8x4xf32>, tensor<8x4xf32>
}
func.func private @k_transpose_and_more(%arg0: tensor<100x33xf32>, %arg1: tensor<33x100xf32>) -> tensor<33x100xf32> attributes {dualpipe.kernel} {
  %1 = nn.transpose %arg0 [1, 0] : tensor<100x33xf32> to tensor<33x100xf32>
  %2 = nn.mul %1, %arg1 : tensor<33x100xf32>
  %3 = nn.add %2, %1 : tensor<33x100xf32>
  return %3 : tensor<33x100xf32>
}
func.func private @k_reverse_dimensions(%arg0: tensor<3x64x5x32xi1>) -> tensor<32x5x64x3xi1> attributes {dualpipe.kernel} {
  %1 = nn.transpose %arg0 [3, 2, 1, 0] : tensor<3x64x5x32xi1> to tensor<32x5x64x3xi1>
  return %1 : tensor<32x5x64x3xi1>
}
func.func private @k_transpose_booleans(%arg0: tensor<3x64x5x32xi1>) -> tensor<3x5x32x64xi1> attributes {dualpipe.kernel} {
  %1 = nn.transpose %arg0 [0, 2, 3, 1] : tensor<3x64x5x32xi1> to tensor<3x5x32x64xi1>
  return %1 : tensor<3x5x32x64xi1>
}
func.func private @k_two_transposes(%arg0: tensor<128x64xf32>, %arg1: tensor<128x64xf32>) -> tensor<64x128xf32> attributes {dualpipe.kernel} {
  %0 = nn.exp %arg0 : tensor<128x64xf32>
  %1 = nn.transpose %0 [1, 0] : tensor<128x64xf32> to tensor<64x128xf32>
  %2 = nn.transpose %arg1 [1, 0] : tensor<128x64xf32> to tensor<64x128xf32>
  %3 = nn.sub %1, %2 : tensor<64x128xf32>
  return %3 : tensor<64x128xf32>
}
func.func private @k_many_columns(%arg0: tensor<64x40xf32>, %arg1: tensor<64x40xf32>, %arg2: tensor<64x40xf32>, %arg3: tensor<64x40xf32>, %arg4: tensor<64x40xf32>, %arg5: tensor<64x40xf32>, %arg6: tensor<64x40xf32>, %arg7: tensor<64x40xf32>, %arg8: tensor<64x40xf32>, %arg9: tensor<64x40xf32>, %arg10: tensor<64x40xf32>, %arg11: tensor<64x40xf32>, %arg12: tensor<64x40xf32>, %arg13: tensor<64x40xf32>, %arg14: tensor<64x40xf32>, %arg15: tensor<64x40xf32>, %arg16: tensor<64x40xf32>, %arg17: tensor<64x40xf32>, %arg18: tensor<64x40xf32>, %arg19: tensor<64x40xf32>, %arg20: tensor<64x40xf32>, %arg21: tensor<64x40xf32>, %arg22: tensor<64x40xf32>, %arg23: tensor<64x40xf32>, %arg24: tensor<64x40xf32>) -> (tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>) attributes {dualpipe.kernel} {
  %s0 = nn.reduce_sum %arg0 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s1 = nn.reduce_sum %arg1 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s2 = nn.reduce_sum %arg2 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s3 = nn.reduce_sum %arg3 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s4 = nn.reduce_sum %arg4 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s5 = nn.reduce_sum %arg5 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s6 = nn.reduce_sum %arg6 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s7 = nn.reduce_sum %arg7 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s8 = nn.reduce_sum %arg8 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s9 = nn.reduce_sum %arg9 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s10 = nn.reduce_sum %arg10 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s11 = nn.reduce_sum %arg11 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s12 = nn.reduce_sum %arg12 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s13 = nn.reduce_sum %arg13 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s14 = nn.reduce_sum %arg14 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s15 = nn.reduce_sum %arg15 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s16 = nn.reduce_sum %arg16 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s17 = nn.reduce_sum %arg17 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s18 = nn.reduce_sum %arg18 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s19 = nn.reduce_sum %arg19 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s20 = nn.reduce_sum %arg20 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s21 = nn.reduce_sum %arg21 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s22 = nn.reduce_sum %arg22 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s23 = nn.reduce_sum %arg23 [0] : tensor<64x40xf32> to tensor<40xf32>
  %s24 = nn.reduce_sum %arg24 [0] : tensor<64x40xf32> to tensor<40xf32>
  return %s0, %s1, %s2, %s3, %s4, %s5, %s6, %s7, %s8, %s9, %s10, %s11, %s12, %s13, %s14, %s15, %s16, %s17, %s18, %s19, %s20, %s21, %s22, %s23, %s24 : tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>, tensor<40xf32>
}
