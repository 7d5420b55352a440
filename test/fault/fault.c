// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A preloaded shim that lets the N-th call that touches a folder fail, or kills the
// process there. Tests of what a crash or a full disk leaves behind run under it.
//
//   FAULT_FOLDER   part of a path; calls on other files pass
//   FAULT_AT       number of the call, from 1; 0: none, only count
//   FAULT_KIND     "kill" (before the call), "fail" (it returns FAULT_ERRNO), "short"
//                  (writes alone count; it writes half and the process is killed)
//   FAULT_LOG      file to which the number of calls is written at exit
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int calls;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

// Whether this call is the one. `path` is NULL for calls on `fd`.
static int strikesCall(const char *path, int fd, int writes) {
  char link[64], target[4096];
  if (!path) {
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n < 0)
      return 0;
    target[n] = 0;
    path = target;
  }
  const char *folder = setting("FAULT_FOLDER");
  if (!*folder || !strstr(path, folder))
    return 0;
  if (!writes && !strcmp(setting("FAULT_KIND"), "short"))
    return 0;
  if (atomic_fetch_add(&calls, 1) + 1 != atoi(setting("FAULT_AT")))
    return 0;
  if (!strcmp(setting("FAULT_KIND"), "kill"))
    kill(getpid(), SIGKILL);
  errno = atoi(setting("FAULT_ERRNO"));
  return 1;
}

static int strikes(const char *path, int fd) { return strikesCall(path, fd, 0); }

__attribute__((destructor)) static void report(void) {
  const char *log = setting("FAULT_LOG");
  FILE *file = *log ? fopen(log, "w") : NULL;
  if (!file)
    return;
  fprintf(file, "%d\n", atomic_load(&calls));
  fclose(file);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return strikes(path, -1) ? -1 : NEXT(open)(path, flags, mode);
}
int mkostemp(char *pattern, int flags) {
  return strikes(pattern, -1) ? -1 : NEXT(mkostemp)(pattern, flags);
}
int mkdir(const char *path, mode_t mode) {
  return strikes(path, -1) ? -1 : NEXT(mkdir)(path, mode);
}
int rename(const char *from, const char *to) {
  return strikes(to, -1) ? -1 : NEXT(rename)(from, to);
}
int unlink(const char *path) { return strikes(path, -1) ? -1 : NEXT(unlink)(path); }
int rmdir(const char *path) { return strikes(path, -1) ? -1 : NEXT(rmdir)(path); }
int remove(const char *path) { return strikes(path, -1) ? -1 : NEXT(remove)(path); }
int unlinkat(int fd, const char *path, int flags) {
  return strikes(NULL, fd) ? -1 : NEXT(unlinkat)(fd, path, flags);
}
int fsync(int fd) { return strikes(NULL, fd) ? -1 : NEXT(fsync)(fd); }
int ftruncate(int fd, off_t length) { return strikes(NULL, fd) ? -1 : NEXT(ftruncate)(fd, length); }
int close(int fd) {
  int fails = strikes(NULL, fd), reason = errno;
  int result = NEXT(close)(fd); // a close that fails closes all the same
  errno = fails ? reason : errno;
  return fails ? -1 : result;
}
ssize_t write(int fd, const void *data, size_t bytes) {
  if (!strikesCall(NULL, fd, 1))
    return NEXT(write)(fd, data, bytes);
  if (strcmp(setting("FAULT_KIND"), "short"))
    return -1;
  if (NEXT(write)(fd, data, bytes / 2) >= 0)
    kill(getpid(), SIGKILL);
  return -1;
}
