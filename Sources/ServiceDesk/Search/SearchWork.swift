/// How much one search may look at. A search that would need more is refused, never cut short: the asker narrows it by a
/// type, a status or a date, which indexes and numbers decide before any text is read.
package struct SearchWork: Sendable {
    /// Bytes of text that words are looked for in, and rows these stand in. About half a second of one reader.
    package struct Limits: Sendable {
        package var textBytes = 128 << 20
        package var textRows = 1_000_000
        /// While an index is being made that will leave less to be read, one in so many of these: what searches read meanwhile, all else waits
        /// for, the index too.
        package var waitingShare = 8
        /// Users, groups or organizations that a name in a query may mean.
        package var names = 10_000
        /// A desk with fewer tickets is read quicker than an index is asked about it.
        package var indexedFrom: Int64 = 100
        /// Tickets that an index may leave of a desk, as one in so many. Reading more of them one by one is no gain on reading all in a row.
        package var indexedShare: Int64 = 4
        package var indexedTickets: Int64 = 100_000
        package init() {}
    }

    let limits: Limits
    private(set) var textBytes = 0
    private(set) var textRows = 0
    /// Whether an index that is being made will leave less to be looked at.
    var awaitsIndex = false

    /// Whether the limit refuses the request; otherwise whoever works stops by itself.
    private let isStrict: Bool

    init(_ limits: Limits, isStrict: Bool = true) {
        self.limits = limits
        self.isStrict = isStrict
    }

    var isSpent: Bool {
        let share = awaitsIndex ? limits.waitingShare : 1
        return textBytes > limits.textBytes / share || textRows > limits.textRows / share
    }

    mutating func spend(bytes: Int) { textBytes += bytes }
    mutating func spendRow() { textRows += 1 }

    func isSpentOrThrows() throws(DeskRefusal) -> Bool {
        if isSpent && isStrict { throw refusal }
        return isSpent
    }

    var refusal: DeskRefusal { awaitsIndex ? Self.notReady : Self.tooMuch }

    static let notReady = DeskRefusal.notReady(
        retryAfterSeconds: 5,
        "The desk's texts are being made ready for searches; try again in some seconds")

    static let tooMuch = DeskRefusal.beyondSearchLimit(
        """
        The search has to read more text than one request may; narrow it with type:, status:, \
        created> or another field
        """)
}
