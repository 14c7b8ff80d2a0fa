import Foundation
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Monday, 2026-01-05, 09:00 UTC.
private let monday = Timestamp(milliseconds: 1_767_603_600_000)
private func minute(_ count: Int64) -> Timestamp {
    monday.advanced(byMilliseconds: count * 60_000)
}
private let day: Int64 = 1440

/// Monday to Friday, UTC, from nine on.
private func office(until hour: Int) -> WorkingHours {
    WorkingHours(
        zone: ZoneOffsets([ZoneOffsets.Change(from: .min, offset: 0)]),
        stretches: (1...5).map { .init(start: $0 * 1440 + 540, end: $0 * 1440 + hour * 60) })
}

private func target(_ minutes: Int64, policy: Int64 = 1, business: Bool = false) -> ClockTarget {
    ClockTarget(policyID: policy, minutes: minutes, isBusiness: business)
}

/// A ticket whose clocks are moved on, and read out as lines of text. Times are minutes since that Monday.
private struct Clocked {
    private(set) var clocks: TicketClocks
    var targets: [PolicyMetric: ClockTarget]
    var calendar: WorkingHours?
    private var events: [ClockEvent] = []
    private var status: TicketStatus

    init(
        _ status: TicketStatus = .open, comment: TicketClocks.PublicComment? = .endUser,
        targets: [PolicyMetric: ClockTarget] = [:], calendar: WorkingHours? = nil
    ) {
        clocks = TicketClocks(
            createdAt: monday, status: status, comment: comment, targets: { targets[$0] },
            calendar: calendar, events: &events)
        self.status = status
        self.targets = targets
        self.calendar = calendar
    }

    mutating func change(
        _ time: Int64, to status: TicketStatus? = nil, comment: TicketClocks.PublicComment? = nil
    ) {
        self.status = status ?? self.status
        clocks.change(
            at: minute(time), to: self.status, comment: comment,
            targets: { [targets] in targets[$0] }, calendar: calendar, events: &events)
    }

    mutating func edit(_ time: Int64, _ calendar: WorkingHours?) {
        advance(time)
        self.calendar = calendar
        clocks.scheduleChanged(at: minute(time))
        advance(time)
    }

    mutating func advance(_ time: Int64) { advance(to: minute(time)) }

    mutating func advance(to time: Timestamp) {
        clocks.advance(to: time, calendar: calendar, events: &events)
    }

    var nextBreach: Int64? {
        clocks.nextBreach(calendar: calendar).map {
            ($0.milliseconds - monday.milliseconds) / 60_000
        }
    }

    /// What has happened since it was last asked, of some metrics or all: `0 reply_time 1 activate`.
    mutating func said(_ metrics: ClockMetric...) -> [String] {
        defer { events = [] }
        return events.filter { metrics.isEmpty || metrics.contains($0.metric) }.map { event in
            let time = (event.time.milliseconds - monday.milliseconds) / 60_000
            let rest =
                switch event.kind {
                case .measured(let time): " \(time.calendarMinutes) \(time.businessMinutes)"
                case .targetApplied(nil): " null"
                case .targetApplied(let target?), .breached(let target):
                    " \(target.policyID):\(target.minutes)"
                default: ""
                }
            return "\(time) \(event.metric.name) \(event.instance) \(event.kind.name)\(rest)"
        }
    }
}

struct TicketClocksTests {
    // MARK: Instances

