// RUN: dpc-opt %s -split-input-file -kernels-outline | FileCheck %s

// What stands between two library calls is one kernel; the library's calls, views and
// collectives stay. Equal groups of two bodies are one kernel, named by its content.

// CHECK: dualpipe.body @first
// CHECK: %[[H:.*]] = nn.matmul
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[H]]
// CHECK-NEXT: %[[K:.*]] = dualpipe.launch @[[KERNEL:k_[0-9a-f]+]](%[[R]]) : (tensor<16xf32>) -> tensor<16xf32>
// CHECK-NEXT: %[[S:.*]] = nn.all_reduce %[[K]] over "ep"
// CHECK-NEXT: return %[[S]]
// CHECK: dualpipe.body @second
// CHECK: dualpipe.launch @[[KERNEL]](
// CHECK: func.func private @[[KERNEL]](%[[X:.*]]: tensor<16xf32>) -> tensor<16xf32> attributes {dualpipe.kernel}
// CHECK-NEXT: %[[T:.*]] = nn.tanh %[[X]]
// CHECK-NEXT: %[[Y:.*]] = nn.mul %[[T]], %[[T]]
// CHECK-NEXT: return %[[Y]]
// CHECK-NOT: dualpipe.kernel
module attributes {nn.mesh = {ep = 2 : i64}} {
  dualpipe.body @first {
    func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %h = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
      %r = nn.reshape %h : tensor<4x4xf32> to tensor<16xf32>
      %t = nn.tanh %r : tensor<16xf32>
      %y = nn.mul %t, %t : tensor<16xf32>
      %s = nn.all_reduce %y over "ep" : tensor<16xf32>
      return %s : tensor<16xf32>
    }
  }
  dualpipe.body @second {
    func.func @forward(%x: tensor<16xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %t = nn.tanh %x : tensor<16xf32>
      %y = nn.mul %t, %t : tensor<16xf32>
      return %y : tensor<16xf32>
    }
  }
}

// -----

// An accumulator that a kernel alone adds to is overwritten; one that is read again is
// not.

// CHECK-LABEL: dualpipe.body @accumulators
// CHECK: func.func @weight_half
// CHECK-DAG: dualpipe.launch @[[ALONE:k_[0-9a-f]+]](%{{.*}}, %{{.*}}) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: return
// CHECK: func.func private @[[ALONE]](
// CHECK-SAME: dualpipe.inplace = 0 : i64
dualpipe.body @accumulators {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  func.func @weight_half(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %a: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %0 = nn.exp %x : tensor<4xf32>
    %1 = nn.add %a, %0 : tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}

// -----

// CHECK-LABEL: dualpipe.body @read_again
// CHECK-NOT: dualpipe.inplace
dualpipe.body @read_again {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
  func.func @weight_half(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %a: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %0 = nn.mul %x, %a : tensor<4xf32>
    %1 = nn.add %a, %0 : tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}

// -----

// Nothing to do: library calls alone, and no bodies at all.

// CHECK-LABEL: dualpipe.body @calls
// CHECK: nn.matmul
// CHECK-NEXT: return
// CHECK-NOT: func.func private
// CHECK-LABEL: func.func @outside
// CHECK-NEXT: nn.tanh
dualpipe.body @calls {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %y : tensor<4x4xf32>
  }
}
func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.tanh %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
