// RUN: dpc-opt %s -split-input-file -kernels-outline | FileCheck %s

// Which operations share a kernel, rule by rule: docs/Kernels.md has the table of
// forms. Each module is one rule, or the case beside it where it must not hold.

// Elements at the same position share a kernel, also with several readers.

// CHECK-LABEL: dualpipe.body @map
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @map {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.exp %x : tensor<8x16xf32>
    %1 = nn.mul %0, %y : tensor<8x16xf32>
    %2 = nn.add %0, %1 : tensor<8x16xf32>
    return %1, %2 : tensor<8x16xf32>, tensor<8x16xf32>
  }
}

// -----

// A library call between: the kernel before it and the one behind it stay two, though
// the second reads the first: one kernel of both would wait for itself.

// CHECK-LABEL: dualpipe.body @around_a_call
// CHECK: dualpipe.launch
// CHECK: nn.matmul
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @around_a_call {
  func.func @forward(%x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.exp %x : tensor<8x8xf32>
    %1 = nn.matmul %0, %x : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    %2 = nn.add %0, %1 : tensor<8x8xf32>
    return %2 : tensor<8x8xf32>
  }
}

// -----

// The same through another kernel: the running sum has loops of its own and merges with
// nobody, so what is before it and what is behind it cannot be one.

// CHECK-LABEL: dualpipe.body @around_a_kernel
// CHECK-COUNT-3: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @around_a_kernel {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.exp %x : tensor<8x16xf32>
    %1 = nn.cumsum %0, 1 : tensor<8x16xf32>
    %2 = nn.add %0, %1 : tensor<8x16xf32>
    return %2 : tensor<8x16xf32>
  }
}

// -----

// A product beside is no obstacle: it depends on neither.

// CHECK-LABEL: dualpipe.body @beside_a_call
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @beside_a_call {
  func.func @forward(%x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.exp %x : tensor<8x8xf32>
    %1 = nn.matmul %x, %x : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    %2 = nn.mul %0, %x : tensor<8x8xf32>
    return %1, %2 : tensor<8x8xf32>, tensor<8x8xf32>
  }
}

// -----

// One value per row: what makes it, what reads it along its row, and reductions of the
// same rows are one kernel.

// CHECK-LABEL: dualpipe.body @rows
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @rows {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %v: tensor<8xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.exp %v : tensor<8xf32>
    %1 = nn.broadcast %0 dims [0] : tensor<8xf32> to tensor<8x16xf32>
    %2 = nn.mul %x, %1 : tensor<8x16xf32>
    %3 = nn.reduce_sum %2 [1] : tensor<8x16xf32> to tensor<8xf32>
    %4 = nn.reciprocal %3 : tensor<8xf32>
    %5 = nn.broadcast %4 dims [0] : tensor<8xf32> to tensor<8x16xf32>
    %6 = nn.mul %2, %5 : tensor<8x16xf32>
    %7 = nn.softmax %6 : tensor<8x16xf32>
    return %7 : tensor<8x16xf32>
  }
}

// -----

// A value along the columns is read by every row: it is computed before, by itself.

// CHECK-LABEL: dualpipe.body @not_a_row
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @not_a_row {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %v: tensor<16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.exp %v : tensor<16xf32>
    %1 = nn.broadcast %0 dims [1] : tensor<16xf32> to tensor<8x16xf32>
    %2 = nn.mul %x, %1 : tensor<8x16xf32>
    return %2 : tensor<8x16xf32>
  }
}

// -----

// Rows of other lengths are other loops, though there are as many elements.

// CHECK-LABEL: dualpipe.body @other_rows
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @other_rows {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<16x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.softmax %x : tensor<8x16xf32>
    %1 = nn.reshape %0 : tensor<8x16xf32> to tensor<16x8xf32>
    %2 = nn.softmax %1 : tensor<16x8xf32>
    return %2 : tensor<16x8xf32>
  }
}

// -----

// A view that keeps the rows is no obstacle.

