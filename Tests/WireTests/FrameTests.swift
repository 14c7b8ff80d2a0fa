import Testing
import Wire

private struct GoldenFrame {
    let kind: FrameKind
    let body: [UInt8]
    let frame: [UInt8]
}

private func goldenFrames() throws -> [GoldenFrame] {
    try Golden.lines("frames.v1.txt").map { line in
        let parts = line.split(separator: " ").map(String.init)
        return GoldenFrame(
            kind: try #require(UInt8(parts[0]).flatMap(FrameKind.init)),
            body: parts[1] == "-" ? [] : Golden.hex(parts[1]), frame: Golden.hex(parts[2]))
    }
}

private func number(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
}

/// Reads a whole frame the slow way.
private func decode(_ bytes: [UInt8], limit: Int = Frame.bodyLimit) throws -> (UInt8, [UInt8]) {
    let head = try Frame.Head(
        word: number(bytes[0..<8]), checksum: UInt32(number(bytes[8..<12])), limit: limit)
    let body = Array(bytes.dropFirst(12))
    guard body.count == head.bodyLength else { throw Frame.Fault.checksum }
    guard body.withUnsafeBytes({ head.matches(body: $0) }) else { throw Frame.Fault.checksum }
    return (head.kindNumber, body)
}

@Suite struct FrameTests {
    @Test func checksumIsTheOneOfZip() {
        let digits = Array("123456789".utf8)
        digits.withUnsafeBytes { raw in
            #expect(Checksum.crc32(raw) == 0xcbf4_3926)
            let first = Checksum.crc32(UnsafeRawBufferPointer(rebasing: raw[..<4]))
            let rest = UnsafeRawBufferPointer(rebasing: raw[4...])
            #expect(Checksum.crc32(rest, seed: first) == 0xcbf4_3926)
        }
        #expect(Checksum.crc32(UnsafeRawBufferPointer(start: nil, count: 0), seed: 7) == 7)
    }

    @Test func versionOneHasItsGoldenBytes() throws {
        let frames = try goldenFrames()
        #expect(frames.count == 10)
        for golden in frames {
            #expect(Frame.encoded(golden.kind, golden.body) == golden.frame, "\(golden.kind)")
            let (kind, body) = try decode(golden.frame)
            #expect(kind == golden.kind.rawValue)
            #expect(body == golden.body)
        }
    }

    @Test func kindsKeepTheirNumbers() {
        let numbers: [FrameKind: UInt8] = [
            .hello: 1, .heartbeat: 2, .replica: 3, .request: 4, .requestBody: 5, .response: 6,
            .responseBody: 7, .snapshotBegin: 9, .snapshotChunk: 10, .snapshotEnd: 11,
            .snapshotAnswer: 12, .control: 13, .dial: 14, .consensus: 15, .keepAlive: 128,
            .padding: 129,
        ]
        #expect(numbers.count == FrameKind.allCases.count)
        for kind in FrameKind.allCases { #expect(kind.rawValue == numbers[kind], "\(kind)") }
        #expect(!FrameKind.mayBeIgnored(127))
        #expect(FrameKind.mayBeIgnored(128))
    }

    @Test func paddingIsAFrameThatFillsUpTheLastStep() throws {
        for count in [0, 1, 12, 115, 116, 117, 127, 128, 129, 243, 244, 245] {
            let padding = Frame.padding(after: count)
            #expect((count + padding.count) % 128 == 0, "\(count)")
            #expect(padding.count < 128 + 12, "\(count)")
            guard !padding.isEmpty else { continue }
            let (kind, body) = try decode(padding)
            #expect(kind == FrameKind.padding.rawValue)
            #expect(body.allSatisfy { $0 == 0 })
        }
        // An older node that does not know it goes on without it.
        #expect(FrameKind.mayBeIgnored(FrameKind.padding.rawValue))
        let padded = FrameKind.allCases.filter(\.isPadded)
        #expect(
            padded == [.replica, .request, .requestBody, .response, .responseBody, .snapshotChunk])
    }

    @Test func everyFlippedBitIsNoticed() throws {
        for golden in try goldenFrames() {
            for bit in 0..<golden.frame.count * 8 {
                var damaged = golden.frame
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: (any Error).self, "\(golden.kind), bit \(bit)") {
                    try decode(damaged)
                }
            }
        }
    }

    @Test func lengthIsHeldToTheLimitBeforeAnythingElse() throws {
        func head(_ length: Int, flags: UInt32 = 0) throws(Frame.Fault) {
            _ = try Frame.Head(
                word: UInt64(length) | 3 << 32 | UInt64(flags) << 40, checksum: 0)
        }
        let limit = Frame.bodyLimit
        #expect(limit == 4 * 1024 * 1024 + 64 * 1024)
        try head(limit)
        #expect(throws: Frame.Fault.tooLong(limit + 1)) { try head(limit + 1) }
        #expect(throws: Frame.Fault.tooLong(0xffff_ffff)) { try head(0xffff_ffff) }
        #expect(throws: Frame.Fault.flags(1)) { try head(5, flags: 1) }
        #expect(throws: Frame.Fault.flags(0xff_ffff)) { try head(5, flags: 0xff_ffff) }
    }
}
