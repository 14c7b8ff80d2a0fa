import Measurement

/// Which tenant each request is for.
package struct TenantChooser: Sendable {
    private let mix: TenantMix
    /// Share of the first tenant that is taken before the mix is asked.
    private let hotShare: Double

    /// The exponent of the sizes of tenants, in tickets and in requests.
    package static let exponent = 1.0
    package static let hotShare = 0.9

    package init(tenants: Int, oneIsHot: Bool) {
        mix = TenantMix(tenants: tenants, exponent: Self.exponent)
        hotShare = oneIsHot ? Self.hotShare : 0
    }

    package func rank(_ random: inout SeededRandom) -> Int {
        if hotShare > 0, random.chance() < hotShare { return 0 }
        return mix.rank(at: random.chance())
    }
}

/// Requests one after the other, which follow from the seed, the number of the stream and, in one thing, from what is under way:
/// a write goes on to the next ticket when another write to its own is not answered yet.
package struct RequestStream: Sendable {
    private var random: SeededRandom
    private let mix: OperationMix
    private let chooser: TenantChooser
    private let desks: [Desk]
    private var serial: UInt64

    /// - Parameter number: of the stream in the phase, below 2^20.
    package init(
        seed: UInt64, phase: Int, number: Int, mix: OperationMix, chooser: TenantChooser,
        desks: [Desk]
    ) {
        let stream = UInt64(phase + 1) << 20 | UInt64(number)
        random = SeededRandom(seed: seed, stream: stream)
        // Below are the serials of tickets made before the load; 2^28 writes have room in a stream.
        serial = stream << 28
        self.mix = mix
        self.chooser = chooser
        self.desks = desks
    }

    /// The next request; a write's ticket is taken until `acknowledge` or `giveUp`.
    package mutating func next() -> LoadRequest {
        let operation = mix.operation(at: random.chance())
        var request = LoadRequest(operation, desks[chooser.rank(&random)])
        switch operation {
        case .create, .list: break
        case .get, .search:
            request.ticket = random.below(request.desk.tickets.count)
            let ticket = request.desk.tickets[request.ticket]
            if operation == .search { request.serial = ticket.serial }
        case .update, .comment:
            guard let desk = takeTicket(&request) else {
                // More writes are under way than the chosen desks have tickets.
                request.operation = .create
                break
            }
            request.desk = desk
        }
        if request.operation.isWrite {
            serial += 1
            request.serial = serial
        }
        if request.operation == .update {
            let known = request.desk.tickets[request.ticket].status
            let others = TicketState.asked.filter { $0 != known }
            request.status = others[random.below(others.count)]
        }
        return request
    }

    /// Tries a few desks until one has a ticket that is not being written to.
    private mutating func takeTicket(_ request: inout LoadRequest) -> Desk? {
        var desk = request.desk
        for _ in 0..<16 {
            if let place = desk.freeTicket(from: random.below(desk.tickets.count)) {
                desk.tickets[place].isBeingWritten = true
                desk.tickets[place].writesBegun &+= 1
                request.ticket = place
                return desk
            }
            desk = desks[chooser.rank(&random)]
        }
        return nil
    }
}
