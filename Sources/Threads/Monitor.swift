package import Glibc

/// State behind a lock, with waiting: the one place where a lane's thread sleeps.
///
/// Threads are woken after the lock is free: one that is woken before would only wait again, for the lock.
///
/// `@unchecked Sendable`: `state` is touched only between lock and unlock of `mutex`.
package final class Monitor<State>: @unchecked Sendable {
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    @usableFromInline var state: State

    package init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        // Deadlines are those of a clock that nobody sets.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    @inlinable package func withLock<Result>(_ body: (inout State) throws -> Result) rethrows
        -> Result
    {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Runs `body` and wakes one waiting thread if `wake` says so of what came out.
    @inlinable package func withLock<Result>(
        _ body: (inout State) throws -> Result, wake: (Result) -> Bool
    )
        rethrows
    {
        if wake(try withLock(body)) { pthread_cond_signal(condition) }
    }

    /// Runs `body` and wakes one waiting thread.
    @inlinable package func signal<Result>(_ body: (inout State) throws -> Result) rethrows
        -> Result
    {
        defer { pthread_cond_signal(condition) }
        return try withLock(body)
    }

    /// Runs `body` and wakes every waiting thread.
    @inlinable package func broadcast(_ body: (inout State) -> Void) {
        withLock(body)
        pthread_cond_broadcast(condition)
    }

    /// Sleeps until `body` gives a value, or to the deadline, in nanoseconds of `monotonicNanoseconds`. Asks `body` once more
    /// then; nil when it still has none.
    @inlinable package func wait<Result>(until deadline: UInt64, _ body: (inout State) -> Result?)
        -> Result?
    {
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return body(&state) }
        }
    }

    /// Sleeps until `body` gives a value.
    @inlinable package func wait<Result>(_ body: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }
}

/// Starts a named thread that runs `body` to its end. The name shows in `top -H`; the kernel keeps 15 characters of it.
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 1 << 20)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    let code = pthread_create(
        &thread, &attributes,
        { argument in
            let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
            setThreadName(start.name)
            start.body()
            return nil
        }, start.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "no thread can be started: \(code)")
}

/// Nanoseconds of a clock that only goes forward, for measuring how long something waited.
package func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Names the calling thread through procfs: glibc's own call is hidden from Swift. Failing to is no reason to stop.
private func setThreadName(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    let bytes = Array(name.utf8.prefix(15))
    _ = write(file, bytes, bytes.count)
}

/// Milliseconds since 1970 by the system's clock, which may be set.
package func wallClockMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
