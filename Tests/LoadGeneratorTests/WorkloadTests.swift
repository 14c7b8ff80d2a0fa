import Measurement
import NIOCore
import NIOHTTP1
import Testing

@testable import LoadGenerator

private func desks(_ count: Int, tickets: Int) -> [Desk] {
    (0..<count).map { rank in
        let desk = Desk(rank: rank, name: "t\(rank)", shard: 1, authorization: "x")
        desk.tickets = (0..<tickets).map {
            TicketRecord(id: Int64($0 + 1), serial: UInt64(rank * tickets + $0 + 1), phase: 0)
        }
        return desk
    }
}

/// What a stream asks for, as texts, when every write is acknowledged at once.
private func asked(
    _ count: Int, seed: UInt64, phase: Int = 0, number: Int = 0, mix: OperationMix = .canonical,
    desks: [Desk] = desks(20, tickets: 10), oneIsHot: Bool = false
) -> [String] {
    let texts = Texts(seed: seed)
    var stream = RequestStream(
        seed: seed, phase: phase, number: number, mix: mix,
        chooser: TenantChooser(tenants: desks.count, oneIsHot: oneIsHot), desks: desks)
    return (0..<count).map { _ in
        let request = stream.next()
        let (head, body) = request.message(texts, hasKey: true)
        if request.operation.isWrite {
            _ = request.desk.acknowledge(request, AnswerFacts(ticket: 1, audit: 1), phase: 0)
        }
        return
            "\(request.desk.name) \(head.method) \(head.uri) \(body.map(String.init(buffer:)) ?? "")"
    }
}

@Suite struct WorkloadTests {
    @Test func theSameSeedAsksForTheSame() {
        #expect(asked(500, seed: 7) == asked(500, seed: 7))
        #expect(asked(500, seed: 7) != asked(500, seed: 8))
        #expect(asked(500, seed: 7) != asked(500, seed: 7, number: 1))
        #expect(asked(500, seed: 7) != asked(500, seed: 7, phase: 1))
    }

    @Test func noTwoWritesHaveTheSameText() {
        var comments: [String] = []
        for number in 0..<4 {
            comments += asked(500, seed: 1, phase: number % 2, number: number, mix: .writesOnly)
                .filter { $0.contains("\"body\":\"") }
        }
        #expect(Set(comments).count == comments.count)
    }

    @Test func operationsComeInTheStatedRatio() {
        var stream = RequestStream(
            seed: 1, phase: 0, number: 0, mix: .canonical,
            chooser: TenantChooser(tenants: 20, oneIsHot: false), desks: desks(20, tickets: 10))
        var counts: [Operation: Int] = [:]
        for _ in 0..<40_000 {
            let request = stream.next()
            counts[request.operation, default: 0] += 1
            if request.operation.isWrite { request.desk.giveUp(request) }
        }
        // 1 : 3 : 2 : 10 : 3 : 1 of 20.
        let wanted: [Operation: Int] = [
            .create: 2_000, .update: 6_000, .comment: 4_000, .get: 20_000, .list: 6_000,
            .search: 2_000,
        ]
        for (operation, count) in wanted {
            #expect(abs(counts[operation, default: 0] - count) < 300, "\(operation)")
        }
    }

    @Test func oneHotTenantTakesNineOfTenRequests() {
        let hot = asked(10_000, seed: 1, mix: .readsOnly, oneIsHot: true)
        let share = hot.filter { $0.hasPrefix("t0 ") }.count
        // And its share of the tenth: 1 of 3.6.
        #expect(abs(share - 9_278) < 150)
    }

    @Test func aTicketHasOneWriteUnderWay() {
        let few = desks(1, tickets: 3)
        var stream = RequestStream(
            seed: 1, phase: 0, number: 0, mix: .writesOnly,
            chooser: TenantChooser(tenants: 1, oneIsHot: false), desks: few)
        var taken: Set<Int> = []
        for _ in 0..<30 {
            let request = stream.next()
            guard request.ticket >= 0 else { continue }
            #expect(taken.insert(request.ticket).inserted)
        }
        #expect(taken.count == 3)
    }

    @Test func anUpdateAlwaysChangesTheStatus() {
        var stream = RequestStream(
            seed: 1, phase: 0, number: 0, mix: .writesOnly,
            chooser: TenantChooser(tenants: 1, oneIsHot: false), desks: desks(1, tickets: 2))
        for _ in 0..<500 {
            let request = stream.next()
            if request.operation == .update {
                #expect(request.status != request.desk.tickets[request.ticket].status)
            }
            _ = request.desk.acknowledge(request, AnswerFacts(ticket: 1, audit: 1), phase: 0)
        }
    }

    @Test func sizesOfTenantsFallAndAddUp() {
        let sizes = DeskMaker.sizes(tenants: 100, average: 50)
        #expect(sizes == sizes.sorted(by: >))
        #expect(abs(sizes.reduce(0, +) - 5_000) < 50)
        #expect(DeskMaker.sizes(tenants: 1000, average: 1).allSatisfy { $0 >= 1 })
    }

    @Test func arrivalsHaveTheStatedRateAndDoNotWaitForOneAnother() {
        var arrivals = Arrivals(perSecond: 1000, seed: 1, phase: 0)
        let times = (0..<50_000).map { _ in arrivals.next() }
        #expect(abs(times.last! - 50) < 0.8)
        let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(gaps.count)
        // Of an exponential distribution the deviation is the mean; of a fixed pace it would be 0.
        #expect(abs(variance.squareRoot() / mean - 1) < 0.03)
        var again = Arrivals(perSecond: 1000, seed: 1, phase: 0)
        #expect(times.prefix(100) == ArraySlice((0..<100).map { _ in again.next() }))
    }

    @Test func burstsMultiplyTheRateWhileTheyLast() {
        var arrivals = Arrivals(
            perSecond: 500, bursts: .init(factor: 4, seconds: 2, every: 10), seed: 1, phase: 0)
        var (quiet, burst) = (0, 0)
        while case let time = arrivals.next(), time < 100 {
            if time.truncatingRemainder(dividingBy: 10) >= 8 { burst += 1 } else { quiet += 1 }
        }
        #expect(abs(quiet - 500 * 80) < 1_000)
        #expect(abs(burst - 2_000 * 20) < 1_000)
    }
}
