// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What PTX and cubins say of themselves. A cubin is an ELF file of machine 190. Its flags hold
// the architecture in the lowest byte, or, where its ABI is of version 8, as ptxas 13 and those
// for Blackwell write it, in the second.
#include "Modules.h"

#include <cctype>
#include <cstring>
#include <elf.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dpc::emulator {

using namespace dpcrt::cuda;

static constexpr uint32_t kMachine = 190;
static constexpr uint32_t kFatbinary = 0xba55ed50;
static constexpr uint32_t kNewestPtx = 90;

std::string hashOf(std::string_view bytes) {
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes.data(), bytes.size()));
  std::string text;
  for (unsigned char byte : digest.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

static CUresult readCubin(const char *begin, Image &out, std::string &why) {
  Elf64_Ehdr header;
  std::memcpy(&header, begin, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != kMachine ||
      header.e_shentsize != sizeof(Elf64_Shdr)) {
    why = "this ELF file is no cubin";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  unsigned abi = header.e_ident[EI_ABIVERSION];
  if (abi != 7 && abi != 8) {
    why = "a cubin of ABI version " + std::to_string(abi) + "; this driver runs 7 and 8";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  out.architecture = abi == 8 ? header.e_flags >> 8 & 0xff : header.e_flags & 0xff;
  uint64_t size = std::max<uint64_t>(header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr),
                                     header.e_phoff + header.e_phnum * header.e_phentsize);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, begin + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type != SHT_NOBITS)
      size = std::max<uint64_t>(size, section.sh_offset + section.sh_size);
  }
  out.bytes = {begin, size};
  return CUDA_SUCCESS;
}

// The number of 100 · major + minor behind a directive; false if there is none.
static bool readDirective(std::string_view text, std::string_view directive,
                          std::string_view &value) {
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front())))
      line.remove_prefix(1);
    if (line.substr(0, directive.size()) != directive)
      continue;
    line.remove_prefix(directive.size());
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front())))
      line.remove_prefix(1);
    size_t length = 0;
    while (length < line.size() && !std::isspace(static_cast<unsigned char>(line[length])) &&
           line[length] != ',')
      ++length;
    value = line.substr(0, length);
    return true;
  }
  return false;
}

static CUresult readPtx(const char *begin, Image &out, std::string &why) {
  out.isPtx = true;
  out.bytes = begin;
  std::string_view version, target;
  unsigned major = 0, minor = 0;
  if (!readDirective(out.bytes, ".version", version) ||
      std::sscanf(std::string(version).c_str(), "%u.%u", &major, &minor) != 2 || minor > 9) {
    why = "this is no PTX: it does not begin with a version";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  if (!readDirective(out.bytes, ".target", target) ||
      std::sscanf(std::string(target).c_str(), "sm_%u", &out.architecture) != 1) {
    why = "the PTX names no target";
    return CUDA_ERROR_INVALID_PTX;
  }
  out.ptxVersion = 10 * major + minor;
  if (out.ptxVersion > kNewestPtx) {
    why = "the PTX is of version " + std::string(version) + "; this driver reads those up to 9.0";
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  }
  return CUDA_SUCCESS;
}

CUresult readImage(const void *image, Image &out, std::string &why) {
  const char *begin = static_cast<const char *>(image);
  if (std::strncmp(begin, ELFMAG, SELFMAG) == 0)
    return readCubin(begin, out, why);
  // Text is as long as it says; a fat binary's first word has no zero.
  uint32_t magic = 0;
  if (std::strlen(begin) >= sizeof magic)
    std::memcpy(&magic, begin, sizeof magic);
  if (magic == kFatbinary) {
    why = "the emulator reads PTX and cubins, no fat binaries";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  return readPtx(begin, out, why);
}

CUresult checkImage(const Image &image, const Options &gpu, std::string &why) {
  uint32_t own = 10 * gpu.major + gpu.minor;
  bool runs = image.isPtx ? image.architecture <= own
                          : image.architecture / 10 == gpu.major && image.architecture <= own;
  if (runs)
    return CUDA_SUCCESS;
  why = std::string(image.isPtx ? "PTX" : "a cubin") + " for sm_" +
        std::to_string(image.architecture) + " does not run on a GPU of sm_" + std::to_string(own);
  return image.isPtx ? CUDA_ERROR_INVALID_PTX : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

namespace {
/// A cubin's sections by name, which it is known to hold.
class Sections {
public:
  explicit Sections(std::string_view bytes) : bytes(bytes) {
    std::memcpy(&header, bytes.data(), sizeof header);
  }
  Elf64_Shdr at(unsigned i) const {
    Elf64_Shdr result;
    std::memcpy(&result, bytes.data() + header.e_shoff + i * sizeof result, sizeof result);
    return result;
  }
  std::string_view contents(const Elf64_Shdr &section) const {
    return bytes.substr(section.sh_offset, section.sh_size);
  }
  /// Of no bytes if there is none.
  Elf64_Shdr find(std::string_view name) const {
    std::string_view names = header.e_shnum ? contents(at(header.e_shstrndx)) : "";
    for (unsigned i = 0; i < header.e_shnum; ++i)
      if (names.data() + at(i).sh_name == name)
        return at(i);
    return {};
  }

private:
  std::string_view bytes;
  Elf64_Ehdr header;
};
} // namespace

// The section .nv.info is a list of attributes: how it is encoded, which it is, and 16 bits that
// are its value or, in the fourth encoding, the size of what follows. The one that counts registers
// has the number of the function's symbol and the count.
uint32_t Image::registersOf(const std::string &kernel) const {
  constexpr char kSized = 4, kRegisters = 0x2f;
  if (isPtx)
    return 0;
  Sections sections(bytes);
  Elf64_Shdr table = sections.find(".symtab");
  std::string_view symbols = sections.contents(table);
  std::string_view names = table.sh_size ? sections.contents(sections.at(table.sh_link)) : "";
  std::string_view info = sections.contents(sections.find(".nv.info"));
  for (size_t at = 0; at + 4 <= info.size();) {
    uint16_t size;
    std::memcpy(&size, info.data() + at + 2, sizeof size);
    char encoding = info[at], attribute = info[at + 1];
    at += 4;
    if (encoding != kSized)
      continue;
    uint32_t value[2] = {};
    if (attribute == kRegisters && size == sizeof value && at + size <= info.size()) {
      std::memcpy(value, info.data() + at, sizeof value);
      Elf64_Sym symbol = {};
      if (value[0] < symbols.size() / sizeof symbol)
        std::memcpy(&symbol, symbols.data() + value[0] * sizeof symbol, sizeof symbol);
      if (symbol.st_name < names.size() && names.data() + symbol.st_name == kernel)
        return value[1];
    }
    at += size;
  }
  return 0;
}

} // namespace dpc::emulator
