/// What a frame between nodes carries. The numbers are sent and never change their meaning.
///
/// 128-255 are for kinds that a node which does not know them may ignore; an unknown number below 128 closes the link.
package enum FrameKind: UInt8, CaseIterable, Sendable {
    case hello = 1
    case heartbeat = 2
    /// A message of consensus with blocks in it.
    case replica = 3
    case request = 4
    case requestBody = 5
    case response = 6
    case responseBody = 7
    case snapshotBegin = 9
    case snapshotChunk = 10
    case snapshotEnd = 11
    case snapshotAnswer = 12
    case control = 13
    /// The transport's own: the lower node asks the higher one to open a link; one byte, the `LinkKind`.
    case dial = 14
    /// A message of consensus without blocks: most are acknowledgements.
    case consensus = 15
    /// The transport's own: nothing to say, still here. Old nodes may ignore it.
    case keepAlive = 128
    /// The transport's own: zeros after frames whose length nobody may see.
    case padding = 129

    /// Whether the kind carries tenants' data. Then what is written to the link with it is padded to a multiple of 128 bytes, so that who
    /// watches the line and can make a tenant write cannot read secrets from how well they compress (CRIME, BREACH).
    package var isPadded: Bool {
        switch self {
        case .replica, .request, .requestBody, .response, .responseBody, .snapshotChunk: true
        case .hello, .heartbeat, .snapshotBegin, .snapshotEnd, .snapshotAnswer, .control,
            .dial, .consensus, .keepAlive, .padding:
            false
        }
    }

    /// Whether a node that does not know this number goes on without it.
    package static func mayBeIgnored(_ number: UInt8) -> Bool { number >= 128 }
}
