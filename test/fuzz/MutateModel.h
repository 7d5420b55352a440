// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Changes to a model that leave it a message: mutated bytes are refused by the parser far
// more often than not.
#ifndef DPC_TEST_FUZZ_MUTATEMODEL_H
#define DPC_TEST_FUZZ_MUTATEMODEL_H

#include "google/protobuf/message.h"

namespace dpc::test {

/// Changes one to four places of the message, the same for the same seed.
void mutate(google::protobuf::Message &message, unsigned seed);

} // namespace dpc::test

#endif // DPC_TEST_FUZZ_MUTATEMODEL_H
