// Stands between a program and its files and clock (LD_PRELOAD), so that a test can take away what no sync made durable,
// let syncs fail or take long, and move the wall clock. README.md describes the modes; test_preload.py shows that each works.
//
// Only regular files below LODGE_FAULTS_ROOT are watched. Orders come and counts go through the file LODGE_FAULTS_CONTROL,
// which both sides have mapped: `struct control` here, `Control` in shim.py.
//
// How power loss works: before each write to a watched file the bytes it replaces are kept, with the file's length; a
// successful sync of the file forgets them. On the order to lose power, with all writers held off, what is kept is put back,
// newest first, and the process ends at once. Names work alike: a file made, renamed or removed becomes as before unless its
// folder (for a new file: or the file) was synced since.
//
// What a program writes through a mapping is not seen. SQLite's shared memory file is the one such; it is rebuilt at open.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x4c4f444745464c54ULL
#define POWER_LOST 137

struct control {
    _Atomic uint64_t magic;
    // Orders.
    _Atomic int64_t sync_delay_ms;   // each sync takes so much longer
    _Atomic int64_t failing_syncs;   // so many of the next syncs fail with EIO
    _Atomic int64_t clock_offset_ns; // the wall clock is so far off
    _Atomic int64_t lose_power;      // 1: all that is unsynced is lost; 2: an oldest part of it survives, the last write torn
    _Atomic int64_t tear_seed;       // decides what survives in mode 2
    // Counts.
    _Atomic int64_t writes, syncs, failed_syncs, unsynced_bytes, undone_bytes, processes;
};

// One thing that has happened to a file and is not durable.
struct change {
    struct change *older;
    uint64_t number; // in the order things happened, over all files
    off_t offset, old_length, length, old_size;
    char bytes[];
};

struct file {
    struct file *next;
    dev_t device;
    ino_t number;
    char path[PATH_MAX];
    struct change *newest;
};

enum name_kind { MADE, RENAMED, REMOVED };

// A change of a folder that is not durable. `kept` is a second name of a file that would be gone otherwise.
struct name {
    struct name *older;
    enum name_kind kind;
    char path[PATH_MAX], from[PATH_MAX], kept[PATH_MAX];
};

static struct control nothing_ordered, *control = &nothing_ordered;
static char root[PATH_MAX], kept_folder[PATH_MAX], failing[256];
static size_t root_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct name *names;
static uint64_t changes, kept_names;

#define REAL(name)                                                  \
    static __typeof__(&name) real;                                  \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int real_unlink(const char *path) {
    REAL(unlink);
    return real(path);
}
static ssize_t real_pwrite(int fd, const void *data, size_t count, off_t offset) {
    REAL(pwrite);
    return real(fd, data, count, offset);
}
static int real_ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return real(fd, size);
}
static int real_rename(const char *from, const char *to) {
    REAL(rename);
    return real(from, to);
}
static int real_clock_gettime(clockid_t clock, struct timespec *time) {
    REAL(clock_gettime);
    return real(clock, time);
}

// Which files

static bool is_below_root(const char *path) {
    return root_length && !strncmp(path, root, root_length) && path[root_length] == '/';
}

static bool path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return false;
    path[length] = 0;
    return true;
}

static struct file *find(dev_t device, ino_t number) {
    for (struct file *file = files; file; file = file->next)
        if (file->device == device && file->number == number) return file;
    return NULL;
}

// SQLite's index of a WAL is mapped and holds nothing that must last. To cut it on the order to lose power would meet the
// process's other threads with SIGBUS, and a crash report would hold up its end.
static bool is_mapped_index(const char *path) {
    size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, "-shm");
}

// The watched file behind a descriptor, or none. Under the lock.
static struct file *watched(int fd, struct stat *about) {
    char path[PATH_MAX];
    if (fstat(fd, about) || !S_ISREG(about->st_mode) || !about->st_nlink) return NULL;
    struct file *file = find(about->st_dev, about->st_ino);
    if (file) return file;
    if (!path_of(fd, path) || !is_below_root(path) || is_mapped_index(path)) return NULL;
    file = calloc(1, sizeof *file);
    if (!file) abort();
    file->device = about->st_dev;
    file->number = about->st_ino;
    strcpy(file->path, path);
    file->next = files;
    return files = file;
}

