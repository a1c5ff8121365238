/* Kills its process as it is about to put something on the disk: at the Nth such call below a folder, a write half done.
 *
 * Preloaded (LD_PRELOAD), so that Python, torch's C++ and safetensors' Rust pass here alike. Sleeps until crash_arm.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[PATH_MAX];
static atomic_long made;
static long last;

/* From here on the calls below `folder` are counted, and the one numbered `at` ends the process; 0 ends it nowhere. */
void crash_arm(const char *folder, long at) {
    strncpy(root, folder, sizeof root - 1);
    made = 0;
    last = at;
}

long crash_count(void) { return made; }

static int below(const char *path) { return root[0] && !strncmp(path, root, strlen(root)); }

static int descriptor_below(int descriptor) {
    char link[64], path[PATH_MAX];
    if (!root[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static int due(int counts) { return counts && atomic_fetch_add(&made, 1) + 1 == last; }

static void die(void) { kill(getpid(), SIGKILL); pause(); }

#define NEXT(type, name, ...) \
    static type (*next)(__VA_ARGS__); \
    if (!next) next = dlsym(RTLD_NEXT, name)

ssize_t write(int descriptor, const void *data, size_t size) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    if (due(descriptor_below(descriptor))) { next(descriptor, data, size / 2); die(); }
    return next(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (due(descriptor_below(descriptor))) { next(descriptor, data, size / 2, at); die(); }
    return next(descriptor, data, size, at);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    NEXT(ssize_t, "writev", int, const struct iovec *, int);
    if (due(descriptor_below(descriptor))) { next(descriptor, parts, count / 2); die(); }
    return next(descriptor, parts, count);
}

#define ON_DESCRIPTOR(name) \
    int name(int descriptor) { NEXT(int, #name, int); if (due(descriptor_below(descriptor))) die(); return next(descriptor); }
#define ON_PATH(name) \
    int name(const char *path) { NEXT(int, #name, const char *); if (due(below(path))) die(); return next(path); }

ON_DESCRIPTOR(fsync)
ON_DESCRIPTOR(fdatasync)
ON_PATH(unlink)
ON_PATH(rmdir)

int mkdir(const char *path, mode_t mode) {
    NEXT(int, "mkdir", const char *, mode_t);
    if (due(below(path))) die();
    return next(path, mode);
}

int unlinkat(int folder, const char *path, int flags) {
    NEXT(int, "unlinkat", int, const char *, int);
    if (due(path[0] == '/' ? below(path) : descriptor_below(folder))) die();
    return next(folder, path, flags);
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *);
    if (due(below(to))) die();
    return next(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    NEXT(int, "renameat", int, const char *, int, const char *);
    if (due(to[0] == '/' ? below(to) : descriptor_below(to_folder))) die();
    return next(from_folder, from, to_folder, to);
}
