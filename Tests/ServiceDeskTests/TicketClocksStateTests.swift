import Foundation
import Glibc
import ShardStore
import Testing
import TestSupport
import Wire

@testable import ServiceDesk

private let created = Timestamp(milliseconds: 1_767_603_600_000)

private func read(_ bytes: [UInt8]) -> TicketClocks? { TicketClocks(bytes, createdAt: created) }

private func office(until hour: Int) -> WorkingHours {
    WorkingHours(
        zone: ZoneOffsets([ZoneOffsets.Change(from: .min, offset: 0)]),
        stretches: (1...5).map { .init(start: $0 * 1440 + 540, end: $0 * 1440 + hour * 60) })
}

/// A ticket that random things happen to, and what has happened to it.
private struct RandomLife {
    private(set) var clocks: TicketClocks
    /// Every change of status, from the creation on.
    private(set) var statuses: [(time: Timestamp, status: TicketStatus)] = []
    private(set) var now = created
    private let calendar = office(until: 17)
    private var dice: SeededRandom
    private var events: [ClockEvent] = []

    init(seed: UInt64) {
        dice = SeededRandom(seed: seed)
        let status = [TicketStatus.new, .open, .pending, .hold].randomElement(using: &dice)!
        let targets = Self.targets(&dice)
        clocks = TicketClocks(
            createdAt: now, status: status, comment: Bool.random(using: &dice) ? .agent : nil,
            targets: { targets[$0] }, calendar: calendar, events: &events)
        statuses.append((now, status))
    }

    private static func targets(_ dice: inout SeededRandom) -> [PolicyMetric: ClockTarget] {
        var targets: [PolicyMetric: ClockTarget] = [:]
        for metric in PolicyMetric.allCases where Int.random(in: 0..<4, using: &dice) > 0 {
            targets[metric] = ClockTarget(
                policyID: .random(in: -3...3, using: &dice),
                minutes: .random(in: 0...5000, using: &dice),
                isBusiness: .random(using: &dice))
        }
        return targets
    }

    mutating func step() {
        let lengths: [Int64] = [0, 1, 60_000, 7_000_000, 100_000_000]
        now = now.advanced(byMilliseconds: lengths.randomElement(using: &dice)!)
        let targets = Self.targets(&dice)
        let isSame = Int.random(in: 0..<3, using: &dice) == 0
        let status =
            isSame
            ? statuses[statuses.count - 1].status
            : [TicketStatus.open, .pending, .hold, .solved].randomElement(using: &dice)!
        let comment = [TicketClocks.PublicComment.agent, .endUser, nil].randomElement(using: &dice)!
        clocks.change(
            at: now, to: status, comment: comment, targets: { targets[$0] }, calendar: calendar,
            events: &events)
        events.removeAll(keepingCapacity: true)
        statuses.append((now, status))
    }

    /// All the time in a status, from what has happened.
    func elapsed(in wanted: Set<TicketStatus>, calendar: WorkingHours?) -> ElapsedTime {
        var sum = ElapsedTime()
        for (place, entry) in statuses.enumerated() where wanted.contains(entry.status) {
            let end = place + 1 < statuses.count ? statuses[place + 1].time : now
            sum = sum + calendar.elapsed(from: entry.time, to: end)
        }
        return sum
    }
}

struct TicketClocksStateTests {
    // MARK: The encoding

    @Test(arguments: 1...20)
    func everyStateIsReadBackAsItWasWritten(seed: UInt64) throws {
        var life = RandomLife(seed: seed)
        for step in 0..<300 {
            let bytes = life.clocks.encoded
            #expect(read(bytes) == life.clocks, "seed \(seed), step \(step)")
            life.step()
        }
    }

