package import NIOHTTP1

/// The statuses that updates go through.
package enum TicketState: String, CaseIterable, Sendable {
    case new, open, pending, hold

    /// Those that an update may ask for.
    package static let asked: [TicketState] = [.open, .pending, .hold]

    package var bytes: StaticString {
        switch self {
        case .new: "new"
        case .open: "open"
        case .pending: "pending"
        case .hold: "hold"
        }
    }
}

/// A write that was acknowledged, by what a ticket's history shows of it.
package struct AcknowledgedWrite: Equatable, Sendable {
    /// The audit that the answer named.
    package var audit: Int64
    /// The comment's serial; nil for a change of status.
    package var comment: UInt64?
    package var phase: Int
}

/// What is known of one ticket.
///
/// A ticket has at most one write under way, so that what its answers must say is known.
package struct TicketRecord: Sendable {
    package let id: Int64
    package let serial: UInt64
    /// Which phase made it; those made before the first are the first's.
    package let phase: Int
    /// What the last acknowledged change of status left.
    package var status = TicketState.new
    /// What changes of status asked for whose outcome is not known: they may have happened, or may happen yet.
    package var possibleStatuses: Set<TicketState> = []
    package var isBeingWritten = false
    /// Writes begun; a read whose beginning and end see the same number, and no write under way, knows the status.
    package var writesBegun: UInt32 = 0
    package var acknowledged: [AcknowledgedWrite] = []

    package init(id: Int64, serial: UInt64, phase: Int) {
        self.id = id
        self.serial = serial
        self.phase = phase
    }
}

/// One tenant under load, and what it must hold.
///
/// `@unchecked Sendable`: made by one thread, then touched by the event loop of the load alone until that is done.
package final class Desk: @unchecked Sendable {
    package let name: String
    /// First word of all its subjects and of no other tenant's: a ticket of another tenant would be seen.
    package let marker: [UInt8]
    package let shard: Int
    /// Of reads, and of writes with a body.
    package let readHeaders: HTTPHeaders
    package let writeHeaders: HTTPHeaders
    /// Made before the load; these are read and changed.
    package var tickets: [TicketRecord] = []
    /// Made by the load; they are only listed, found and read back.
    package var created: [TicketRecord] = []

    package init(rank: Int, name: String, shard: Int, authorization: String) {
        self.name = name
        self.shard = shard
        marker = Self.marker(rank: rank)
        readHeaders = ["Host": "\(name).localhost", "Authorization": authorization]
        var headers = readHeaders
        headers.add(name: "Content-Type", value: "application/json")
        writeHeaders = headers
    }

    package static func marker(rank: Int) -> [UInt8] {
        Array("d\(String(rank, radix: 36))x".utf8)
    }

    /// A ticket that nobody writes to, from `start` on; nil if all are being written to.
    func freeTicket(from start: Int) -> Int? {
        for step in 0..<tickets.count {
            let place = (start + step) % tickets.count
            if !tickets[place].isBeingWritten { return place }
        }
        return nil
    }
}
