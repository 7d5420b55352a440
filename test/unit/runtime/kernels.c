// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of the hand-built programs, in the form that the code generator gives
// its own: void k(void *const *buffers, int64_t begin, int64_t end).
#include <math.h>
#include <stdint.h>

#define F(i) ((float *)buffers[i])

void k_add(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    F(2)[i] = F(0)[i] + F(1)[i];
}
void k_keep(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    F(1)[i] = 0.5f * F(0)[i];
}
void k_gradx(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    F(2)[i] = F(0)[i] * F(1)[i];
}
void k_gradw(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    F(2)[i] += F(0)[i] * F(1)[i];
}
// The record entry's first number is the learning rate.
void k_update(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    F(0)[i] -= F(2)[0] * F(1)[i];
}

// y, t -> loss, den, gy: mean of squares over the rows whose first target is not
// negative; den counts them. gy is that of den times the loss.
void k_loss(void *const *buffers, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  float sum = 0, den = 0;
  for (int r = 0; r < 4; ++r) {
    int counts = F(1)[4 * r] >= 0;
    den += counts ? 1 : 0;
    for (int c = 0; c < 4; ++c) {
      float d = F(0)[4 * r + c] - F(1)[4 * r + c];
      sum += counts ? d * d : 0;
      F(4)[4 * r + c] = counts ? 2 * d : 0;
    }
  }
  F(2)[0] = den == 0 ? 0 : sum / den;
  F(3)[0] = den;
}
// sums[0] += den
void k_count(void *const *buffers, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  F(1)[0] += F(0)[0];
}
// sums[1] = sum of squares of g
void k_norm(void *const *buffers, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  float sum = 0;
  for (int i = 0; i < 16; ++i)
    sum += F(0)[i] * F(0)[i];
  F(1)[1] = sum;
}
// Words of a step record's header (program/format/StepRecord.h).
enum { Factor, Den, Norm, Nonfinite, Skip, Halted, Clip = 13, SkipAsked, HaltAsked };
// sums, header: what the update needs
void k_factor(void *const *buffers, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  float *header = F(1);
  float den = F(0)[0], scale = den == 0 ? 0 : 1 / den;
  float norm = sqrtf(F(0)[1]) * scale, clip = header[Clip];
  int finite = isfinite(F(0)[1]);
  int halted = header[HaltAsked] != 0 && (header[Halted] != 0 || !finite);
  header[Factor] = norm > clip ? scale * clip / norm : scale;
  header[Den] = den;
  header[Norm] = norm;
  header[Nonfinite] = finite ? 0 : 1;
  header[Halted] = halted ? 1 : 0;
  header[Skip] = header[SkipAsked] != 0 || halted || !finite || den == 0 ? 1 : 0;
}
// w, g, header, entry
void k_sgd(void *const *buffers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    if (F(2)[Skip] == 0)
      F(0)[i] -= F(3)[0] * (F(1)[i] * F(2)[Factor] + F(3)[1] * F(0)[i]);
}
// For shared ranges: out[i] = in[i] + 1 through scratch, one point one float.
void k_scratch(void *const *buffers, int64_t begin, int64_t end) {
  float *scratch = (float *)buffers[2];
  for (int64_t i = begin; i < end; ++i) {
    scratch[0] = F(0)[i];
    F(1)[i] = scratch[0] + 1;
  }
}
