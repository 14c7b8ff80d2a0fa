import Foundation
import Measurement
import Testing

@Suite struct ResultFileTests {
    private func error(_ text: String) -> String? {
        #expect(throws: ResultFileError.self) {
            try ResultFile.decode(Array(text.utf8), name: "r.json")
        }?.description
    }

    @Test func whatIsWrittenIsRead() throws {
        let result = FakeResult.result(phases: ["canonical", "failover"])
        let read = try ResultFile.decode([UInt8](JSONEncoder().encode(result)), name: "r.json")
        #expect(read == result)
    }

    @Test func otherFilesAreRefusedByWhatIsWrongWithThem() {
        #expect(error("{") == "r.json is not JSON")
        #expect(error("") == "r.json is not JSON")
        #expect(
            error("{\"a\":1}")
                == "r.json is not a result of lodge-bench: it has no number in \"format\"")
        #expect(error("[1]")?.hasPrefix("r.json is not a result of lodge-bench") == true)
        #expect(
            error("{\"format\":2}")
                == """
                r.json has format 2; this lodge-bench reads format 1. Read it with the version that wrote it, or measure again
                """)
        #expect(error("{\"format\":1}") == "r.json is not a whole result: command is missing")
    }

    @Test func theWrongPlaceIsNamed() throws {
        let text = String(
            decoding: try JSONEncoder().encode(FakeResult.result(seconds: 2)), as: UTF8.self)
        let broken = text.replacing("\"warmUpSeconds\":10", with: "\"warmUpSeconds\":\"ten\"")
        #expect(
            error(broken) == "r.json is not a whole result: phases[0].warmUpSeconds is no Double")
    }
}
