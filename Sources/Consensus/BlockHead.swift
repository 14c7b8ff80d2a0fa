/// What consensus knows of a block: a run of entries that one leader appended at once and that is never split.
///
/// The core never sees what the entries say. Whoever drives it keeps the bytes next to the head. Every log that holds a
/// block holds all of it, so both ends of a block are boundaries in every log, and every index that replicas tell each
/// other is such a boundary.
package struct BlockHead: Equatable, Sendable {
    package let first: LogIndex
    package let last: LogIndex
    package let term: Term
    /// The length of its bytes as shipped, for flow control.
    package let bytes: Int
    package let content: Content

    package enum Content: Equatable, Sendable {
        /// Requests' row changes, one entry each.
        case entries
        /// One empty entry, with which a leader opens its term.
        case noop
        /// One entry: the group's members from here on.
        case configuration(Configuration)
    }

    package init(first: LogIndex, last: LogIndex, term: Term, bytes: Int, content: Content) {
        precondition(first <= last && first > .zero)
        precondition(bytes >= 0)
        self.first = first
        self.last = last
        self.term = term
        self.bytes = bytes
        self.content = content
    }

    package var position: LogPosition { LogPosition(index: last, term: term) }
}

/// The state a log may begin after: a snapshot of the rows holds everything up to `position`.
package struct SnapshotHead: Equatable, Sendable {
    package let position: LogPosition
    package let configuration: Configuration
    package init(position: LogPosition, configuration: Configuration) {
        self.position = position
        self.configuration = configuration
    }
}
