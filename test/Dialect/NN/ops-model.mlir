// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every model operation prints as it is written, and parses from its generic form.

// CHECK: nn.parameter @h.0.ln_1.weight : tensor<64xf32> trained = #nn.file<"/m/gpt2.onnx", 4096, 256, 1000000, 17>
nn.parameter @"h.0.ln_1.weight" : tensor<64xf32> trained = #nn.file<"/m/gpt2.onnx", 4096, 256, 1000000, 17>
// CHECK: nn.parameter @mask : tensor<4xi1> = #nn.file<"/m/gpt2.onnx", 0, 4, 1000000, 17>
nn.parameter @mask : tensor<4xi1> = #nn.file<"/m/gpt2.onnx", 0, 4, 1000000, 17>
// CHECK: nn.parameter @"a name/with: signs" : tensor<4xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64> {storage_name = "val_113"}
nn.parameter @"a name/with: signs" : tensor<4xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64> {storage_name = "val_113"}
// CHECK: nn.parameter @half : tensor<4xbf16> trained master f32 storage bf16 = #nn.file<"/m/gpt2.onnx", 0, 8, 1000000, 17>
nn.parameter @half : tensor<4xbf16> trained master f32 storage bf16 = #nn.file<"/m/gpt2.onnx", 0, 8, 1000000, 17>
// CHECK: nn.parameter @rounded : tensor<4xbf16> trained master f32 = #nn.file<"/m/gpt2.onnx", 0, 16, 1000000, 17>
nn.parameter @rounded : tensor<4xbf16> trained master f32 = #nn.file<"/m/gpt2.onnx", 0, 16, 1000000, 17>

// CHECK-LABEL: func.func @model
func.func @model() {
  // CHECK: nn.get @h.0.ln_1.weight : tensor<64xf32>
  %0 = nn.get @h.0.ln_1.weight : tensor<64xf32>
  // CHECK: nn.constant dense<1.250000e-01> : tensor<f32>
  %1 = nn.constant dense<1.250000e-01> : tensor<f32>
  // CHECK: nn.iota 1 : tensor<2x3xi64>
  %2 = nn.iota 1 : tensor<2x3xi64>
  return
}