// CHECK-LABEL: dualpipe.body @view_of_rows
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @view_of_rows {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<2x4x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.softmax %x : tensor<8x16xf32>
    %1 = nn.reshape %0 : tensor<8x16xf32> to tensor<2x4x16xf32>
    %2 = nn.softmax %1 : tensor<2x4x16xf32>
    return %2 : tensor<2x4x16xf32>
  }
}

// -----

// Gathered rows are normalised by the kernel that gathers them.

// CHECK-LABEL: dualpipe.body @gathered_rows
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @gathered_rows {
  func.func @forward(%t: tensor<32x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %i: tensor<8xi64> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.gather %t, %i axis 0 : tensor<32x16xf32>, tensor<8xi64> to tensor<8x16xf32>
    %1 = nn.softmax %0 : tensor<8x16xf32>
    return %1 : tensor<8x16xf32>
  }
}

// -----

// What is moved may be computed where it is moved, if that is cheap and nobody else
// reads it.

// CHECK-LABEL: dualpipe.body @cheap_move
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @cheap_move {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<16x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.add %x, %y : tensor<8x16xf32>
    %1 = nn.transpose %0 [1, 0] : tensor<8x16xf32> to tensor<16x8xf32>
    return %1 : tensor<16x8xf32>
  }
}

// -----

// Not if it is dear: a moved element may be read more than once.

// CHECK-LABEL: dualpipe.body @dear_move
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @dear_move {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<16x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.exp %x : tensor<8x16xf32>
    %1 = nn.transpose %0 [1, 0] : tensor<8x16xf32> to tensor<16x8xf32>
    return %1 : tensor<16x8xf32>
  }
}

// -----

// Nor if somebody else reads it.

// CHECK-LABEL: dualpipe.body @read_twice
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @read_twice {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<16x8xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.add %x, %y : tensor<8x16xf32>
    %1 = nn.transpose %0 [1, 0] : tensor<8x16xf32> to tensor<16x8xf32>
    return %0, %1 : tensor<8x16xf32>, tensor<16x8xf32>
  }
}

// -----

// Two moves in a row stay two; what is computed of the moved elements joins the second.

// CHECK-LABEL: dualpipe.body @moves
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
// CHECK: nn.slice
// CHECK-NEXT: nn.exp
dualpipe.body @moves {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.transpose %x [1, 0] : tensor<8x16xf32> to tensor<16x8xf32>
    %1 = nn.slice %0 [0, 0] to [8, 8] step [1, 1] : tensor<16x8xf32> to tensor<8x8xf32>
    %2 = nn.exp %1 : tensor<8x8xf32>
    return %2 : tensor<8x8xf32>
  }
}

// -----

// Sums over rows take in what they alone read, and what is computed of the sums.

// CHECK-LABEL: dualpipe.body @columns
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @columns {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>}, %a: tensor<16xf32> {dualpipe.role = #dualpipe.role<input 2>})
      -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.mul %x, %y : tensor<8x16xf32>
    %1 = nn.reduce_sum %0 [0] : tensor<8x16xf32> to tensor<16xf32>
    %2 = nn.add %a, %1 : tensor<16xf32>
    return %2 : tensor<16xf32>
  }
}

// -----

// What others read too is written to memory once, and summed from there.

// CHECK-LABEL: dualpipe.body @columns_of_shared
// CHECK-COUNT-2: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @columns_of_shared {
  func.func @forward(%x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.mul %x, %y : tensor<8x16xf32>
    %1 = nn.reduce_sum %0 [0] : tensor<8x16xf32> to tensor<16xf32>
    return %0, %1 : tensor<8x16xf32>, tensor<16xf32>
  }
}

// -----

// Sums over the same rows that read a common value are one kernel: it is read once.
// A sum of another value stays alone.

