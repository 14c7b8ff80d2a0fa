/// What a node's log and links have carried since the process began.
package struct NodeTraffic: Sendable, Equatable {
    /// One kind of link, to all peers together.
    package struct Link: Sendable, Equatable {
        package let name: String
        package let bytesSent: UInt64
        package let bytesReceived: UInt64
        package let framesSent: UInt64
        package let framesReceived: UInt64
    }
    package let logSyncs: UInt64
    package let logBytesWritten: UInt64
    package let logSegmentBytes: UInt64
    package let links: [Link]
}
