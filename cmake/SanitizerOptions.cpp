// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the sanitizers of an executable must know of LLVM's libraries, which are not
// instrumented: allocators of LLVM's headers mark their memory as unusable until they hand
// it out; where the libraries' own copies of that code do so, the mark stays.
extern "C" __attribute__((no_sanitize("address", "undefined", "coverage"), visibility("default")))
const char *
__asan_default_options() {
  return "allow_user_poisoning=0";
}
