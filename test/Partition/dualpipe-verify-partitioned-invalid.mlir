// RUN: dpc-opt %s --split-input-file --verify-diagnostics --dualpipe-verify-partitioned

// The module as a whole.
// expected-error @below {{has 0 dualpipe.training operations; a partitioned module has one}}
module {
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

// expected-error @below {{has 2 dualpipe.training operations; a partitioned module has one}}
module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

// expected-error @below {{has no stages}}
module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
  // expected-error @below {{'func.func' op is not divided into stages}}
  func.func @forward() {
    return
  }
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{'dualpipe.body' op is the body of no stage}}
  dualpipe.body @spare {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

// The loss is the last stage's.
module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %y, %loss, %den : tensor<4xf32>, tensor<f32>, tensor<f32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{'dualpipe.stage' op yields the loss, which only the last stage does}}
  // expected-error @below {{yields the denominator, which only the last stage does}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  // expected-error @below {{is the last stage and does not yield the loss}}
  // expected-error @below {{is the last stage and does not yield the denominator}}
  // expected-error @below {{has output 0, which no stage reads}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
}

// -----

// What crosses a cut.
module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 1>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %z = nn.tanh %x : tensor<4xf32>
      return %y, %z : tensor<4xf32>, tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %z: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 1>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{sends output 1, which depends on no trained parameter; such values are made again where they are read}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>, #dualpipe.source<@s0, 1>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 1>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %z = nn.tanh %w : tensor<4xf32>
      return %y, %z : tensor<4xf32>, tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %z: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 1>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{sends output 1, which depends on no input; such values are made again where they are read}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>, #dualpipe.source<@s0, 1>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 1>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y, %x : tensor<4xf32>, tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %z: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 1>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{sends on output 1, which it does not make; a value goes straight from its producer to its readers}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>, #dualpipe.source<@s0, 1>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xi1> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 1>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %z = nn.is_nan %y : tensor<4xf32>
      return %y, %z : tensor<4xf32>, tensor<4xi1>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %z: tensor<4xi1> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 1>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{sends output 1 of type 'tensor<4xi1>'; integers and booleans are made again where they are read}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>, #dualpipe.source<@s0, 1>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<4xf32> {dualpipe.role = #dualpipe.role<output 1>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %z = nn.tanh %y : tensor<4xf32>
      return %y, %z : tensor<4xf32>, tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{has output 1, which no stage reads}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

// Marks of what has no gradient.
module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  // expected-error @below {{has output 0 marked `dualpipe.frozen`, but a gradient of it is needed}}
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  // expected-error @below {{has parameter 0 marked `dualpipe.frozen`, but a gradient of it is needed}}
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  // expected-error @below {{has parameter 0 not marked `dualpipe.frozen`, but no gradient of it is needed}}
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}

// -----

module {
  dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
  nn.parameter @w0 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  nn.parameter @w1 : tensor<4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
  dualpipe.body @stage0 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      return %y : tensor<4xf32>
    }
  }
  dualpipe.body @stage1 {
    func.func @forward(%x: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
        -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
      %y = nn.mul %x, %w : tensor<4xf32>
      %loss = nn.reduce_sum %y [0] : tensor<4xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
  }
  dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
  // expected-error @below {{has input 0 marked `dualpipe.frozen`, but a gradient of it is needed}}
  dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
}
