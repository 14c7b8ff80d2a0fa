/// How fast a bulk stream may go: credit that grows with time, up to a quarter second's worth, and may go below zero by
/// one frame.
struct BulkPacer {
    private let bytesPerSecond: Int64
    private var credit: Int64
    private var filledAt: Int64

    init(bytesPerSecond: Int, now: Int64) {
        precondition(bytesPerSecond > 0, "a bulk link has a rate")
        self.bytesPerSecond = Int64(bytesPerSecond)
        credit = self.bytesPerSecond / 4
        filledAt = now
    }

    /// The wait in microseconds before the next frame may go; 0 for none.
    mutating func wait(now: Int64) -> Int64 {
        let passed = min(max(0, now - filledAt), 1_000_000)
        let earned = passed * bytesPerSecond / 1_000_000
        // Time that earned less than a byte is kept for later.
        if earned > 0 {
            credit = min(credit + earned, bytesPerSecond / 4)
            filledAt = now
        }
        return credit > 0 ? 0 : (1 - credit) * 1_000_000 / bytesPerSecond + 1
    }

    mutating func spend(_ bytes: Int) { credit -= Int64(bytes) }
}
