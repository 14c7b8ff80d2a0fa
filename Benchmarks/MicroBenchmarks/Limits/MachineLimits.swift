package import Measurement

/// What the machine can do at all, measured with as little of Lodge as possible, so that every figure of Lodge can be held
/// against something physical.
///
/// Names are stable. Each limit takes about `seconds`; what needs files makes them in a folder of its own, which is gone
/// afterwards.
package enum MachineLimits {
    /// Limits that are measured together.
    package struct Group: Sendable {
        package let name: String
        let body: @Sendable (_ seconds: Double, _ folder: String) throws -> [Limit]

        /// - Parameter folder: one that is there; nothing is left in it.
        package func measure(seconds: Double, folder: String) throws -> [Limit] {
            precondition(seconds > 0)
            let scratch = try LimitFolder(in: folder)
            defer { scratch.remove() }
            return try body(seconds, scratch.path)
        }
    }

    package static let groups: [Group] = [
        Group(name: "disk", body: DiskLimits.measure),
        Group(name: "loopback", body: LoopbackLimits.measure),
        Group(name: "wake-up") { seconds, _ in [try WakeUpLimit.measure(seconds: seconds)] },
        Group(name: "sqlite", body: SQLiteLimits.measure),
        Group(name: "tls") { seconds, _ in try CryptographyLimits.measure(seconds: seconds) },
        Group(name: "zlib") { seconds, _ in try CompressionLimits.measure(seconds: seconds) },
        Group(name: "memory") { seconds, _ in [try MemoryLimit.measure(seconds: seconds)] },
    ]

    /// All of them, in order.
    package static func measure(seconds: Double, folder: String) throws -> [Limit] {
        try groups.flatMap { try $0.measure(seconds: seconds, folder: folder) }
    }
}

/// Why a limit could not be measured.
package struct LimitFault: Error, Equatable, CustomStringConvertible {
    package let description: String
}
