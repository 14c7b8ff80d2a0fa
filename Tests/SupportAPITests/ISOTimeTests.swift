import Testing
import Wire

@testable import SupportAPI

@Suite("The API's times")
struct ISOTimeTests {
    @Test(
        "are whole seconds in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_773_582_330_999, "2026-03-15T13:45:30Z"),
            (-1000, "1969-12-31T23:59:59Z"), (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func write(_ milliseconds: Int64, _ text: String) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(ISOTime.text(time) == text)
        #expect(
            ISOTime.parse(text)?.milliseconds == milliseconds - (milliseconds % 1000 + 1000) % 1000)
    }

    @Test("a day is its first moment, and a time of day says how far it is from UTC")
    func parse() {
        #expect(ISOTime.parse("2026-03-15")?.milliseconds == 1_773_532_800_000)
        #expect(ISOTime.parse("2026-03-15T15:45:30.25+02:00")?.milliseconds == 1_773_582_330_250)
        #expect(ISOTime.parse("2026-03-15T13:45:30") == nil)
        #expect(ISOTime.parse("2026-03-15Z") == nil)
        #expect(ISOTime.parse("yesterday") == nil)
    }
}
