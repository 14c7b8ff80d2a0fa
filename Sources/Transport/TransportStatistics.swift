package import Wire
internal import Synchronization

/// What went over the links of one kind since the start. Bytes are those of frames, before TLS.
package struct LinkTraffic: Equatable, Sendable {
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    package var framesIn: UInt64 = 0
    package var framesOut: UInt64 = 0
}

/// A look at the transport for metrics.
package struct TransportStatistics: Equatable, Sendable {
    package var traffic: [LinkKind: LinkTraffic] = [:]
    package var establishedLinks = 0
    /// Inbound connections that have not finished TLS and hello.
    package var halfOpen = 0
    /// Bytes that were accepted by `send` and not yet by the operating system.
    package var unsentBytes = 0
    /// Frames of bulk streams that wait for room or for the rate.
    package var waitingFrames = 0
}

/// The counters behind `LinkTraffic`: added to once a read or a write, never once a frame.
final class TrafficCounter: Sendable {
    private let bytesIn = Atomic<UInt64>(0)
    private let bytesOut = Atomic<UInt64>(0)
    private let framesIn = Atomic<UInt64>(0)
    private let framesOut = Atomic<UInt64>(0)

    func received(bytes: Int, frames: Int) {
        bytesIn.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        framesIn.wrappingAdd(UInt64(frames), ordering: .relaxed)
    }

    func sent(bytes: Int, frames: Int) {
        bytesOut.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        framesOut.wrappingAdd(UInt64(frames), ordering: .relaxed)
    }

    var traffic: LinkTraffic {
        LinkTraffic(
            bytesIn: bytesIn.load(ordering: .relaxed), bytesOut: bytesOut.load(ordering: .relaxed),
            framesIn: framesIn.load(ordering: .relaxed),
            framesOut: framesOut.load(ordering: .relaxed))
    }
}
