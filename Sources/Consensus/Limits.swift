/// What the core holds itself to. Bytes are those of `BlockHead.bytes`.
package struct Limits: Equatable, Sendable {
    /// The longest block that may be proposed.
    package var blockBytes: Int
    /// The most bytes of blocks in one message; a single longer block still travels alone.
    package var messageBytes: Int
    /// The most blocks in one message.
    package var messageBlocks: Int
    /// The most bytes and blocks sent to a follower and not yet acknowledged.
    package var inflightBytes: Int
    package var inflightBlocks: Int
    /// The most bytes a leader appends before they are committed.
    package var uncommittedBytes: Int
    /// How many entries a learner may lack of the log's end to be made a voter.
    package var promotionLag: UInt64

    package init(
        blockBytes: Int = 1 << 20, messageBytes: Int = 4 << 20,
        messageBlocks: Int = 256, inflightBytes: Int = 8 << 20,
        inflightBlocks: Int = 256, uncommittedBytes: Int = 16 << 20, promotionLag: UInt64 = 1024
    ) {
        self.blockBytes = blockBytes
        self.messageBytes = messageBytes
        self.messageBlocks = messageBlocks
        self.inflightBytes = inflightBytes
        self.inflightBlocks = inflightBlocks
        self.uncommittedBytes = uncommittedBytes
        self.promotionLag = promotionLag
    }
}
