#include "wal_file.h"

#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

// SQLite writes a WAL frame by frame, and each frame in two writes: its head of 24 bytes, then the page. At 4 KiB a page each of
// them is dearer than the copying it does. Here the frames of a transaction gather and are written at once, at the latest with the
// one that commits it (file format: https://sqlite.org/fileformat2.html#walformat). Since SQLite makes a transaction visible only after it
// has written that frame, nobody looks for what is still gathered but the connection itself, and a failure is its commit's.
//
// Only what is appended gathers. Whatever else is written goes straight through, after what has gathered.

enum { file_head = 32, frame_head = 24, buffer_size = 64 * 1024 };

/// Followed by the file of the file system below.
struct wal_file {
    sqlite3_file base;
    unsigned char *buffer;
    /// Where what has gathered belongs, and how much it is.
    sqlite3_int64 start;
    int count;
    /// Behind the last byte that was ever appended since the WAL began anew.
    sqlite3_int64 end;
    /// Whether a frame's head has been appended and not its page.
    int awaits_page;
    int commits;
    sqlite3_int64 writes;
};

static sqlite3_vfs *below;

static sqlite3_file *real(sqlite3_file *file) { return (sqlite3_file *)((struct wal_file *)file + 1); }

static int write_through(struct wal_file *wal, const void *bytes, int count, sqlite3_int64 offset) {
    sqlite3_file *file = real(&wal->base);
    wal->writes += 1;
    return file->pMethods->xWrite(file, bytes, count, offset);
}

static int flush(struct wal_file *wal) {
    if (wal->count == 0) return SQLITE_OK;
    int count = wal->count;
    // After a failure the transaction is rolled back, and its frames with it.
    wal->count = 0;
    return write_through(wal, wal->buffer, count, wal->start);
}

/// Whether a frame is a transaction's last: its head has the size of the database after that there, and 0 in every other one.
static int is_last(const void *head) { return memcmp((const char *)head + 4, "\0\0\0\0", 4) != 0; }

static int wal_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    struct wal_file *wal = (struct wal_file *)file;
    if (offset == 0) wal->end = count == file_head ? file_head : INT64_MAX;
    int is_head = !wal->awaits_page && count == frame_head;
    int is_page = wal->awaits_page && count > frame_head;
    int is_appended = offset == wal->end && (is_head || is_page) && offset > 0;
    if (!wal->buffer && is_appended) wal->buffer = sqlite3_malloc(buffer_size);
    if (!is_appended || !wal->buffer || count > buffer_size) {
        wal->awaits_page = 0;
        int code = flush(wal);
        if (code == SQLITE_OK) code = write_through(wal, bytes, count, offset);
        if (is_appended && code == SQLITE_OK) {
            wal->end += count;
            wal->awaits_page = is_head;
            if (is_head) wal->commits = is_last(bytes);
        }
        return code;
    }
    if (wal->count + count > buffer_size) {
        int code = flush(wal);
        if (code != SQLITE_OK) return code;
    }
    if (wal->count == 0) wal->start = offset;
    memcpy(wal->buffer + wal->count, bytes, (size_t)count);
    wal->count += count;
    wal->end += count;
    wal->awaits_page = is_head;
    if (is_head) wal->commits = is_last(bytes);
    return !is_head && wal->commits ? flush(wal) : SQLITE_OK;
}

static int wal_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    struct wal_file *wal = (struct wal_file *)file;
    if (wal->count > 0 && offset < wal->start + wal->count && offset + count > wal->start) {
        int code = flush(wal);
        if (code != SQLITE_OK) return code;
    }
    return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct wal_file *wal = (struct wal_file *)file;
    int code = flush(wal);
    // Whatever comes next is not appended to what was known.
    wal->end = INT64_MAX;
    wal->awaits_page = 0;
    return code == SQLITE_OK ? real(file)->pMethods->xTruncate(real(file), size) : code;
}

static int wal_sync(sqlite3_file *file, int flags) {
    int code = flush((struct wal_file *)file);
    return code == SQLITE_OK ? real(file)->pMethods->xSync(real(file), flags) : code;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *size) {
    int code = flush((struct wal_file *)file);
    return code == SQLITE_OK ? real(file)->pMethods->xFileSize(real(file), size) : code;
}

static int wal_close(sqlite3_file *file) {
    struct wal_file *wal = (struct wal_file *)file;
    sqlite3_free(wal->buffer);
    wal->buffer = NULL;
    return real(file)->pMethods->xClose(real(file));
}

static int wal_lock(sqlite3_file *file, int level) { return real(file)->pMethods->xLock(real(file), level); }
static int wal_unlock(sqlite3_file *file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
static int wal_is_reserved(sqlite3_file *file, int *answer) {
    return real(file)->pMethods->xCheckReservedLock(real(file), answer);
}
static int wal_control(sqlite3_file *file, int code, void *argument) {
    return real(file)->pMethods->xFileControl(real(file), code, argument);
}
static int wal_sector_size(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }
static int wal_characteristics(sqlite3_file *file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

// Version 1: shared memory and mapping are of the database's own file, which SQLite opens as ever.
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_is_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *opened) {
    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL)) return below->xOpen(below, name, file, flags, opened);
    memset(file, 0, sizeof(struct wal_file));
    int code = below->xOpen(below, name, real(file), flags, opened);
    // A WAL that is there already is appended to only after it has begun anew: where it ends is not known here.
    ((struct wal_file *)file)->end = INT64_MAX;
    if (real(file)->pMethods) file->pMethods = &methods;
    return code;
}

int lodge_wal_register(void) {
    static sqlite3_vfs vfs;
    below = sqlite3_vfs_find("unix-excl");
    if (!below) return SQLITE_ERROR;
    vfs = *below;
    vfs.pNext = NULL;
    vfs.zName = LODGE_WAL_FILE_SYSTEM;
    vfs.szOsFile = below->szOsFile + (int)sizeof(struct wal_file);
    vfs.xOpen = open_file;
    return sqlite3_vfs_register(&vfs, 0);
}

long long lodge_wal_write_count(sqlite3 *connection) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code != SQLITE_OK || !file || file->pMethods != &methods) return -1;
    return ((struct wal_file *)file)->writes;
}
