/* Preloaded: calls that change files below REFUSE_BELOW fail with REFUSE_ERRNO, from the moment on
 * that the file REFUSE_FROM is there. REFUSE_CALLS names them: write open sync link rename mkdir
 * unlink allocate. With REFUSE_HALF set a write takes half of the bytes before one fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int armed(const char *call) {
    const char *calls = getenv("REFUSE_CALLS"), *from = getenv("REFUSE_FROM");
    struct stat made;
    int before = errno, found = calls && strstr(calls, call) && (!from || !stat(from, &made));
    errno = before;
    return found;
}

static int below(const char *path) {
    const char *root = getenv("REFUSE_BELOW");
    return root && path && !strncmp(path, root, strlen(root));
}

static int refuse(void) {
    const char *number = getenv("REFUSE_ERRNO");
    errno = number ? atoi(number) : ENOSPC;
    return -1;
}

static int is_ours(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int before = errno;
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

#define REALLY(name) __typeof__(&name) really = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) {
    REALLY(write);
    static int halved;
    if (armed("write") && is_ours(file)) {
        if (getenv("REFUSE_HALF") && count > 1 && !(halved++ % 2)) return really(file, bytes, count / 2);
        return refuse();
    }
    return really(file, bytes, count);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REALLY(writev);
    return armed("write") && is_ours(file) ? refuse() : really(file, parts, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    REALLY(pwrite64);
    return armed("write") && is_ours(file) ? refuse() : really(file, bytes, count, at);
}

#define CHANGES(flags) ((flags) & (O_CREAT | O_WRONLY | O_RDWR))
#define MODE(flags)                                    \
    mode_t mode = 0;                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {             \
        va_list more;                                  \
        va_start(more, flags);                         \
        mode = va_arg(more, mode_t);                   \
        va_end(more);                                  \
    }

int open(const char *path, int flags, ...) {
    REALLY(open);
    MODE(flags);
    return CHANGES(flags) && armed("open") && below(path) ? refuse() : really(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    REALLY(open64);
    MODE(flags);
    return CHANGES(flags) && armed("open") && below(path) ? refuse() : really(path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    REALLY(openat64);
    MODE(flags);
    if (CHANGES(flags) && armed("open") && below(path)) return refuse();
    return really(at, path, flags, mode);
}

FILE *fopen64(const char *path, const char *how) {
    REALLY(fopen64);
    if (strpbrk(how, "wa+") && armed("open") && below(path)) return refuse(), NULL;
    return really(path, how);
}

FILE *fopen(const char *path, const char *how) {
    REALLY(fopen);
    if (strpbrk(how, "wa+") && armed("open") && below(path)) return refuse(), NULL;
    return really(path, how);
}

int fsync(int file) {
    REALLY(fsync);
    return armed("sync") && is_ours(file) ? refuse() : really(file);
}

int link(const char *old, const char *new) {
    REALLY(link);
    return armed("link") && below(new) ? refuse() : really(old, new);
}

int linkat(int from, const char *old, int to, const char *new, int flags) {
    REALLY(linkat);
    return armed("link") && below(new) ? refuse() : really(from, old, to, new, flags);
}

int rename(const char *old, const char *new) {
    REALLY(rename);
    return armed("rename") && below(new) ? refuse() : really(old, new);
}

int mkdir(const char *path, mode_t mode) {
    REALLY(mkdir);
    return armed("mkdir") && below(path) ? refuse() : really(path, mode);
}

int unlink(const char *path) {
    REALLY(unlink);
    return armed("unlink") && below(path) ? refuse() : really(path);
}

int posix_fallocate64(int file, off64_t from, off64_t length) {
    REALLY(posix_fallocate64);
    if (armed("allocate") && is_ours(file)) {
        refuse();
        return errno;
    }
    return really(file, from, length);
}
