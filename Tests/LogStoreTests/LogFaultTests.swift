import Consensus
import Glibc
import LogStore
import Testing
import TestSupport
import Wire

@Suite struct LogFaultTests {
    private func isDamage(_ error: any Error) -> Bool {
        if case LogFault.damaged = error { return true }
        return false
    }

    /// A log of a few segments, its files as they are, and where the records lie.
    private func sample(seed: UInt64, batches: Int = 14) throws -> (
        run: Run, items: [LogInspection.Item]
    ) {
        var run = Run(seed: seed, segmentBytes: 1024, payloadLimit: 200)
        try run.openAndCheck("sample")
        try run.steps(batches)
        var items: [LogInspection.Item] = []
        try LogInspection.inspect(folder: "log", files: run.files) { items.append($0) }
        return (run, items)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func everyFlippedByteIsReportedOrChangesNothingOrTearsTheLastBatch(seed: UInt64) throws {
        let (run, items) = try sample(seed: seed)
        let whole = run.models[run.returned]
        let beforeLast = run.models[run.returned - 1]
        let lastBatch = items.compactMap(\.batch).max()
        let lastItem = try #require(items.first { $0.batch == lastBatch })
        let tail = try #require(items.first { $0.kind == "end" })
        var reported = 0
        var torn = 0
        var padding = 0
        for name in run.files.fileNames where name.hasPrefix("log-") {
            let number = try #require(UInt64(name.dropFirst(4), radix: 16))
            for offset in 0..<run.files[name].count {
                let files = run.files.copy()
                files[name][offset] ^= 1 << UInt8(offset % 8)
                var damaged = run
                damaged.files = files
                let isLast =
                    number == tail.segment
                    && (offset >= lastItem.offset || lastItem.batch == nil)
                let isAfterEnd = number == tail.segment && offset >= tail.offset
                do {
                    try damaged.open()
                    let held = try LogModel(of: damaged.log!)
                    if held == whole {
                        padding += 1
                    } else {
                        #expect(held == beforeLast && !isAfterEnd, "\(name) \(offset)")
                        torn += 1
                        // Only the last batch, or the header of the segment that it begins.
                        #expect(isLast || number == tail.segment, "\(name) \(offset)")
                    }
                } catch {
                    #expect(isDamage(error), "\(name) \(offset): \(error)")
                    #expect(!isAfterEnd, "\(name) \(offset): \(error)")
                    reported += 1
                }
            }
        }
        #expect(reported > 1000 && torn > 40 && padding > 0)
    }

    @Test func damageNamesThePlaceAndTheShardsConcerned() throws {
        var run = Run(seed: 1)
        try run.open()
        let first = Write(
            sequence: 1,
            blocks: [
                BlockHead(
                    first: LogIndex(1), last: LogIndex(1), term: Term(1), bytes: 100,
                    content: .entries)
            ])
        for shard in [3, 9] as [UInt16] {
            let head = SnapshotHead(position: .zero, configuration: LogModel.members)
            try run.log!.append([
                LogChange(shard: ShardID(rawValue: shard), .born(ReplicaID(5), head)),
                LogChange(
                    shard: ShardID(rawValue: shard),
                    .write(first, payloads: [[UInt8](repeating: 7, count: 100)])),
            ])
        }
        let name = try #require(run.files.fileNames.first { $0.hasPrefix("log-") })
        let bytes = run.files[name]
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [7, 7, 7, 7]) })
        run.files[name][place] = 8
        #expect {
            try run.open()
        } throws: { error in
            guard case LogFault.damaged(1, _, let shards, _) = error else { return false }
            return shards == [ShardID(rawValue: 3)]
        }
        var last: LogInspection.Item?
        try LogInspection.inspect(folder: "log", files: run.files) { last = $0 }
        #expect(last?.kind == "damage")
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func missingSegmentIsDamage(seed: UInt64) throws {
        let (run, _) = try sample(seed: seed, batches: 30)
        let segments = run.files.fileNames.filter { $0.hasPrefix("log-") }
        for (place, name) in segments.enumerated() where segments.count > 1 {
            var broken = run
            broken.files = run.files.copy()
            broken.files.lose(name)
            if place < segments.count - 1 {
                do {
                    try broken.open()
                    // The oldest may hold nothing any more but what its successor repeats.
                    #expect(place == 0)
                    #expect(try LogModel(of: broken.log!) == run.models[run.returned])
                } catch { #expect(isDamage(error), "\(name): \(error)") }
            }
        }
    }

    @Test func changedBytesOfABlockAreNotHandedOut() throws {
        let (run, items) = try sample(seed: 3)
        let item = try #require(items.last { $0.kind == "block" && $0.bytes ?? 0 > 0 })
        let held = try #require(run.models[run.returned].shards[item.shard!])
        let block = try #require(held.blocks.first { $0.last.rawValue == item.lastIndex })
        #expect(try run.log!.payload(shard: item.shard!, block: block).count == item.bytes)
        let name = try #require(run.files.fileNames.last { $0.hasPrefix("log-") })
        run.files[name][item.offset] ^= 1
        #expect { try run.log!.payload(shard: item.shard!, block: block) } throws: { isDamage($0) }
    }

    @Test(arguments: [false, true])
    func failedWriteOrSyncIsFinalAndFullDiskIsNot(isFull: Bool) throws {
        for call in 1...250 {
            var run = Run(seed: 5, segmentBytes: 1024, payloadLimit: 200)
            try run.open()
            run.files.failure = (run.files.calls + call, isFull)
            var failed: String?
            for _ in 0..<60 where failed == nil {
                let before = run.files.calls
                do { try run.step() } catch let fault as LogFault {
                    failed = run.files.operations[before..<run.files.calls].last
                    if case .full = fault {
                        #expect(isFull)
                        // Nothing of it counts, and the log goes on.
                        run.models.removeLast()
                        run.files.failure = nil
                        #expect(try run.models[run.returned].expectReadable(in: run.log!))
                        try run.steps(10)
                        try run.openAndCheck("full at \(call)")
                    } else {
                        guard case .failed = fault else {
                            Issue.record("call \(call): \(fault)")
                            return
                        }
                        #expect(throws: fault) {
                            try run.log!.append([
                                LogChange(
                                    shard: .directory, .removed(floor: ReplicaID(99)))
                            ])
                        }
                        // It goes on from what was durable, whatever of the failed batch is there to be read, and whatever
                        // stops it on the way. (The batch itself may be whole: when what failed came after it.)
                        for stop in 1...12 {
                            let files = run.files.twin()
                            files.crash = (stop, .after)
                            _ = try? NodeLog(
                                folder: "log", files: files, identity: identity,
                                options: run.options)
                            files.restart(stop % 2 == 0 ? .some : .nothing)
                            var again = run
                            again.files = files
                            try again.openAndCheck("failed at \(call), stopped at \(stop)")
                            try again.steps(5)
                            files.restart(.some)
                            try again.openAndCheck("failed at \(call), lost power later")
                        }
                        try run.openAndCheck("failed at \(call)")
                        try run.steps(10)
                        try run.openAndCheck("failed at \(call), later")
                    }
                }
            }
        }
    }

    @Test(arguments: [
        "sync failed", "end 1 2", "end 1 168 2 1\nsync failed", "end 1 -8 2 3\nx", "",
    ])
    func aMarkerThatCannotBeTrustedIsNotFollowed(text: String) throws {
        let (run, _) = try sample(seed: 3, batches: 5)
        run.files["poisoned"] = Array(text.utf8)
        for _ in 0..<2 {
            #expect {
                try NodeLog(
                    folder: "log", files: run.files, identity: identity, options: run.options)
            } throws: {
                if case LogFault.poisoned = $0 { return true }
                return false
            }
        }
    }

    @Test func whatWasDurableWhenTheDiskFailedMustBeThere() throws {
        var run = Run(seed: 5)
        try run.open()
        try run.steps(20)
        run.files.failure = (run.files.calls + 2, false)
        while (try? run.step()) != nil {}
        let name = try #require(run.files.fileNames.last { $0.hasPrefix("log-") })
        run.files[name] =
            Array(run.files[name].prefix(128))
            + [UInt8](
                repeating: 0, count: run.files[name].count - 128)
        #expect { try run.open() } throws: { isDamage($0) }
    }

    @Test func diskThatFillsUpStopsNothingForGood() throws {
        var run = Run(seed: 8, segmentBytes: 1024, payloadLimit: 300)
        run.files.capacity = 9000
        try run.open()
        var refusals = 0
        for _ in 0..<400 {
            do { try run.step() } catch LogFault.full {
                refusals += 1
                run.models.removeLast()
                run.files.capacity += 2000
            }
        }
        #expect(refusals > 1)
        try run.openAndCheck("filled up")
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func discardKeepsOnlyTheIds(seed: UInt64) throws {
        let (run, _) = try sample(seed: seed, batches: 30)
        let floors = run.models[run.returned].floors
        var calls = 1
        while true {
            // Stopped at every call, then done to the end.
            var broken = run
            broken.files = run.files.copy()
            broken.files["poisoned"] = Array("sync failed".utf8)
            broken.files.crash = (calls, .after)
            func discard() throws {
                try NodeLog.discard(
                    folder: "log", files: broken.files, identity: identity,
                    options: broken.options)
            }
            try? discard()
            let wasStopped = broken.files.isDead
            broken.files.restart(.some)
            try discard()
            try broken.open()
            #expect(broken.log?.takeRecovered().isEmpty == true)
            #expect(broken.log?.floors == floors)
            for (shard, floor) in floors {
                let head = SnapshotHead(position: .zero, configuration: LogModel.members)
                #expect(
                    throws: LogFault.replicaWasHeld(
                        shard, replica: floor.rawValue, floor: floor.rawValue)
                ) { try broken.log!.append([LogChange(shard: shard, .born(floor, head))]) }
                try broken.log!.append([
                    LogChange(shard: shard, .born(ReplicaID(floor.rawValue + 1), head))
                ])
            }
            try broken.open()
            #expect(broken.log?.takeRecovered().count == floors.count)
            if !wasStopped { break }
            calls += 1
        }
    }

    @Test func anothersLogAndALaterVersionAreRefusedByName() throws {
        let (run, _) = try sample(seed: 2)
        let name = try #require(run.files.fileNames.first { $0.hasPrefix("log-") })
        #expect(throws: LogFault.foreign(file: name)) {
            try NodeLog(folder: "log", files: run.files, identity: Array("other".utf8))
        }
        var header = Array(run.files[name].prefix(124))
        header[4] = 2
        var writer = ByteWriter()
        writer.write(fixed: Checksum.crc32(header))
        run.files[name].replaceSubrange(0..<128, with: header + writer.bytes)
        #expect(throws: LogFault.unsupportedVersion(file: name, version: 2)) {
            try NodeLog(folder: "log", files: run.files, identity: identity)
        }
    }

    @Test func pinsNameWhoKeepsTheOldestSegment() throws {
        var run = Run(seed: 4, segmentBytes: 1024)
        try run.open()
        let shard = ShardID(rawValue: 5)
        let head = SnapshotHead(position: .zero, configuration: LogModel.members)
        try run.log!.append([LogChange(shard: shard, .born(ReplicaID(1), head))])
        for index in 1...20 as ClosedRange<UInt64> {
            let block = BlockHead(
                first: LogIndex(index), last: LogIndex(index), term: Term(1), bytes: 200,
                content: .entries)
            try run.log!.append([
                LogChange(
                    shard: shard,
                    .write(
                        Write(sequence: index, blocks: [block]),
                        payloads: [[UInt8](repeating: 1, count: 200)]))
            ])
        }
        let before = run.log!.statistics
        #expect(before.segments > 3 && before.liveBlocks == 20)
        let pin = try #require(run.log!.pins.first)
        #expect(pin.shard == shard && pin.through.rawValue > 1)
        let start = SnapshotHead(
            position: LogPosition(index: pin.through, term: Term(1)),
            configuration: LogModel.members)
        try run.log!.append([LogChange(shard: shard, .start(start))])
        #expect(run.log!.statistics.segments == before.segments - 1)
        #expect(run.log!.statistics.spareSegments == 1)
    }

    @Test func statisticsAskedDuringASyncTellAllThatWasAppendedBefore() throws {
        var run = Run(seed: 7)
        try run.openAndCheck("new")
        let log = run.log!
        var told: [LogStatistics] = []
        run.files.duringSync = { told.append(log.statistics) }
        try run.steps(5)
        run.files.duringSync = {}
        let first = told[0].syncs
        #expect(told.map(\.syncs) == (0..<5).map { first + $0 })
        let sizes = zip(told, told.dropFirst()).map { $1.bytesWritten - $0.bytesWritten }
        #expect(sizes.allSatisfy { $0 > 0 })
        #expect(log.statistics.syncs == first + 5)
    }

    @Test func batchLongerThanASegmentGetsOneOfItsLength() throws {
        var run = Run(seed: 4, segmentBytes: 1024, payloadLimit: 9000)
        try run.openAndCheck("new")
        try run.steps(30)
        try run.openAndCheck("long batches")
    }

    @Test func theRealDiskKeepsALogAsWell() throws {
        let kept = TemporaryFolder()
        let folder = kept.path
        var random = SeededRandom(seed: 6)
        var model = LogModel()
        let options = LogOptions(segmentBytes: 4096)
        for _ in 0..<3 {
            let log = try NodeLog(
                folder: folder, files: DiskFiles(), identity: identity, options: options)
            #expect(try LogModel(of: log) == model)
            for _ in 0..<40 {
                try log.append([model.change(&random, payloadLimit: 300)])
            }
            #expect(try model.expectReadable(in: log))
        }
        var kinds: Set<String> = []
        try LogInspection.inspect(folder: folder, files: DiskFiles()) { kinds.insert($0.kind) }
        #expect(kinds.isSuperset(of: ["block", "state", "voted", "end"]))
    }
}