static void forget_until(struct file *file, uint64_t number) {
    struct change **link = &file->newest;
    while (*link && (*link)->number > number) link = &(*link)->older;
    struct change *old = *link;
    *link = NULL;
    while (old) {
        struct change *older = old->older;
        control->unsynced_bytes -= old->length;
        free(old);
        old = older;
    }
}

static void forget_file(struct file *file) {
    forget_until(file, 0);
    for (struct file **link = &files; *link; link = &(*link)->next) {
        if (*link != file) continue;
        *link = file->next;
        free(file);
        return;
    }
}

// Bytes

// Keeps what a write of `length` bytes at `offset` is about to replace. Under the lock.
static void remember(int fd, off_t offset, off_t length) {
    struct stat about;
    struct file *file = watched(fd, &about);
    if (!file) return;
    off_t old_length = about.st_size > offset ? about.st_size - offset : 0;
    if (old_length > length) old_length = length;
    struct change *change = malloc(sizeof *change + old_length);
    if (!change) abort();
    int reader = fd;
    bool is_write_only = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
    // Closing this second descriptor drops the process's record locks on the file; who locks has it open for reading.
    if (is_write_only && old_length) reader = open(file->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = old_length ? pread(reader, change->bytes, old_length, offset) : 0;
    if (is_write_only && old_length && reader >= 0) close(reader);
    if (got != old_length) abort();
    *change = (struct change){file->newest, ++changes, offset, old_length, length, about.st_size};
    file->newest = change;
    control->writes++;
    control->unsynced_bytes += length;
}

static off_t place(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) {
        struct stat about;
        return fstat(fd, &about) ? 0 : about.st_size;
    }
    return lseek(fd, 0, SEEK_CUR);
}

static size_t total(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

// Nothing but a file needs the lock: a write to a socket may wait for long.
static bool is_file(int fd) {
    struct stat about;
    int before = errno;
    bool answer = root_length && !fstat(fd, &about) && S_ISREG(about.st_mode);
    errno = before;
    return answer;
}

#define WATCHED_WRITE(fd, offset, length, call)    \
    do {                                           \
        if (!is_file(fd)) return call;             \
        pthread_mutex_lock(&lock);                 \
        remember(fd, offset, length);              \
        __typeof__(call) result = call;            \
        int error = errno;                         \
        pthread_mutex_unlock(&lock);               \
        errno = error;                             \
        return result;                             \
    } while (0)

ssize_t write(int fd, const void *data, size_t count) {
    REAL(write);
    WATCHED_WRITE(fd, place(fd), count, real(fd, data, count));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    WATCHED_WRITE(fd, place(fd), total(parts, count), real(fd, parts, count));
}
ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) {
    WATCHED_WRITE(fd, offset, count, real_pwrite(fd, data, count, offset));
}
ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset) {
    WATCHED_WRITE(fd, offset, count, real_pwrite(fd, data, count, offset));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(pwritev);
    WATCHED_WRITE(fd, offset, total(parts, count), real(fd, parts, count, offset));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    REAL(pwritev64);
    WATCHED_WRITE(fd, offset, total(parts, count), real(fd, parts, count, offset));
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    REAL(pwritev2);
    WATCHED_WRITE(fd, offset, total(parts, count), real(fd, parts, count, offset, flags));
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    REAL(pwritev64v2);
    WATCHED_WRITE(fd, offset, total(parts, count), real(fd, parts, count, offset, flags));
}