// CHECK-LABEL: dualpipe.body @siblings
// CHECK-DAG: dualpipe.launch {{.*}} -> (tensor<16xf32>, tensor<16xf32>)
// CHECK-DAG: dualpipe.launch {{.*}} : (tensor<8x16xf32>) -> tensor<16xf32>
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @siblings {
  func.func @forward(%g: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>}, %m: tensor<8xf32> {dualpipe.role = #dualpipe.role<input 2>}, %r: tensor<8xf32> {dualpipe.role = #dualpipe.role<input 3>}, %z: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 4>})
      -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<output 1>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<output 2>}) {
    %0 = nn.reduce_sum %g [0] : tensor<8x16xf32> to tensor<16xf32>
    %1 = nn.layer_norm_dscale %g, %x, %m, %r : tensor<8x16xf32>, tensor<8xf32> to tensor<16xf32>
    %2 = nn.reduce_sum %z [0] : tensor<8x16xf32> to tensor<16xf32>
    return %0, %1, %2 : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
  }
}

// -----

// Also where one of them has taken in what it alone reads.

// CHECK-LABEL: dualpipe.body @siblings_with_producers
// CHECK: dualpipe.launch {{.*}} -> (tensor<16xf32>, tensor<16xf32>)
// CHECK-NOT: dualpipe.launch
// CHECK: return
// CHECK-DAG: nn.reduce_sum
// CHECK-DAG: nn.exp
// CHECK-DAG: nn.layer_norm_dscale
dualpipe.body @siblings_with_producers {
  func.func @forward(%g: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>}, %m: tensor<8xf32> {dualpipe.role = #dualpipe.role<input 2>}, %r: tensor<8xf32> {dualpipe.role = #dualpipe.role<input 3>})
      -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.reduce_sum %g [0] : tensor<8x16xf32> to tensor<16xf32>
    %1 = nn.exp %x : tensor<8x16xf32>
    %2 = nn.layer_norm_dscale %g, %1, %m, %r : tensor<8x16xf32>, tensor<8xf32> to tensor<16xf32>
    return %0, %2 : tensor<16xf32>, tensor<16xf32>
  }
}

// -----

// Not where one depends on the other: the second sum reads the first through a product.

// CHECK-LABEL: dualpipe.body @dependent_siblings
// CHECK: dualpipe.launch
// CHECK: dualpipe.launch
// CHECK: nn.matmul
// CHECK: dualpipe.launch
// CHECK: return
dualpipe.body @dependent_siblings {
  func.func @forward(%g: tensor<16x16xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<16xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %0 = nn.reduce_sum %g [0] : tensor<16x16xf32> to tensor<16xf32>
    %1 = nn.broadcast %0 dims [1] : tensor<16xf32> to tensor<16x16xf32>
    %2 = nn.matmul %g, %1 : tensor<16x16xf32>, tensor<16x16xf32> to tensor<16x16xf32>
    %3 = nn.mul %g, %2 : tensor<16x16xf32>
    %4 = nn.reduce_sum %3 [0] : tensor<16x16xf32> to tensor<16xf32>
    return %0, %4 : tensor<16xf32>, tensor<16xf32>
  }
}

// -----

// A mask costs nothing and reads nothing: each kernel makes it for itself.

// CHECK-LABEL: dualpipe.body @repeated_mask
// CHECK: %[[A:.*]] = dualpipe.launch @[[K:k_[0-9a-f]+]](%{{.*}}) : (tensor<8x8xf32>) -> tensor<8x8xf32>
// CHECK: %[[P:.*]] = nn.matmul %[[A]]
// CHECK: dualpipe.launch @[[K]](%[[P]])
// CHECK: return
// CHECK: func.func private @[[K]]
// CHECK-COUNT-2: nn.iota
// CHECK: nn.compare
// CHECK: nn.select
dualpipe.body @repeated_mask {
  func.func @forward(%x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %i = nn.iota 0 : tensor<8x8xi64>
    %j = nn.iota 1 : tensor<8x8xi64>
    %m = nn.compare ge, %i, %j : tensor<8x8xi64>
    %z = nn.constant dense<0.0> : tensor<8x8xf32>
    %0 = nn.select %m, %x, %z : tensor<8x8xf32>
    %1 = nn.matmul %0, %x : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    %2 = nn.select %m, %1, %z : tensor<8x8xf32>
    return %2 : tensor<8x8xf32>
  }
}

