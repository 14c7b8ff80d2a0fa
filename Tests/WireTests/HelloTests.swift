import Testing
import TestSupport
import Wire

private let golden = Hello(
    cluster: ClusterID(bytes: 0..<16), node: NodeID(rawValue: 300), life: 0x0123_4567_89ab_cdef,
    link: .requests, protocols: 1...200, features: 0x8000_0000_0000_0001,
    dictionaries: [1, 300, 65_535], zone: "eu-west-1a")

private let smallest = Hello(
    cluster: ClusterID(bytes: [UInt8](repeating: 0, count: 16)), node: NodeID(rawValue: 1),
    life: 0, link: .log, protocols: 1...1, features: 0, dictionaries: [], zone: "a")

@Suite struct HelloTests {
    @Test func versionOneHasItsGoldenBytes() throws {
        for (name, hello) in [("hello.v1.hex", golden), ("hello-smallest.v1.hex", smallest)] {
            let bytes = try Golden.bytes(name)
            #expect(hello.encoded() == bytes, "\(name)")
            #expect(try Hello(decoding: bytes) == hello, "\(name)")
            #expect(bytes.count < Hello.lengthLimit)
        }
    }

    @Test func everyCutSaysTruncated() {
        for hello in [golden, smallest] {
            let bytes = hello.encoded()
            for count in 0..<bytes.count {
                #expect(throws: DecodingFault.truncated, "\(count) of \(bytes.count)") {
                    try Hello(decoding: Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test func everyFlippedBitIsAnErrorOrAnotherHelloThatIsWrittenTheSame() {
        for hello in [golden, smallest] {
            let bytes = hello.encoded()
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                guard let other = try? Hello(decoding: damaged) else { continue }
                #expect(other != hello)
                // Shorter counts leave bytes behind, which are read past as a newer node's fields.
                #expect(damaged.starts(with: other.encoded()), "bit \(bit)")
            }
        }
    }

    @Test func fieldsOfANewerNodeAreReadPast() throws {
        #expect(try Hello(decoding: golden.encoded() + [1, 2, 3]) == golden)
    }

    @Test func formatFromTheFutureSaysUnsupportedNotCorrupt() {
        for format in [0, 2, 255] as [UInt8] {
            #expect(throws: DecodingFault.unsupportedVersion(format)) {
                try Hello(decoding: Hello.magic + [format, 1, 2])
            }
        }
    }

    @Test(
        arguments: [
            (0, [0x4d], "magic"),
            (21, [0], "node"), (21, [0x80, 0x80, 0x04], "node"),
            (30, [0], "link kind"), (30, [4], "link kind"),
            (31, [0], "protocol versions"), (31, [2, 1], "protocol versions"),
            (31, [0x80, 0x80, 0x04], "protocol versions"),
            (41, [17], "dictionary count"), (41, [1, 0x80, 0x80, 0x04], "dictionary"),
            (42, [0], "zone"), (42, [33], "zone"), (43, [0x41], "zone"), (43, [0xff], "zone"),
        ] as [(Int, [UInt8], String)])
    func fieldOutOfRangeIsNamed(offset: Int, bytes: [UInt8], field: String) {
        let written = smallest.encoded()
        let damaged = written[..<offset] + bytes + written.dropFirst(offset + bytes.count)
        #expect(throws: DecodingFault.invalid(field)) { try Hello(decoding: Array(damaged)) }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomBytesNeverStopTheDecoder(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let tail = (0..<random.number(0..<80)).map { _ in UInt8(random.number(0..<256)) }
            _ = try? Hello(decoding: Hello.magic + [Hello.format] + tail)
        }
    }
}

@Suite struct ClusterIdentifierTests {
    @Test func clusterIsPrintedAndReadBack() {
        let cluster = ClusterID(bytes: 0xf0...0xff)
        #expect(cluster.description == "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        #expect(ClusterID(cluster.description) == cluster)
        #expect(cluster.bytes == Array(0xf0...0xff))
    }

    @Test(arguments: [
        "", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfef", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0",
        "F0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "+0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeé",
    ])
    func nothingElseIsACluster(text: String) { #expect(ClusterID(text) == nil) }

    @Test func nodeIsReadFromPlainDigitsOnly() {
        #expect(NodeID("1") == NodeID(rawValue: 1))
        #expect(NodeID("65535") == NodeID(rawValue: 65_535))
        for text in ["", "0", "01", "+1", "-1", "65536", "1 ", "a"] { #expect(NodeID(text) == nil) }
    }
}