    @Test func aCreationActivatesWhatTimesTheTicket() {
        var ticket = Clocked(.new, comment: .endUser)
        #expect(
            ticket.said() == [
                "0 reply_time 1 activate", "0 requester_wait_time 1 activate",
                "0 agent_work_time 1 activate", "0 resolution_time 1 activate",
            ])
        #expect(ticket.nextBreach == nil)
    }

    @Test func theFirstCommentOfAnAgentBeginsTheUpdatesAndIsNoReply() {
        var ticket = Clocked(.open, comment: .agent)
        #expect(ticket.said(.replyTime) == ["0 reply_time 1 activate"])
        ticket.change(5, to: .hold, comment: .agent)
        #expect(
            ticket.said(.replyTime, .pausableUpdateTime) == [
                "5 reply_time 1 fulfill", "5 reply_time 1 update_status 5 5",
                "5 pausable_update_time 1 fulfill", "5 pausable_update_time 1 update_status 5 5",
                "5 pausable_update_time 2 activate",
            ])
    }

    @Test func aTicketCreatedInPendingIsActivatedAndPausedAtOnce() {
        var ticket = Clocked(.pending, comment: .agent, targets: [.agentWorkTime: target(5)])
        #expect(
            ticket.said(.agentWorkTime, .periodicUpdateTime, .pausableUpdateTime) == [
                "0 agent_work_time 1 activate", "0 agent_work_time 1 pause",
                "0 agent_work_time 1 update_status 0 0", "0 agent_work_time 1 apply_sla 1:5",
                "0 pausable_update_time 1 activate", "0 pausable_update_time 1 pause",
                "0 pausable_update_time 1 update_status 0 0", "0 periodic_update_time 1 activate",
            ])
        #expect(ticket.nextBreach == nil)
    }

    @Test func aTicketCreatedSolvedIsActivatedAndFulfilledAtOnce() {
        var ticket = Clocked(.solved, comment: .agent, targets: [.totalResolutionTime: target(0)])
        let all = ticket.said()
        #expect(all.count == 12)
        #expect(all.prefix(2) == ["0 reply_time 1 activate", "0 requester_wait_time 1 activate"])
        #expect(
            all.suffix(2) == [
                "0 resolution_time 1 fulfill", "0 resolution_time 1 update_status 0 0",
            ])
        ticket.change(9, to: .open)
        #expect(
            ticket.said() == [
                "9 requester_wait_time 1 activate", "9 agent_work_time 1 activate",
                "9 resolution_time 1 activate", "9 resolution_time 1 apply_sla 1:0",
            ])
    }

    @Test func theClockOfAReplyRunsFromTheOldestCommentThatIsNotAnswered() {
        var ticket = Clocked()
        _ = ticket.said()
        ticket.change(1, comment: nil)
        ticket.change(2, comment: .endUser)
        #expect(ticket.said() == [])
        ticket.change(10, comment: .agent)
        ticket.change(11, comment: .agent)
        ticket.change(20, comment: .endUser)
        ticket.change(25, to: .pending, comment: .endUser)
        ticket.change(50, comment: .agent)
        #expect(
            ticket.said(.replyTime) == [
                "10 reply_time 1 fulfill", "10 reply_time 1 update_status 10 10",
                "20 reply_time 2 activate", "50 reply_time 2 fulfill",
                "50 reply_time 2 update_status 30 30",
            ])
    }

    @Test func pendingPausesAndHoldDoesSoForTheAgents() {
        var ticket = Clocked()
        _ = ticket.said()
        ticket.change(10, to: .hold)
        #expect(
            ticket.said() == [
                "10 agent_work_time 1 pause", "10 agent_work_time 1 update_status 10 10",
            ])
        ticket.change(30, to: .pending)
        #expect(
            ticket.said() == [
                "30 requester_wait_time 1 pause", "30 requester_wait_time 1 update_status 30 30",
            ])
        ticket.change(60, to: .open)
        #expect(
            ticket.said() == [
                "60 requester_wait_time 1 activate", "60 agent_work_time 1 activate",
            ])
        ticket.change(65, to: .pending)
        #expect(
            ticket.said() == [
                "65 requester_wait_time 1 pause", "65 requester_wait_time 1 update_status 35 35",
                "65 agent_work_time 1 pause", "65 agent_work_time 1 update_status 15 15",
            ])
        let totals = ticket.clocks.statusTime.totals(until: minute(70), calendar: nil)
        #expect(totals.working.calendarMinutes == 15 && totals.pending.calendarMinutes == 35)
        #expect(totals.hold == ElapsedTime(calendar: 20 * 60_000, business: 20 * 60_000))
    }

    @Test func eachCommentOfAnAgentBeginsTheNextUpdateAlsoInPending() {
        var ticket = Clocked()
        ticket.change(10, comment: .agent)
        ticket.change(20, to: .pending)
        _ = ticket.said()
        ticket.change(50, comment: .agent)
        #expect(
            ticket.said(.pausableUpdateTime, .periodicUpdateTime) == [
                "50 pausable_update_time 1 fulfill",
                "50 pausable_update_time 1 update_status 10 10",
                "50 pausable_update_time 2 activate", "50 pausable_update_time 2 pause",
                "50 pausable_update_time 2 update_status 0 0", "50 periodic_update_time 1 fulfill",
                "50 periodic_update_time 1 update_status 40 40",
                "50 periodic_update_time 2 activate",
            ])
        // Not the old one runs again, but the next begins.
        ticket.change(60, to: .open, comment: .agent)
        #expect(
            ticket.said(.pausableUpdateTime) == [
                "60 pausable_update_time 2 fulfill", "60 pausable_update_time 2 update_status 0 0",
                "60 pausable_update_time 3 activate",
            ])
    }

    @Test(arguments: [TicketStatus.solved, .closed])
    func solvingFulfilsWhatIsOpenAndNothingBeginsWhileSolved(status: TicketStatus) {
        var ticket = Clocked(.open, comment: .agent)
        ticket.change(10, to: .pending)
        _ = ticket.said()
        ticket.change(30, to: status, comment: .agent)
        let metrics: [(String, Int)] = [
            ("reply_time", 30), ("requester_wait_time", 10), ("agent_work_time", 10),
            ("pausable_update_time", 10), ("periodic_update_time", 30), ("resolution_time", 30),
        ]
        #expect(
            ticket.said()
                == metrics.flatMap {
                    ["30 \($0.0) 1 fulfill", "30 \($0.0) 1 update_status \($0.1) \($0.1)"]
                })
        ticket.change(40, comment: .endUser)
        ticket.change(41, comment: .agent)
        ticket.change(42, to: .closed)
        #expect(ticket.said() == [])
        #expect(ClockMetric.allCases.allSatisfy { ticket.clocks.openInstance(of: $0) == nil })
    }

    @Test func aReopenedTicketGoesOnWhereItWas() {
        var ticket = Clocked()
        ticket.change(10, to: .solved)
        _ = ticket.said()
        ticket.change(100, to: .open, comment: .endUser)
        #expect(
            ticket.said() == [
                "100 reply_time 2 activate", "100 requester_wait_time 1 activate",
                "100 agent_work_time 1 activate", "100 resolution_time 1 activate",
            ])
        ticket.change(105, to: .solved)
        #expect(
            ticket.said(.replyTime, .resolutionTime) == [
                "105 reply_time 2 fulfill", "105 reply_time 2 update_status 5 5",
                "105 resolution_time 1 fulfill", "105 resolution_time 1 update_status 15 15",
            ])
        ticket.change(200, to: .pending, comment: .agent)
        #expect(
            ticket.said() == [
                "200 requester_wait_time 1 activate", "200 requester_wait_time 1 pause",
                "200 requester_wait_time 1 update_status 15 15", "200 agent_work_time 1 activate",
                "200 agent_work_time 1 pause", "200 agent_work_time 1 update_status 15 15",
                "200 pausable_update_time 1 activate", "200 pausable_update_time 1 pause",
                "200 pausable_update_time 1 update_status 0 0",
                "200 periodic_update_time 1 activate",
                "200 resolution_time 1 activate",
            ])
    }

    @Test func severalChangesOfOneMomentAreAllToldAndTakeNoTime() {
        var ticket = Clocked()
        _ = ticket.said()
        ticket.change(10, to: .pending)
        ticket.change(10, to: .solved)
        ticket.change(10, to: .open)
        #expect(
            ticket.said(.agentWorkTime) == [
                "10 agent_work_time 1 pause", "10 agent_work_time 1 update_status 10 10",
                "10 agent_work_time 1 fulfill", "10 agent_work_time 1 update_status 10 10",
                "10 agent_work_time 1 activate",
            ])
        #expect(ticket.clocks.statusTime == StatusTime(.working, since: monday))
    }

    @Test func timeThatGoesBackStandsStill() {
        var ticket = Clocked()
        ticket.change(10, to: .pending)
        ticket.change(5, to: .open)
        ticket.change(20, to: .pending)
        #expect(ticket.said(.agentWorkTime).last == "20 agent_work_time 1 update_status 20 20")
        var late = Clocked(targets: [.totalResolutionTime: target(30)])
        late.advance(30)
        late.change(29, to: .solved)
        #expect(late.said().last == "30 resolution_time 1 update_status 30 30")
    }

    // MARK: Targets

    @Test func aTargetIsToldWhenItIsAnotherAndWhenItIsLost() {
        var ticket = Clocked(targets: [.agentWorkTime: target(60), .firstReplyTime: target(30)])
        #expect(
            ticket.said(.agentWorkTime, .requesterWaitTime).last
                == "0 agent_work_time 1 apply_sla 1:60")
        ticket.change(1)
        #expect(ticket.said() == [])
        ticket.targets[.agentWorkTime] = target(60, policy: 2)
        ticket.change(2)
        ticket.targets[.agentWorkTime] = target(60, policy: 2, business: true)
        ticket.change(3)
        ticket.targets[.agentWorkTime] = nil
        ticket.change(4)
        ticket.change(5)
        #expect(
            ticket.said() == [
                "2 agent_work_time 1 apply_sla 2:60", "3 agent_work_time 1 apply_sla 2:60",
                "4 agent_work_time 1 apply_sla null",
            ])
    }

    @Test func everyNewInstanceHasItsTargetAppliedAndTheFirstReplyHasItsOwn() {
        var ticket = Clocked(
            comment: .agent,
            targets: [
                .firstReplyTime: target(30), .nextReplyTime: target(20),
                .periodicUpdateTime: target(40),
            ])
        ticket.change(5, comment: .agent)
        ticket.change(6, comment: .endUser)
        #expect(
            ticket.said().filter { $0.contains("apply_sla") } == [
                "0 reply_time 1 apply_sla 1:30", "0 periodic_update_time 1 apply_sla 1:40",
                "5 periodic_update_time 2 apply_sla 1:40", "6 reply_time 2 apply_sla 1:20",
            ])
    }

    @Test func aSolvedTicketKeepsItsTargetsAndAReopenedOneToo() {
        var ticket = Clocked(targets: [.totalResolutionTime: target(60)])
        ticket.targets = [:]
        ticket.change(5, to: .solved)
        ticket.change(6)
        ticket.targets = [.totalResolutionTime: target(60)]
        _ = ticket.said()
        ticket.change(70, to: .open)
        #expect(ticket.said(.resolutionTime) == ["70 resolution_time 1 activate"])
        #expect(ticket.nextBreach == 125)
    }

    // MARK: Breaches

    @Test func aBreachComesToTheMillisecondAndAnAnswerAtTheLastMomentIsInTime() {
        var late = Clocked(targets: [.firstReplyTime: target(30)])
        var inTime = late
        _ = late.said()
        late.advance(to: minute(30).advanced(byMilliseconds: -1))
        #expect(late.said() == [] && late.nextBreach == 30)
        late.advance(30)
        late.change(31, comment: .agent)
        #expect(
            late.said() == [
                "30 reply_time 1 breach 1:30", "31 reply_time 1 fulfill",
                "31 reply_time 1 update_status 31 31", "31 pausable_update_time 1 activate",
                "31 periodic_update_time 1 activate",
            ])
        inTime.change(30, comment: .agent)
        inTime.advance(1000)
        #expect(!inTime.said().contains { $0.contains("breach") })
    }

    @Test func whatWasDueBeforeAChangeBreachesBeforeItInOrderOfTimeAndMetric() {
        var ticket = Clocked(targets: [
            .firstReplyTime: target(30), .agentWorkTime: target(20), .requesterWaitTime: target(20),
            .totalResolutionTime: target(99),
        ])
        _ = ticket.said()
        #expect(ticket.nextBreach == 20)
        ticket.change(99, to: .solved)
        #expect(
            ticket.said().prefix(4) == [
                "20 requester_wait_time 1 breach 1:20", "20 agent_work_time 1 breach 1:20",
                "30 reply_time 1 breach 1:30", "99 reply_time 1 fulfill",
            ])
        ticket.advance(9999)
        #expect(!ticket.said().contains { $0.contains("breach") })
    }

    @Test func aPausedInstanceBreachesWhenItRunsAgainAtTheEarliest() {
        var ticket = Clocked(targets: [.agentWorkTime: target(20)])
        ticket.change(15, to: .pending)
        _ = ticket.said()
        ticket.advance(500)
        ticket.targets = [.agentWorkTime: target(10)]
        ticket.change(600)
        ticket.advance(650)
        #expect(ticket.said() == ["600 agent_work_time 1 apply_sla 1:10"])
        ticket.change(700, to: .open)
        #expect(ticket.nextBreach == 700)
        ticket.advance(700)
        #expect(ticket.said(.agentWorkTime).last == "700 agent_work_time 1 breach 1:10")
    }

    @Test func aBreachComesAgainOnlyWhenATargetIsAppliedAnew() {
        var ticket = Clocked(targets: [.totalResolutionTime: target(20)])
        ticket.advance(30)
        _ = ticket.said()
        ticket.change(40)
        ticket.change(41, to: .solved)
        ticket.change(50, to: .open)
        #expect(ticket.nextBreach == nil)
        ticket.targets = [:]
        ticket.change(60)
        #expect(ticket.nextBreach == nil)
        ticket.targets = [.totalResolutionTime: target(20)]
        ticket.change(70)
        #expect(ticket.nextBreach == 70)
        ticket.advance(70)
        #expect(
            ticket.said(.resolutionTime).suffix(3) == [
                "60 resolution_time 1 apply_sla null", "70 resolution_time 1 apply_sla 1:20",
                "70 resolution_time 1 breach 1:20",
            ])
        #expect(ticket.nextBreach == nil)
    }

    // MARK: Working time

    @Test func workingTimeLeavesOutTheNight() {
        // Eight hours a day: ten are over at eleven on Tuesday.
        var ticket = Clocked(
            targets: [.totalResolutionTime: target(600, business: true)],
            calendar: office(until: 17))
        #expect(ticket.nextBreach == day + 120)
        ticket.change(300, to: .pending)
        ticket.change(day + 60, to: .solved)
        #expect(
            ticket.said(.requesterWaitTime, .resolutionTime).suffix(4) == [
                "\(day + 60) requester_wait_time 1 fulfill",
                "\(day + 60) requester_wait_time 1 update_status 300 300",
                "\(day + 60) resolution_time 1 fulfill",
                "\(day + 60) resolution_time 1 update_status 1500 540",
            ])
        let totals = ticket.clocks.statusTime.totals(until: minute(9999), calendar: ticket.calendar)
        #expect(totals.pending.calendarMinutes == 1200 && totals.pending.businessMinutes == 240)
    }

    @Test func anEditOfTheScheduleCountsForThePastToo() {
        var ticket = Clocked(
            targets: [.totalResolutionTime: target(600, business: true)],
            calendar: office(until: 11))
        // Two hours a day: Friday at eleven.
        #expect(ticket.nextBreach == 4 * day + 120)
        ticket.edit(2 * day, office(until: 13))
        #expect(ticket.nextBreach == 2 * day + 120)
        // Twelve hours a day have made it late.
        _ = ticket.said()
        ticket.edit(2 * day + 30, office(until: 21))
        #expect(ticket.said() == ["\(2 * day + 30) resolution_time 1 breach 1:600"])
        ticket.edit(2 * day + 40, office(until: 10))
        ticket.advance(20 * day)
        #expect(ticket.said() == [])
    }

    @Test func aCalendarWithoutWorkNeverBreachesAndNoneWorksAlways() {
        let targets = [PolicyMetric.agentWorkTime: target(1, business: true)]
        #expect(Clocked(targets: targets, calendar: office(until: 9)).nextBreach == nil)
        #expect(Clocked(targets: targets, calendar: nil).nextBreach == 1)
    }
}
