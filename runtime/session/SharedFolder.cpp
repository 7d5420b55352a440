// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Process 0 writes a word that nobody can guess; whoever reads it sees its folder.
#include "session/SharedFolder.h"
#include "data/Files.h"
#include "data/Hash.h"
#include <random>
#include <unistd.h>

namespace dpcrt {

static std::string randomWord() {
  std::random_device device;
  uint32_t bits[] = {device(), device(), device(), uint32_t(getpid())};
  return hashHex(bits, sizeof(bits));
}

Status checkShared(World &world, const std::string &folder) {
  const std::string file = folder + "/.shared";
  const bool writes = world.self() == 0;
  std::string word = writes ? randomWord() : "";
  if (writes)
    if (Status s = writeFileAtomically(file, word); !s.ok())
      return s;
  std::vector<std::string> all;
  Status s = world.exchange("the folder of checkpoints", word, all);
  std::string found, own;
  if (s.ok() && (!readWholeFile(file, Code::Checkpoint, found).ok() || found != all[0])) {
    char host[256] = "?";
    (void)gethostname(host, sizeof(host) - 1);
    own = "process " + std::to_string(world.self()) + " on " + host + " ('" + folder + "')";
  }
  if (s.ok())
    s = world.exchange("whether they see the folder of checkpoints", own, all);
  if (writes)
    ::unlink(file.c_str());
  if (!s.ok())
    return s;
  std::string blind;
  unsigned count = 0;
  for (const std::string &text : all)
    if (!text.empty())
      blind += (count++ ? ", " : "") + text;
  if (count == 0)
    return {};
  return error(Code::Checkpoint,
               "the folder of checkpoints is not one for all processes: what "
               "process 0 writes there is not seen by ",
               blind, "; --checkpoint DIR must name a folder that all machines share, or none");
}

} // namespace dpcrt