// -----

// What a library call reads must exist: the broadcast is a kernel then.

// CHECK-LABEL: dualpipe.body @made_for_a_call
// CHECK: %[[B:.*]] = dualpipe.launch
// CHECK: nn.matmul %{{.*}}, %[[B]]
// CHECK: return
dualpipe.body @made_for_a_call {
  func.func @forward(%v: tensor<16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<8x16xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.broadcast %v dims [1] : tensor<16xf32> to tensor<8x16xf32>
    %1 = nn.matmul %x, %0 : tensor<8x8xf32>, tensor<8x16xf32> to tensor<8x16xf32>
    return %1 : tensor<8x16xf32>
  }
}

// -----

// Constants of up to 16 elements, or of one value, stand in the kernel; others are its
// operands.

// CHECK-LABEL: dualpipe.body @constants
// CHECK: %[[B:.*]] = nn.constant dense<[0.000000e+00, {{.*}} 1.600000e+01]> : tensor<17xf32>
// CHECK-NOT: nn.constant
// CHECK-DAG: dualpipe.launch @{{.*}}(%{{[^,]*}}) : (tensor<16xf32>)
// CHECK-DAG: dualpipe.launch @{{.*}}(%{{.*}}, %[[B]]) : (tensor<17xf32>, tensor<17xf32>)
// CHECK: return
dualpipe.body @constants {
  func.func @forward(%x: tensor<16xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<17xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<17xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
    %a = nn.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : tensor<16xf32>
    %b = nn.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]> : tensor<17xf32>
    %c = nn.constant dense<3.0> : tensor<17xf32>
    %0 = nn.mul %x, %a : tensor<16xf32>
    %1 = nn.mul %y, %b : tensor<17xf32>
    %2 = nn.mul %1, %c : tensor<17xf32>
    return %0, %2 : tensor<16xf32>, tensor<17xf32>
  }
}

// -----

// Scatters, running sums and largest elements have loops of their own: neither what they
// read nor what reads them joins.

// CHECK-LABEL: dualpipe.body @loops
// CHECK-COUNT-5: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @loops {
  func.func @forward(%i: tensor<8xi64> {dualpipe.role = #dualpipe.role<input 0>}, %x: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<32x16xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x2xf32> {dualpipe.role = #dualpipe.role<output 1>}, tensor<8x2xi64> {dualpipe.role = #dualpipe.role<output 2>}) {
    %0 = nn.exp %x : tensor<8x16xf32>
    %1 = nn.scatter_add %i, %0 axis 0 : tensor<8xi64>, tensor<8x16xf32> to tensor<32x16xf32>
    %2 = nn.exp %1 : tensor<32x16xf32>
    %3, %4 = nn.top_k %x, 2 : tensor<8x16xf32> to tensor<8x2xf32>, tensor<8x2xi64>
    %5 = nn.exp %3 : tensor<8x2xf32>
    return %2, %5, %4 : tensor<32x16xf32>, tensor<8x2xf32>, tensor<8x2xi64>
  }
}

// -----

// A sum over all but a trailing dimension of one element is one over rows, as long as
// they are: it takes in what it alone reads.

// CHECK-LABEL: dualpipe.body @one_column
// CHECK: dualpipe.launch
// CHECK-NOT: dualpipe.launch
// CHECK: return
dualpipe.body @one_column {
  func.func @forward(%x: tensor<8x1xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<8x1xf32> {dualpipe.role = #dualpipe.role<input 1>})
      -> (tensor<1xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %0 = nn.mul %x, %y : tensor<8x1xf32>
    %1 = nn.reduce_sum %0 [0] : tensor<8x1xf32> to tensor<1xf32>
    return %1 : tensor<1xf32>
  }
}
