// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An exchange: the ends of its messages, which all go on together.
#pragma once
#include "transports/MessageEnd.h"
#include "transports/Transport.h"

namespace dpcrt {

class EndsExchange : public Operation {
public:
  void start(uint32_t step) override;
  bool progress(Lane &lane) override;
  void wait() override { bell.sleep(seen, due); }
  int64_t movesAt() const override { return due; }
  void wake() override { bell.ring(); }
  std::string describe() const override;

  // While it is prepared.
  void add(const TransferSpec &spec, std::unique_ptr<MessageEnd> end) {
    transfers.push_back({spec, std::move(end), false});
  }
  Bell bell; // rung by whatever moves one of the ends on

private:
  struct Transfer {
    TransferSpec spec;
    std::unique_ptr<MessageEnd> end;
    bool done;
  };
  std::vector<Transfer> transfers;
  uint32_t step = 0;
  size_t left = 0;
  int64_t due = noDeadline;
  uint32_t seen = 0;
};

} // namespace dpcrt
