import Measurement
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import LoadGenerator

/// A load of a fake desk, from filling to reading back.
private struct Trial {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server: FakeDesk
    let dialer: Dialer
    let desk: Desk

    init(
        tickets: Int = 40,
        mistake: @escaping @Sendable (Int, HTTPMethod) -> FakeDesk.Mistake? = { _, _ in nil }
    ) throws {
        // The filling comes first: a mistake's number is of the load.
        server = try FakeDesk(on: group) { number, method in
            number > tickets ? mistake(number - tickets, method) : nil
        }
        dialer = try Dialer(loop: group.next(), addresses: [server.address])
        desk = Desk(rank: 0, name: "fake", shard: 1, authorization: "Basic eA==")
        let maker = DeskMaker(prefix: "x", tenants: 1, seed: 1)
        _ = try maker.makeTickets([desk], sizes: [tickets], dialer: dialer).wait()
    }

    func run(
        _ loop: Loop, seconds: Double = 0.3, mix: OperationMix = .canonical, retries: Bool = false
    ) throws -> PhaseOutcome {
        let plan = PhasePlan(
            name: "trial", number: 0, loop: loop, mix: mix, seed: 1, retries: retries,
            chooser: TenantChooser(tenants: 1, oneIsHot: false))
        let load = PhaseLoad(plan, dialer: dialer, desks: [desk])
        try load.open().wait()
        _ = try load.beginMeasuring().wait()
        try load.start().wait()
        try dialer.loop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {}
            .futureResult.wait()
        return try load.stop().wait()
    }

    func readBack() throws -> ReadBack {
        let reading = ReadBack(
            desks: [desk], texts: Texts(seed: 1), phases: 1, dialer: dialer)
        try reading.run(connections: 2).wait()
        return reading
    }

    func end() throws {
        try server.close()
        try group.syncShutdownGracefully()
    }
}

@Suite struct LoadTests {
    @Test(arguments: [Loop.closed(clients: 4), .open(perSecond: 300, connections: 4)])
    func aGoodDeskIsFoundGoodAndEachWriteIsFound(loop: Loop) throws {
        let trial = try Trial()
        let outcome = try trial.run(loop)
        let reading = try trial.readBack()
        #expect(outcome.checks.wrongAnswers == [])
        #expect(outcome.checks.acknowledgedWrites > 5)
        #expect(Set(outcome.operations.map(\.operation)) == Set(Operation.allCases))
        #expect(reading.found == [outcome.checks.acknowledgedWrites + 40])
        #expect(reading.lost == [] && reading.wrong == [])
        #expect(reading.tickets == 40 + trial.desk.created.count)
        try trial.end()
    }

    @Test(arguments: ["create=1", "update=1", "comment=1"])
    func aWriteThatWasAcknowledgedAndForgottenIsMissed(mix: String) throws {
        let trial = try Trial { number, _ in number == 20 ? .forget : nil }
        let outcome = try trial.run(
            .closed(clients: 1), seconds: 0.2, mix: OperationMix(parsing: mix))
        let reading = try trial.readBack()
        try #require(outcome.checks.acknowledgedWrites > 20)
        // A forgotten create shifts the numbers of all that follow it, so that one ticket has another's subject too.
        #expect(reading.found[0] < outcome.checks.acknowledgedWrites + 40)
        #expect(reading.lost.count >= 1)
        try trial.end()
    }

    @Test func aStatusThatIsNotTheAcknowledgedOneIsFoundAtTheEnd() throws {
        let trial = try Trial()
        _ = try trial.run(.closed(clients: 1), seconds: 0.1)
        trial.server.state.withLock { $0.tickets[7].status = "solved" }
        #expect(try trial.readBack().wrong.count == 1)
        try trial.end()
    }

    @Test func aDeskThatStandsStillOnceIsSeenByTheOpenLoopAndHiddenByTheClosedOne() throws {
        func p90(_ loop: Loop) throws -> Double {
            let trial = try Trial { number, _ in number == 30 ? .stall(500) : nil }
            let outcome = try trial.run(loop, seconds: 1, mix: .readsOnly)
            #expect(outcome.checks.wrongAnswers == [])
            try trial.end()
            return outcome.operations[0].latency.p90
        }
        // One client waits once; of 300 arrivals a second half are due while nothing is answered.
        #expect(try p90(.closed(clients: 1)) < 100_000)
        #expect(try p90(.open(perSecond: 300, connections: 1)) > 200_000)
    }

    @Test func aBrokenConnectionIsAFailureOfUnknownOutcomeAndIsDialledAgain() throws {
        let trial = try Trial { number, _ in number % 25 == 0 ? .hangUp : nil }
        let outcome = try trial.run(.closed(clients: 2), seconds: 0.5, mix: .writesOnly)
        let reading = try trial.readBack()
        let failures = outcome.operations.reduce(0) { $0 + $1.failures }
        #expect(failures >= 2)
        #expect(outcome.redials >= failures - 1)
        #expect(outcome.checks.wrongAnswers == [])
        // What was done without being acknowledged is neither counted nor missed.
        #expect(reading.found == [outcome.checks.acknowledgedWrites + 40])
        #expect(reading.wrong == [])
        try trial.end()
    }

    @Test func aRetryCarriesTheSameKeyAndIsOneWrite() throws {
        let trial = try Trial { number, _ in
            number % 20 == 0 ? .hangUp : number % 20 == 10 ? .refuse : nil
        }
        let outcome = try trial.run(
            .closed(clients: 2), seconds: 0.5, mix: .writesOnly, retries: true)
        let reading = try trial.readBack()
        #expect(outcome.operations.reduce(0) { $0 + $1.failures } >= 3)
        #expect(reading.found == [outcome.checks.acknowledgedWrites + 40])
        // Nothing was done twice: every audit of the server is one that was acknowledged, or the last ones of the two clients.
        let audits = trial.server.state.withLock { $0.tickets.reduce(0) { $0 + $1.audits.count } }
        #expect(audits - 40 - outcome.checks.acknowledgedWrites <= 2)
        try trial.end()
    }

    @Test func whatIsDueWhenTheLoadEndsIsStillAnsweredAndCounts() throws {
        let trial = try Trial { number, _ in number == 50 ? .stall(400) : nil }
        let outcome = try trial.run(
            .open(perSecond: 200, connections: 1), seconds: 0.4, mix: .readsOnly)
        // About 30 of 80 were waiting when the time was over.
        #expect(outcome.operations[0].latency.max > 250_000)
        #expect((60...110).contains(outcome.operations[0].count))
        try trial.end()
    }
}
