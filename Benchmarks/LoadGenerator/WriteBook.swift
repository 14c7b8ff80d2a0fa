import Measurement

/// What came of writes, told to the desks they were for.
extension Desk {
    /// What a read must show is settled when it is sent.
    func begin(_ request: inout LoadRequest) {
        guard request.operation == .get else { return }
        let ticket = tickets[request.ticket]
        request.writesBegun = ticket.writesBegun
        let isKnown = !ticket.isBeingWritten && ticket.possibleStatuses.isEmpty
        request.knownStatus = isKnown ? ticket.status : nil
    }

    /// What a get must show now that its answer is here: nothing if somebody wrote meanwhile.
    func statusToShow(_ request: LoadRequest) -> TicketState? {
        tickets[request.ticket].writesBegun == request.writesBegun ? request.knownStatus : nil
    }

    /// A write was acknowledged. True if it is one that must be found at the end: all but a change of status to what it was already.
    package func acknowledge(_ request: LoadRequest, _ facts: AnswerFacts, phase: Int) -> Bool {
        switch request.operation {
        case .create:
            guard let id = facts.ticket else { return false }
            created.append(TicketRecord(id: id, serial: request.serial, phase: phase))
            return true
        case .update, .comment:
            tickets[request.ticket].isBeingWritten = false
            if request.operation == .update { tickets[request.ticket].status = request.status }
            guard let audit = facts.audit else { return false }
            tickets[request.ticket].acknowledged.append(
                AcknowledgedWrite(
                    audit: audit, comment: request.operation == .comment ? request.serial : nil,
                    phase: phase))
            return true
        case .get, .list, .search: return false
        }
    }

    /// A write was given up: what became of it is not known, now or later.
    package func giveUp(_ request: LoadRequest) {
        guard request.operation == .update || request.operation == .comment else { return }
        tickets[request.ticket].isBeingWritten = false
        if request.operation == .update {
            tickets[request.ticket].possibleStatuses.insert(request.status)
        }
    }

    /// A write that was never sent.
    func giveUpUnsent(_ request: LoadRequest) {
        guard request.ticket >= 0 else { return }
        tickets[request.ticket].isBeingWritten = false
    }
}
