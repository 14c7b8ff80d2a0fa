import Consensus
import LogStore
import Testing
import TestSupport
import Wire

let identity = Array("cluster-7/node-3".utf8)

/// A log on a simulated disk, the model of what it should hold after each batch, and how far it got.
struct Run {
    var files: SimulatedFiles
    var random: SeededRandom
    /// After each batch that was begun since the last opening, and before the first.
    var models = [LogModel()]
    /// Of the models, the last one whose append returned.
    var returned = 0
    var log: NodeLog?
    let options: LogOptions
    let payloadLimit: Int

    init(seed: UInt64, segmentBytes: Int = 2048, payloadLimit: Int = 120) {
        files = SimulatedFiles(seed: seed &+ 1)
        random = SeededRandom(seed: seed)
        options = LogOptions(segmentBytes: segmentBytes)
        self.payloadLimit = payloadLimit
    }

    mutating func open() throws {
        log = nil
        log = try NodeLog(folder: "log", files: files, identity: identity, options: options)
    }

    /// Opens and finds which of the models it holds.
    mutating func openAndCheck(_ comment: String) throws {
        try open()
        let held = try LogModel(of: log!)
        let found = models.lastIndex { $0 == held }
        #expect(found != nil, "\(comment): no state of the log is what was recovered")
        #expect(found ?? .max >= returned, "\(comment): durable batches are lost")
        models = [held]
        returned = 0
    }

    /// Appends one batch.
    mutating func step() throws {
        var model = models[models.count - 1]
        let changes = (0..<random.number(1..<4)).map { _ in
            model.change(&random, payloadLimit: payloadLimit)
        }
        models.append(model)
        try log!.append(changes)
        returned = models.count - 1
    }

    mutating func steps(_ count: Int) throws { for _ in 0..<count { try step() } }
}

@Suite struct NodeLogTests {
    @Test func newLogIsEmptyAndComesBackEmpty() throws {
        var run = Run(seed: 1)
        try run.openAndCheck("new")
        try run.openAndCheck("again")
        #expect(run.log?.statistics.segments == 1)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func whatWasAppendedIsThereAfterReopening(seed: UInt64) throws {
        var run = Run(seed: seed)
        try run.openAndCheck("new")
        for round in 0..<5 {
            try run.steps(40)
            #expect(try run.models[run.returned].expectReadable(in: run.log!))
            try run.openAndCheck("seed \(seed) round \(round)")
        }
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func crashAtEveryCallLosesNothingThatWasDurable(seed: UInt64) throws {
        var dry = Run(seed: seed, payloadLimit: 300)
        try dry.open()
        try dry.steps(30)
        let recycled = dry.files.operations.count { $0 == "rename" }
        #expect(recycled > 1, "the run is too short to use segments again")
        for call in 1...dry.files.calls {
            for moment in [SimulatedFiles.Moment.before, .after] {
                for loss in SimulatedFiles.Loss.allCases {
                    let comment = "seed \(seed) call \(call) \(moment) \(loss)"
                    var run = Run(seed: seed, payloadLimit: 300)
                    run.files.crash = (call, moment)
                    do {
                        try run.open()
                        try run.steps(30)
                    } catch {}
                    #expect(run.files.isDead)
                    run.files.restart(loss)
                    do {
                        try run.openAndCheck(comment)
                        // What was shown once must survive the power, too.
                        run.files.restart(.everythingUnsynced)
                        try run.openAndCheck(comment + ", power lost after reopening")
                        try run.steps(6)
                        run.files.restart(.some)
                        try run.openAndCheck(comment + ", after going on")
                    } catch {
                        Issue.record("\(comment): \(error)")
                    }
                }
            }
        }
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func randomCrashesInARowLoseNothingThatWasDurable(seed: UInt64) throws {
        var run = Run(
            seed: seed, segmentBytes: seed % 3 == 0 ? 8192 : 1024,
            payloadLimit: seed % 2 == 0 ? 40 : 700)
        for round in 0..<30 {
            let comment = "seed \(seed) round \(round)"
            // Recovery's calls are among those it may stop at.
            run.files.crash = (
                run.files.calls + run.random.number(1..<80),
                run.random.chance(50) ? .before : .after
            )
            do {
                try run.openAndCheck(comment)
                try run.steps(60)
            } catch {
                if !run.files.isDead { Issue.record("\(comment): \(error)") }
            }
            run.files.restart(run.random.pick(SimulatedFiles.Loss.allCases))
        }
        try run.openAndCheck("seed \(seed) end")
    }
}
