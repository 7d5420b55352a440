// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files of a run.
#include "dpc-run/Output.h"
#include "weights/Layout.h"
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace dpcrt {

MetricsFile::~MetricsFile() {
  if (fd >= 0)
    ::close(fd);
}

namespace {
// Where the last whole line of a file ends: a run that was killed may have left a
// piece of one.
uint64_t wholeLines(const std::string &path) {
  InputFile file;
  if (!InputFile::open(path, Code::Io, file).ok())
    return 0;
  std::vector<char> block(1 << 16);
  for (uint64_t end = file.size(); end > 0;) {
    uint64_t begin = end > block.size() ? end - block.size() : 0;
    if (!file.read(begin, block.data(), end - begin).ok())
      return 0;
    for (uint64_t i = end - begin; i-- > 0;)
      if (block[i] == '\n')
        return begin + i + 1;
    end = begin;
  }
  return 0;
}
} // namespace

Status MetricsFile::open(const std::string &path, bool append) {
  if (Status s = lock.takeFile(path); !s.ok())
    return s;
  name = path;
  length = append ? wholeLines(path) : 0;
  fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  struct stat info;
  if (fd < 0 || ::fstat(fd, &info) != 0)
    return error(Code::Io, "cannot write '", path, "': ", std::strerror(errno));
  if (S_ISREG(info.st_mode) &&
      (::ftruncate(fd, off_t(length)) != 0 || ::lseek(fd, 0, SEEK_END) < 0))
    return error(Code::Io, "cannot write '", path, "': ", std::strerror(errno));
  return {};
}

Status MetricsFile::write(const nlohmann::ordered_json &line) {
  if (fd < 0)
    return {};
  std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      int reason = errno;
      if (::ftruncate(fd, off_t(length)) != 0)
        return error(Code::Io, "cannot write '", name,
                     "', its last line is broken: ", std::strerror(reason));
      return error(Code::Io, "cannot write '", name, "': ", std::strerror(reason));
    }
    done += size_t(n);
  }
  length += text.size();
  return {};
}

Status writeDump(const std::string &directory, uint64_t step, dpcrt_session *session,
                 const dpcrt_result &result, uint64_t microBatches, bool writes) {
  std::vector<TensorToWrite> tensors;
  std::vector<uint64_t> lossShape = {microBatches};
  if (result.losses > microBatches)
    lossShape.push_back(result.losses / microBatches);
  tensors.push_back({"loss", Element::F32, lossShape, result.loss_values});
  tensors.push_back({"total_loss", Element::F64, {}, &result.loss});
  std::vector<std::vector<char>> values;
  for (size_t i = 0; i < dpcrt_session_states(session); ++i) {
    dpcrt_tensor state = stateOf(session, i);
    std::string name = state.name;
    if (name.compare(0, 7, "moment/") == 0)
      continue;
    if (!writes) // it takes part in reading, one state after the other
      values.clear();
    values.emplace_back(state.bytes);
    if (Status s =
            fromC(dpcrt_session_read(session, state.name, values.back().data(), state.bytes));
        !s.ok())
      return s;
    if (!writes)
      continue;
    tensors.push_back({name,
                       *elementNamed(state.dtype),
                       {state.shape, state.shape + state.rank},
                       values.back().data()});
  }
  if (!writes)
    return {};
  return writeSafetensors(directory + "/step-" + std::to_string(step) + ".safetensors", tensors,
                          layoutMetadata(Layout::Initializer));
}

nlohmann::ordered_json finite(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

namespace {
uint64_t statusLine(const char *key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, std::strlen(key), key) == 0)
      return std::strtoull(line.c_str() + std::strlen(key), nullptr, 10) * 1024;
  return 0;
}
} // namespace

uint64_t residentBytes() { return statusLine("VmRSS:"); }
uint64_t peakResidentBytes() { return statusLine("VmHWM:"); }

} // namespace dpcrt
