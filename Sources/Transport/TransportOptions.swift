/// The transport's bounds and times. Times are microseconds, sizes bytes.
package struct TransportOptions: Sendable {
    /// Unsent bytes a log link may hold; above them `send` answers false.
    package var logBound = 64 << 20
    package var requestsBound = 64 << 20
    /// Of a bulk link: small answers beside the stream; the stream itself waits at `bulkWindow`.
    package var bulkBound = 8 << 20
    /// Unsent bytes at which a bulk stream waits.
    package var bulkWindow = 1 << 20
    package var bulkBytesPerSecond = 64 << 20
    /// How long a bulk stream waits for its link to be opened.
    package var bulkPatience: Int64 = 5_000_000
    /// Silence after which an established link closes.
    package var silence: Int64 = 3_000_000
    /// After so long without a frame of our own we say that we are still here.
    package var keepAlive: Int64 = 1_000_000
    /// How long TLS and hello may take.
    package var handshake: Int64 = 5_000_000
    /// Inbound connections that have not finished TLS and hello.
    package var halfOpenLimit = 64
    package var shortestBackoff: Int64 = 50_000
    package var longestBackoff: Int64 = 2_000_000
    /// How often `tick` is called.
    package var tickInterval: Int64 = 100_000
    /// How often one fault of one peer is logged.
    package var faultLogInterval: Int64 = 10_000_000

    package init() {}
}
