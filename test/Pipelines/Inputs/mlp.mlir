// Two layers and a classification loss: the toy of the phases' tests.

nn.parameter @first.weight : tensor<16x32xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @first.bias : tensor<32xf32> trained = #nn.init<zeros, 1, 0.0 : f64>
nn.parameter @second.weight : tensor<4x32xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>

func.func @forward(%x: tensor<8x16xf32> {nn.name = "x"}, %labels: tensor<8xi64> {nn.name = "labels"})
    -> (tensor<f32> {nn.name = "loss"}, tensor<f32> {nn.name = "den"}) attributes {nn.weighting = "denominator"} {
  %w0 = nn.get @first.weight : tensor<16x32xf32> loc(fused<"first">["first.weight"])
  %b0 = nn.get @first.bias : tensor<32xf32> loc(fused<"first">["first.bias"])
  %w1 = nn.get @second.weight : tensor<4x32xf32> loc(fused<"second">["second.weight"])
  %0 = nn.matmul %x, %w0 : tensor<8x16xf32>, tensor<16x32xf32> to tensor<8x32xf32> loc(fused<"first">["first/MatMul"])
  %1 = nn.broadcast %b0 dims [1] : tensor<32xf32> to tensor<8x32xf32> loc(fused<"first">["first/Add"])
  %2 = nn.add %0, %1 : tensor<8x32xf32> loc(fused<"first">["first/Add"])
  %3 = nn.tanh %2 : tensor<8x32xf32> loc(fused<"first">["first/Tanh"])
  %4 = nn.transpose %w1 [1, 0] : tensor<4x32xf32> to tensor<32x4xf32> loc(fused<"second">["second/Transpose"])
  %5 = nn.matmul %3, %4 : tensor<8x32xf32>, tensor<32x4xf32> to tensor<8x4xf32> loc(fused<"second">["second/MatMul"])
  %6, %7 = nn.cross_entropy %5, %labels : tensor<8x4xf32>, tensor<8xi64> loc(fused<"loss">["loss/CrossEntropy"])
  %8 = nn.constant dense<1.0> : tensor<8xf32>
  %9, %10 = nn.weighted_mean %6, %8 : tensor<8xf32> loc(fused<"loss">["loss/Mean"])
  return %9, %10 : tensor<f32>, tensor<f32>
}