// A shorter file loses its end, a longer one gains zeros; both are a write from the smaller size on.
static off_t changed_by_truncation(int fd, off_t size) {
    struct stat about;
    if (fstat(fd, &about)) return 0;
    return about.st_size > size ? about.st_size - size : 0;
}
int ftruncate(int fd, off_t size) {
    WATCHED_WRITE(fd, size, changed_by_truncation(fd, size), real_ftruncate(fd, size));
}
int ftruncate64(int fd, off64_t size) {
    WATCHED_WRITE(fd, size, changed_by_truncation(fd, size), real_ftruncate(fd, size));
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
    REAL(fallocate);
    WATCHED_WRITE(fd, offset, length, real(fd, mode, offset, length));
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    REAL(fallocate64);
    WATCHED_WRITE(fd, offset, length, real(fd, mode, offset, length));
}
int posix_fallocate(int fd, off_t offset, off_t length) {
    REAL(posix_fallocate);
    WATCHED_WRITE(fd, offset, length, real(fd, offset, length));
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    REAL(posix_fallocate64);
    WATCHED_WRITE(fd, offset, length, real(fd, offset, length));
}

// Syncs

static bool takes_failure(const char *path) {
    if (failing[0] && !strstr(path, failing)) return false;
    int64_t left = control->failing_syncs;
    while (left > 0)
        if (atomic_compare_exchange_weak(&control->failing_syncs, &left, left - 1)) return true;
    return false;
}

static void forget_names_in(const char *folder) {
    size_t length = strlen(folder);
    for (struct name **link = &names; *link;) {
        struct name *name = *link;
        bool is_in = !strncmp(name->path, folder, length) && name->path[length] == '/' && !strchr(name->path + length + 1, '/');
        if (!is_in) {
            link = &name->older;
            continue;
        }
        if (name->kept[0]) real_unlink(name->kept);
        *link = name->older;
        free(name);
    }
}

static void forget_made(const char *path) {
    for (struct name **link = &names; *link; link = &(*link)->older) {
        struct name *name = *link;
        if (name->kind != MADE || strcmp(name->path, path)) continue;
        *link = name->older;
        free(name);
        return;
    }
}

static int sync_with(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    if (!root_length || !path_of(fd, path) || !(is_below_root(path) || !strcmp(path, root))) return real(fd);
    control->syncs++;
    int64_t delay = control->sync_delay_ms;
    if (delay > 0) nanosleep(&(struct timespec){delay / 1000, delay % 1000 * 1000000}, NULL);
    if (takes_failure(path)) {
        control->failed_syncs++;
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&lock);
    uint64_t until = changes;
    pthread_mutex_unlock(&lock);
    int result = real(fd), error = errno;
    // After the order to lose power nobody gets past this lock: a sync that has not returned has promised nothing.
    pthread_mutex_lock(&lock);
    struct stat about;
    if (!result && !fstat(fd, &about)) {
        struct file *file = find(about.st_dev, about.st_ino);
        if (S_ISDIR(about.st_mode)) forget_names_in(path);
        if (file) forget_until(file, until);
        if (S_ISREG(about.st_mode)) forget_made(path);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd) {
    REAL(fsync);
    return sync_with(fd, real);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return sync_with(fd, real);
}

// Names

static bool absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX];
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    bool is_known = folder == AT_FDCWD ? getcwd(base, sizeof base) != NULL : path_of(folder, base);
    return is_known && snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static struct name *note(enum name_kind kind, const char *path) {
    struct name *name = calloc(1, sizeof *name);
    if (!name) abort();
    name->kind = kind;
    strcpy(name->path, path);
    name->older = names;
    return names = name;
}

// Gives a file that is about to lose its name another, so that it can be given back.
static void keep(const char *path, char *kept) {
    kept[0] = 0;
    if (!kept_folder[0]) return;
    int length = snprintf(kept, PATH_MAX, "%s/%d-%llu", kept_folder, getpid(), (unsigned long long)++kept_names);
    if (length >= PATH_MAX || link(path, kept)) kept[0] = 0;
}

