import HTTPTypes
import ServiceDesk
import Testing

@testable import SupportAPI

@Suite("Refusals as answers")
struct ErrorAnswerTests {
    @Test("what is being made is not there yet, and says when to come again")
    func notReady() {
        let answer = ErrorAnswers.answer(DeskRefusal.notReady(retryAfterSeconds: 5, "Soon"))
        #expect(answer.status == .serviceUnavailable)
        #expect(answer.headers[.retryAfter] == "5")
    }
}
