import ArgumentParser
import Foundation
import ServiceDesk
import TimeZones
import Wire

/// Computes what the clocks of tickets show: `lodge-sim clocks < histories.jsonl`.
struct Clocks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the clocks of tickets over their histories.",
        discussion: """
            Reads one history a line and writes one result a line, both JSON as Tests/Oracles/README.md describes them.
            """)

    func run() throws {
        let decoder = JSONDecoder()
        var number = 0
        while let line = readLine() {
            number += 1
            if line.isEmpty { continue }
            do {
                let history = try decoder.decode(ClockHistory.self, from: Data(line.utf8))
                var run = try ClockRun(history)
                print(try run.result())
            } catch { throw ValidationError("Line \(number): \(error)") }
        }
    }
}

/// One ticket's way through its history, as a desk would take it there: the state is stored and read again after each event, and
/// time passes from one due moment to the next.
private struct ClockRun {
    private let history: ClockHistory
    private var calendar: WorkingHours?
    private var policies: [ClockHistory.Policy]
    private var status = TicketStatus.new
    private var priority: String?
    private var type: String?
    private var clocks: TicketClocks
    private var events: [ClockEvent] = []
    private var firstReplyAt: Timestamp?
    private var firstSolvedAt: Timestamp?
    private var solvedAt: Timestamp?
    private var reopens = 0
    private var replies = 0

    init(_ history: ClockHistory) throws {
        guard let create = history.events.first, create.kind == .create else {
            throw ClockHistory.Fault("a history begins with create")
        }
        self.history = history
        calendar = try history.schedule?.workingHours()
        policies = history.policies
        status = try create.ticketStatus() ?? .new
        priority = create.priority ?? nil
        type = create.type ?? nil
        let targets = history.policies.targets(type: type, priority: priority)
        clocks = TicketClocks(
            createdAt: create.time, status: status, comment: create.publicComment,
            targets: { targets[$0] }, calendar: calendar, events: &events)
    }

    mutating func result() throws -> String {
        for event in history.events.dropFirst() {
            try store()
            advance(to: event.time.advanced(byMilliseconds: -1))
            switch event.kind {
            case .create: throw ClockHistory.Fault("a ticket is created once")
            case .update: try update(event)
            case .policies: policies = event.policies ?? []
            case .schedule:
                calendar = try event.schedule?.workingHours()
                clocks.scheduleChanged(at: event.time)
            }
        }
        try store()
        advance(to: Timestamp(milliseconds: history.until))
        return "{\"events\":[\(events.map(\.json).joined(separator: ","))],\"metrics\":\(metrics)}"
    }

    private mutating func store() throws {
        guard let stored = TicketClocks(clocks.encoded, createdAt: clocks.createdAt),
            stored == clocks
        else {
            throw ClockHistory.Fault("the clocks cannot be stored")
        }
        clocks = stored
    }

    private mutating func advance(to end: Timestamp) {
        while let due = clocks.nextBreach(calendar: calendar), due <= end {
            clocks.advance(to: due, calendar: calendar, events: &events)
        }
    }

    private mutating func update(_ event: ClockHistory.Event) throws {
        let old = status
        status = try event.ticketStatus() ?? old
        if let change = event.priority { priority = change }
        if let change = event.type { type = change }
        let targets = policies.targets(type: type, priority: priority)
        clocks.change(
            at: event.time, to: status, comment: event.publicComment, targets: { targets[$0] },
            calendar: calendar, events: &events)
        if old < .solved && status >= .solved {
            solvedAt = event.time
            firstSolvedAt = firstSolvedAt ?? event.time
        }
        if old >= .solved && status < .solved {
            solvedAt = nil
            reopens += 1
        }
        if event.publicComment == .agent {
            firstReplyAt = firstReplyAt ?? event.time
            replies += 1
        }
    }

    private var metrics: String {
        let totals = clocks.statusTime.totals(
            until: Timestamp(milliseconds: history.until), calendar: calendar)
        func since(_ time: Timestamp?) -> String {
            time.map { calendar.elapsed(from: clocks.createdAt, to: $0).json } ?? "null"
        }
        let members = [
            ("reply_time", since(firstReplyAt)), ("first_resolution_time", since(firstSolvedAt)),
            ("full_resolution_time", since(solvedAt)), ("agent_wait_time", totals.pending.json),
            ("requester_wait_time", (totals.working + totals.hold).json),
            ("on_hold_time", totals.hold.json), ("reopens", "\(reopens)"),
            ("replies", "\(replies)"),
        ]
        return "{\(members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ","))}"
    }
}

extension ClockEvent {
    fileprivate var json: String {
        let rest =
            switch kind {
            case .activated, .paused, .fulfilled: ""
            case .measured(let time):
                ",\"calendar\":\(time.calendarMinutes),\"business\":\(time.businessMinutes)"
            case .targetApplied(let target): ",\"sla\":\(target?.json ?? "null")"
            case .breached(let target): ",\"sla\":\(target.json)"
            }
        return
            "{\"at\":\(time.milliseconds),\"metric\":\"\(metric.name)\",\"instance\":\(instance),\"type\":\"\(kind.name)\"\(rest)}"
    }
}

extension ClockTarget {
    fileprivate var json: String {
        "{\"policy\":\(policyID),\"minutes\":\(minutes),\"business\":\(isBusiness)}"
    }
}

extension ElapsedTime {
    fileprivate var json: String {
        "{\"calendar\":\(calendarMinutes),\"business\":\(businessMinutes)}"
    }
}
