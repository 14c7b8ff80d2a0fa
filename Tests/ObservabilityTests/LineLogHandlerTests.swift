import Logging
import Synchronization
import Testing

@testable import Observability

struct LineLogHandlerTests {
    private func logged(_ format: LineLogHandler.Format, _ body: (Logger) -> Void) -> String {
        let text = Mutex("")
        let handler = LineLogHandler(
            label: "api", level: .info, format: format, clock: { "2026-01-31T12:00:00.000Z" },
            write: { line in text.withLock { $0 += line } })
        body(Logger(label: "api", factory: { _ in handler }))
        return text.withLock { $0 }
    }

    @Test func textLinesQuoteOnlyWhatNeedsIt() {
        let line = logged(.text) {
            $0.info("tenant created", metadata: ["tenant": "acme", "note": "a=b"])
        }
        #expect(
            line
                == "time=2026-01-31T12:00:00.000Z level=info logger=api message=\"tenant created\" note=\"a=b\" tenant=acme\n"
        )
    }

    @Test func jsonLinesAreObjectsOnOneLine() {
        let line = logged(.json) { $0.warning("odd", metadata: ["text": "a\nb\"c\u{1}"]) }
        #expect(
            line
                == #"{"time":"2026-01-31T12:00:00.000Z","level":"warning","logger":"api","message":"odd","text":"a\nb\"c\u0001"}"#
                + "\n")
    }

    @Test(arguments: LineLogHandler.Format.allCases)
    func aValueCannotForgeALine(format: LineLogHandler.Format) {
        let line = logged(format) {
            $0.info("m", metadata: ["value": "x\nlevel=error\r\nmessage=no"])
        }
        #expect(line.filter(\.isNewline).count == 1)
    }

    @Test func levelsBelowTheLimitSayNothing() {
        #expect(logged(.text) { $0.debug("quiet") }.isEmpty)
    }
}