static int opened(int folder, const char *path, int flags, mode_t mode, int (*real)(int, const char *, int, ...)) {
    char full[PATH_MAX];
    struct stat about;
    bool may_matter = root_length && flags & (O_CREAT | O_TRUNC) && absolute(folder, path, full) && is_below_root(full);
    if (!may_matter) return real(folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    bool was_there = !lstat(full, &about);
    bool is_cut = was_there && flags & O_TRUNC && S_ISREG(about.st_mode) && about.st_size > 0;
    // What O_TRUNC takes must be kept like any other change, so it is done by hand.
    int fd = real(folder, path, is_cut ? flags & ~O_TRUNC : flags, mode), error = errno;
    if (fd >= 0 && !was_there) note(MADE, full);
    if (fd >= 0 && is_cut) {
        remember(fd, 0, about.st_size);
        if (real_ftruncate(fd, 0)) abort();
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags)                                  \
    mode_t mode = 0;                                 \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {         \
        va_list rest;                                \
        va_start(rest, flags);                       \
        mode = va_arg(rest, mode_t);                 \
        va_end(rest);                                \
    }

static int real_openat(int folder, const char *path, int flags, ...) {
    REAL(openat);
    MODE(flags);
    return real(folder, path, flags, mode);
}
int open(const char *path, int flags, ...) {
    MODE(flags);
    return opened(AT_FDCWD, path, flags, mode, real_openat);
}
int open64(const char *path, int flags, ...) {
    MODE(flags);
    return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode, real_openat);
}
int openat(int folder, const char *path, int flags, ...) {
    MODE(flags);
    return opened(folder, path, flags, mode, real_openat);
}
int openat64(int folder, const char *path, int flags, ...) {
    MODE(flags);
    return opened(folder, path, flags | O_LARGEFILE, mode, real_openat);
}
int creat(const char *path, mode_t mode) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, real_openat);
}

