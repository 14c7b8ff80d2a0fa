#pragma once

struct sqlite3;

/// The name of the file system for a connection to open its file with.
#define LODGE_WAL_FILE_SYSTEM "lodge-wal"

/// Makes the file system known to SQLite: "unix-excl", but for how WALs are written. Before the first connection, once.
/// Returns SQLite's result code.
int lodge_wal_register(void);

/// How many times this connection has given the kernel something to write to its WAL; -1 while no WAL is open.
long long lodge_wal_write_count(struct sqlite3 *connection);
