// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Looking at events, which no call of the driver waits for with a deadline.
#include "devices/cuda/CudaEvent.h"
#include "devices/Wait.h"

namespace dpcrt::cuda {

CudaEvent::CudaEvent(Context &context, Clock &clock, bool timed)
    : context(context), clock(clock), timed(timed) {
  Context::Use use(context);
  CUresult result =
      context.driver.cuEventCreate(&handle, timed ? CU_EVENT_DEFAULT : CU_EVENT_DISABLE_TIMING);
  if (result == CUDA_SUCCESS)
    return;
  handle = nullptr;
  (void)context.fail(context.check(result, "making an event"));
}

CudaEvent::~CudaEvent() {
  clock.giveBack(base);
  Context::Use use(context);
  if (handle && !context.isAbandoned())
    context.driver.cuEventDestroy_v2(handle);
}

void CudaEvent::mark(const std::string &queue) {
  by.store(&queue, std::memory_order_release);
  if (!timed || record.isInternal())
    return;
  base = clock.take(base);
  recordedAt = nowNs();
}

Status CudaEvent::look(bool &over) {
  const std::string *queue = by.load(std::memory_order_acquire);
  over = !queue;
  if (over || context.hasFailed())
    return context.failure();
  CUresult result = context.driver.cuEventQuery(handle);
  over = result == CUDA_SUCCESS;
  if (over || result == CUDA_ERROR_NOT_READY)
    return {};
  return context.fail(
      context.check(result, "waiting for what queue '" + *queue + "' was told to do"));
}

bool CudaEvent::fired() {
  if (record.isInternal())
    return false;
  Context::Use use(context);
  bool over = false;
  // An error comes up again where somebody waits.
  (void)look(over);
  return over;
}

Status CudaEvent::wait(int64_t deadline) {
  if (Status s = Captures::checkHostWait(record); !s.ok())
    return s;
  Context::Use use(context);
  Pauses pauses;
  for (;;) {
    bool over = false;
    Status s = look(over);
    if (over)
      clock.look();
    if (over || !s.ok() || nowNs() >= deadline)
      return s;
    pauses.sleep(deadline);
  }
}

int64_t CudaEvent::time() const {
  if (!timed || !isRecorded() || record.isInternal())
    return 0;
  Context::Use use(context);
  return clock.timeOf(handle, base, recordedAt);
}

} // namespace dpcrt::cuda