static int removed(int folder, const char *path, int flags, int (*real)(int, const char *, int)) {
    char full[PATH_MAX], kept[PATH_MAX] = "";
    bool matters = root_length && !(flags & AT_REMOVEDIR) && absolute(folder, path, full) && is_below_root(full);
    if (!matters) return real(folder, path, flags);
    pthread_mutex_lock(&lock);
    struct stat about;
    bool was_there = !lstat(full, &about);
    if (was_there) keep(full, kept);
    int result = real(folder, path, flags), error = errno;
    if (!result) {
        strcpy(note(REMOVED, full)->kept, kept);
        struct file *file = find(about.st_dev, about.st_ino);
        // Unsynced bytes of a file that may come back are lost with it all the same.
        if (file && kept[0]) strcpy(file->path, kept);
        if (file && !kept[0]) forget_file(file);
    } else if (kept[0]) {
        real_unlink(kept);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static int real_unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    return real(folder, path, flags);
}
int unlinkat(int folder, const char *path, int flags) {
    return removed(folder, path, flags, real_unlinkat);
}
int unlink(const char *path) {
    return removed(AT_FDCWD, path, 0, real_unlinkat);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(renameat);
    char old[PATH_MAX], new[PATH_MAX], kept[PATH_MAX] = "";
    bool matters = root_length && absolute(from_folder, from, old) && absolute(to_folder, to, new) && is_below_root(new);
    struct stat about;
    // A folder keeps its files' paths only if it is not renamed; nobody here renames one while it is written to.
    if (!matters) return real(from_folder, from, to_folder, to);
    pthread_mutex_lock(&lock);
    bool is_watched = !lstat(old, &about);
    struct stat replaced;
    if (!lstat(new, &replaced) && S_ISREG(replaced.st_mode)) keep(new, kept);
    int result = real(from_folder, from, to_folder, to), error = errno;
    if (!result && is_watched) {
        struct name *name = note(RENAMED, new);
        strcpy(name->from, old);
        strcpy(name->kept, kept);
        struct file *file = find(about.st_dev, about.st_ino);
        if (file) strcpy(file->path, new);
    } else if (kept[0]) {
        real_unlink(kept);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int rename(const char *from, const char *to) {
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

// Power

static uint64_t next_random(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

// Puts back what a change replaced, from its byte `kept` on: those before it had reached the disk.
static void undo(int fd, struct change *change, off_t kept) {
    if (kept < change->old_length
        && real_pwrite(fd, change->bytes + kept, change->old_length - kept, change->offset + kept)
            != change->old_length - kept)
        _exit(POWER_LOST + 1);
    off_t size = change->old_size;
    if (kept > 0 && change->offset + kept > size) size = change->offset + kept;
    if (real_ftruncate(fd, size)) _exit(POWER_LOST + 1);
    control->undone_bytes += change->length - kept;
}

static void undo_file(struct file *file, int64_t mode, uint64_t *random) {
    if (!file->newest) return;
    int fd = real_openat(AT_FDCWD, file->path, O_RDWR | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) || about.st_ino != file->number) return;
    int64_t count = 0, surviving = 0;
    for (struct change *change = file->newest; change; change = change->older) count++;
    if (mode == 2) surviving = next_random(random) % (count + 1);
    for (struct change *change = file->newest; change; change = change->older, count--) {
        if (count <= surviving) break;
        bool is_torn = mode == 2 && count == surviving + 1 && change->length > 512;
        undo(fd, change, is_torn ? next_random(random) % (change->length / 512) * 512 : 0);
    }
    close(fd);
}

static void undo_names(void) {
    for (struct name *name = names; name; name = name->older) {
        if (name->kind == MADE) real_unlink(name->path);
        if (name->kind == RENAMED) real_rename(name->path, name->from);
        if (name->kind != MADE && name->kept[0]) real_rename(name->kept, name->path);
    }
}

static void lose_power(int64_t mode) {
    uint64_t random = control->tear_seed;
    // Never unlocked: whoever writes or syncs from now on waits for the end of the process.
    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) undo_file(file, mode, &random);
    if (mode == 1) undo_names();
    _exit(POWER_LOST);
}

static void *await_order(void *unused) {
    (void)unused;
    for (;;) {
        int64_t mode = control->lose_power;
        if (mode > 0) lose_power(mode);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return NULL;
}

// The wall clock

static struct timespec moved(struct timespec time, int64_t by) {
    int64_t nanoseconds = time.tv_nsec + by % 1000000000;
    time.tv_sec += by / 1000000000 + (nanoseconds >= 1000000000) - (nanoseconds < 0);
    time.tv_nsec = (nanoseconds + 1000000000) % 1000000000;
    return time;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = real_clock_gettime(clock, time);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *time = moved(*time, control->clock_offset_ns);
    return result;
}
int timespec_get(struct timespec *time, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, time) ? base : 0;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

// The kernel's clock has not moved, so a deadline made from the moved clock is moved back. A time since 1970 is far larger than
// one since the machine was started, which tells the two clocks apart.
static const struct timespec *moved_back(const struct timespec *deadline, struct timespec *out) {
    if (!deadline || deadline->tv_sec < 1000000000) return deadline;
    *out = moved(*deadline, -control->clock_offset_ns);
    return out;
}
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
    REAL(pthread_cond_timedwait);
    struct timespec back;
    return real(condition, mutex, moved_back(deadline, &back));
}
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline) {
    REAL(sem_timedwait);
    struct timespec back;
    return real(semaphore, moved_back(deadline, &back));
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("LODGE_FAULTS_CONTROL"), *below = getenv("LODGE_FAULTS_ROOT");
    const char *kept = getenv("LODGE_FAULTS_KEPT"), *match = getenv("LODGE_FAULTS_FAIL");
    if (!path) return;
    int fd = real_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    struct control *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED || shared->magic != MAGIC) abort();
    control = shared;
    if (below && realpath(below, root)) root_length = strlen(root);
    if (kept && !realpath(kept, kept_folder)) abort();
    if (match) snprintf(failing, sizeof failing, "%s", match);
    // What a process before this one had not synced is settled.
    control->unsynced_bytes = 0;
    control->processes++;
    pthread_t thread;
    if (pthread_create(&thread, NULL, await_order, NULL)) abort();
    pthread_detach(thread);
}