    @Test(arguments: 1...10)
    func bytesCutShortOrContinuedAreNoState(seed: UInt64) {
        var life = RandomLife(seed: seed)
        for _ in 0..<(seed * 12) { life.step() }
        let bytes = life.clocks.encoded
        for count in 0..<bytes.count {
            #expect(read(Array(bytes.prefix(count))) == nil, "seed \(seed), \(count)")
        }
        for byte in [UInt8(0), 1, 0x80] { #expect(read(bytes + [byte]) == nil) }
    }

    /// Whatever is read is written as it was read, and can be worked with.
    @Test(arguments: 1...10)
    func bytesThatAreReadHaveOneForm(seed: UInt64) {
        var life = RandomLife(seed: seed)
        for _ in 0..<(seed * 12) { life.step() }
        let bytes = life.clocks.encoded
        var dice = SeededRandom(seed: seed)
        var refused = 0
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << bit
                if Int.random(in: 0..<4, using: &dice) == 0 {
                    changed[.random(in: bytes.indices, using: &dice)] = .random(
                        in: .min ... .max, using: &dice)
                }
                guard var state = read(changed) else {
                    refused += 1
                    continue
                }
                #expect(state.encoded == changed, "seed \(seed), byte \(place), bit \(bit)")
                var events: [ClockEvent] = []
                state.change(
                    at: life.now, to: .pending, comment: .agent, targets: { _ in nil },
                    calendar: nil, events: &events)
                #expect(read(state.encoded) == state)
            }
        }
        #expect(refused > bytes.count)
    }

    @Test func aStateFromAnotherVersionIsNoState() {
        var bytes = RandomLife(seed: 1).clocks.encoded
        bytes[0] = 2
        #expect(read(bytes) == nil)
        #expect(read([]) == nil)
    }

    @Test func statesThatNoTicketComesToAreNotRead() {
        typealias Instance = TicketClocks.Instance
        func at(_ milliseconds: Int64) -> Timestamp {
            created.advanced(byMilliseconds: milliseconds)
        }
        func isRead(
            _ spans: [(TicketPhase, Int64)] = [(.working, 0)], reply: Instance = Instance(),
            resolution: Instance = Instance(number: 1, since: created), changed: Int64 = 100
        ) -> Bool {
            let lifelong = Instance(number: 1, since: created)
            let clocks = TicketClocks(
                createdAt: created,
                statusTime: StatusTime(
                    spans: spans.map { StatusTime.Span(phase: $0.0, start: at($0.1)) },
                    folded: StatusTime.Totals()),
                instances: [reply, lifelong, lifelong, Instance(), Instance(), resolution],
                changedAt: at(changed))
            return read(clocks.encoded) == clocks
        }
        func alternating(_ count: Int64) -> [(TicketPhase, Int64)] {
            (0..<count).map { ($0 % 2 == 0 ? .working : .hold, $0) }
        }
        #expect(isRead())
        #expect(isRead([(.working, 0), (.hold, 1), (.working, 100)]))
        #expect(isRead(alternating(64)) && !isRead(alternating(65)))
        #expect(!isRead([]))
        #expect(!isRead([(.working, 0), (.working, 1)]), "twice the same phase")
        #expect(!isRead([(.working, 0), (.hold, 0)]), "a phase that took no time")
        #expect(!isRead([(.working, 0), (.hold, 101)]), "a phase that begins later than now")
        #expect(isRead(reply: Instance(number: 1, since: at(100))))
        #expect(!isRead(reply: Instance(number: 1, since: at(101))))
        #expect(!isRead(changed: 1 << 51))
        let solved: [(TicketPhase, Int64)] = [(.working, 0), (.solved, 50)]
        #expect(isRead(solved, reply: Instance(number: 1)))
        #expect(!isRead(solved, reply: Instance(number: 1, since: created)))
        #expect(!isRead(resolution: Instance(number: 1, since: at(1))))
        #expect(!isRead(resolution: Instance(number: 2, since: created)))
        #expect(!isRead(resolution: Instance()))
        let target = ClockTarget(policyID: 1, minutes: 1, isBusiness: false)
        #expect(
            isRead(reply: Instance(number: 1, since: created, target: target, isBreached: true)))
        #expect(!isRead(reply: Instance(number: 1, since: created, isBreached: true)))
        #expect(!isRead(reply: Instance(number: 1, target: target)))
        let short = ElapsedTime(calendar: 1, business: 1)
        #expect(isRead(reply: Instance(number: 1, since: at(1), folded: short)))
        #expect(!isRead(reply: Instance(number: 1, since: created, folded: short)))
        let odd = ElapsedTime(calendar: 1, business: 2)
        #expect(!isRead(reply: Instance(number: 1, since: at(1), folded: odd)))
    }

    @Test func whatIsNothingIsLeftOutAndNotWrittenAsNothing() throws {
        var events: [ClockEvent] = []
        let clocks = TicketClocks(
            createdAt: Timestamp(milliseconds: 0), status: .open, comment: nil,
            targets: { _ in nil }, calendar: nil, events: &events)
        // Version, all instances usual, one span that begins at once.
        #expect(clocks.encoded == [1, 63, 1, 0])
        func read(_ bytes: [UInt8]) -> TicketClocks? {
            TicketClocks(bytes, createdAt: Timestamp(milliseconds: 0))
        }
        #expect(read([1, 63, 1, 0]) == clocks)
        #expect(read([1, 63 + 64, 1, 1, 1, 1, 0]) == nil, "nothing folded")
        #expect(read([1, 63 + 128, 0, 1, 0]) == nil, "changed by nothing")
        #expect(read([1, 62, 1, 0, 1, 1 + 64]) == nil, "a usual instance")
        #expect(read([1, 62, 1, 0, 2, 1, 0]) == nil, "begun with the ticket, and not said so")
        #expect(read([1, 62, 1, 0, 2, 1 + 64 + 128]) == nil, "begun twice")
        #expect(read([1, 62, 1, 0, 2, 1 + 64]) != nil)
        #expect(read([1, 62 + 128, 5, 1, 0, 2, 1 + 8, 3, 1]) == nil, "nothing run in folded spans")
        #expect(read([1, 62 + 128, 5, 1, 0, 2, 1, 3]) != nil)
        #expect(read([1, 62, 1, 0, 1, 0]) != nil)
    }

    /// Where every minute is worked, sums say as much as spans: a ticket's times are the same, and its state stays short.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func foldingThePastChangesNoTimeWhereEveryMinuteIsWorked(seed: UInt64) {
        var dice = SeededRandom(seed: seed)
        var events: [[ClockEvent]] = [[], []]
        var twins = (0..<2).map { twin in
            TicketClocks(
                createdAt: created, status: .open, comment: .agent, targets: { _ in nil },
                calendar: nil, events: &events[twin])
        }
        var now = created
        for _ in 0..<200 {
            now = now.advanced(byMilliseconds: .random(in: 0...9_000_000, using: &dice))
            let status = [TicketStatus.open, .pending, .hold, .solved].randomElement(using: &dice)!
            let comment = [TicketClocks.PublicComment.agent, .endUser, nil].randomElement(
                using: &dice)!
            let target = ClockTarget(
                policyID: 7, minutes: .random(in: 1...300, using: &dice),
                isBusiness: .random(using: &dice))
            for twin in 0..<2 {
                twins[twin].change(
                    at: now, to: status, comment: comment, targets: { _ in target },
                    calendar: nil, events: &events[twin])
                if twin == 1 { twins[1].foldPast() }
            }
            #expect(twins[1].encoded.count < 120)
            #expect(
                twins[0].nextBreach(calendar: nil) == twins[1].nextBreach(calendar: nil))
            #expect(
                twins[0].statusTime.totals(until: now, calendar: nil)
                    == twins[1].statusTime.totals(until: now, calendar: nil))
        }
        #expect(events[0] == events[1])
    }

    // MARK: Its size

    @Test(arguments: [3, 4, 5] as [UInt64])
    func aLongLifeTakesNoMoreRoomAndItsTimesStayExact(seed: UInt64) {
        var life = RandomLife(seed: seed)
        let calendar = office(until: 17)
        for step in 0..<3000 {
            life.step()
            #expect(life.clocks.statusTime.spans.count <= StatusTime.spanLimit)
            guard step % 100 == 0 else { continue }
            #expect(life.clocks.encoded.count < 700, "seed \(seed), step \(step)")
            let totals = life.clocks.statusTime.totals(until: life.now, calendar: calendar)
            func actual(_ wanted: TicketStatus...) -> ElapsedTime {
                life.elapsed(in: Set(wanted), calendar: calendar)
            }
            #expect(totals.working == actual(.new, .open), "seed \(seed), step \(step)")
            #expect(totals.pending == actual(.pending), "seed \(seed), step \(step)")
            #expect(totals.hold == actual(.hold), "seed \(seed), step \(step)")
            for (metric, wanted) in [
                (.requesterWaitTime, [.new, .open, .hold]), (.agentWorkTime, [.new, .open]),
                (.resolutionTime, [.new, .open, .hold, .pending]),
            ] as [(ClockMetric, Set<TicketStatus>)] {
                #expect(
                    life.clocks.elapsed(of: metric, until: life.now, calendar: calendar)
                        == life.elapsed(in: wanted, calendar: calendar),
                    "seed \(seed), step \(step), \(metric)")
            }
        }
    }

    /// A ticket that is paused at every full hour and runs again half an hour later, without any comment.
    private func pausedTicket(times: Int64, calendar: WorkingHours?) -> TicketClocks {
        var events: [ClockEvent] = []
        var clocks = TicketClocks(
            createdAt: created, status: .open, comment: .agent, targets: { _ in nil },
            calendar: calendar, events: &events)
        for half in 1...2 * times {
            clocks.change(
                at: created.advanced(byMilliseconds: half * 1_800_000),
                to: half % 2 == 1 ? .pending : .open, comment: nil, targets: { _ in nil },
                calendar: calendar, events: &events)
        }
        return clocks
    }

    @Test func anEditOfTheScheduleReachesBackOverTheLastSpans() {
        let always = office(until: 24)
        let clocks = pausedTicket(times: 100, calendar: nil)
        let end = created.advanced(byMilliseconds: 200 * 1_800_000)
        #expect(clocks.statusTime.spans.count == 64)
        for metric in [ClockMetric.requesterWaitTime, .pausableUpdateTime, .agentWorkTime] {
            let before = clocks.elapsed(of: metric, until: end, calendar: nil)
            #expect(before == ElapsedTime(calendar: 180_000_000, business: 180_000_000))
            let after = clocks.elapsed(of: metric, until: end, calendar: always)
            var expected: Int64 = 0
            for half in stride(from: Int64(0), to: 200, by: 2) {
                let start = created.advanced(byMilliseconds: half * 1_800_000)
                let stretch = start.advanced(byMilliseconds: 1_800_000)
                // 201 spans there were, of which the last 64 are left.
                expected += half < 137 ? 1_800_000 : always.time(from: start, to: stretch)
            }
            #expect(after == ElapsedTime(calendar: 180_000_000, business: expected))
            #expect(expected < 180_000_000)
        }
        // What is never paused needs no spans.
        let reply = clocks.elapsed(of: .replyTime, until: end, calendar: always)
        #expect(reply.calendar == 360_000_000)
    }

    /// The hundred hours, half of which it runs, end on Friday at 13:00: another hour is worked then.
    @Test(arguments: [false, true])
    func aTargetCountsWhatWasFolded(isBusiness: Bool) {
        let calendar = office(until: 17)
        let hour: Int64 = 3_600_000
        var clocks = pausedTicket(times: 100, calendar: calendar)
        let end = created.advanced(byMilliseconds: 100 * hour)
        let run = clocks.elapsed(of: .agentWorkTime, until: end, calendar: calendar)
        let target = ClockTarget(
            policyID: 1, minutes: (isBusiness ? run.businessMinutes : run.calendarMinutes) + 60,
            isBusiness: isBusiness)
        var events: [ClockEvent] = []
        clocks.change(
            at: end, to: .open, comment: nil, targets: { $0 == .agentWorkTime ? target : nil },
            calendar: calendar, events: &events)
        #expect(clocks.nextBreach(calendar: calendar) == end.advanced(byMilliseconds: hour))
    }

    @Test func whatIsFoldedCountsFromWhereTheInstanceBegan() {
        var events: [ClockEvent] = []
        var clocks = TicketClocks(
            createdAt: created, status: .open, comment: .agent, targets: { _ in nil },
            calendar: nil, events: &events)
        func change(_ minute: Int64, _ status: TicketStatus, _ comment: TicketClocks.PublicComment?)
        {
            clocks.change(
                at: created.advanced(byMilliseconds: minute * 60_000), to: status, comment: comment,
                targets: { _ in nil }, calendar: nil, events: &events)
        }
        change(10, .open, .agent)
        for minute in Int64(11)...210 { change(minute, minute % 2 == 1 ? .hold : .open, nil) }
        let end = created.advanced(byMilliseconds: 210 * 60_000)
        #expect(clocks.statusTime.spans.count == StatusTime.spanLimit)
        for metric in [ClockMetric.pausableUpdateTime, .periodicUpdateTime] {
            let elapsed = clocks.elapsed(of: metric, until: end, calendar: nil)
            #expect(elapsed == ElapsedTime(calendar: 12_000_000, business: 12_000_000))
        }
    }

    // MARK: What it costs

    /// The processor's time for an update, in microseconds; the least of several rounds, so that what else the machine does is left
    /// out.
    private func cost(of clocks: TicketClocks, from start: Timestamp, calendar: WorkingHours?)
        -> Double
    {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
        }
        let target = ClockTarget(policyID: 1, minutes: 100_000, isBusiness: true)
        var events: [ClockEvent] = []
        var least = Double.infinity
        for _ in 0..<10 {
            var clocks = clocks
            let begun = now()
            for update in 1...100 {
                clocks.change(
                    at: start.advanced(byMilliseconds: Int64(update) * 60_000),
                    to: update % 2 == 0 ? .open : .pending, comment: .agent,
                    targets: { _ in target }, calendar: calendar, events: &events)
                _ = clocks.nextBreach(calendar: calendar)
                events.removeAll(keepingCapacity: true)
            }
            least = min(least, (now() - begun) / 100)
        }
        return least
    }

    @Test func anUpdateCostsTheSameHoweverOftenTheTicketWasPaused() {
        let calendar = office(until: 17)
        func cost(pauses: Int64) -> Double {
            let clocks = pausedTicket(times: pauses, calendar: calendar)
            return self.cost(
                of: clocks, from: created.advanced(byMilliseconds: pauses * 3_600_000),
                calendar: calendar)
        }
        let (some, many) = (cost(pauses: 40), cost(pauses: 4000))
        #expect(many < 4 * some, "\(some) µs, \(many) µs")
        #expect(many < 2000, "\(many) µs")
    }
}
