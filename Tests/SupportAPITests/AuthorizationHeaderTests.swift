import Foundation
import ServiceDesk
import SupportAPI
import Testing

@Suite struct AuthorizationHeaderTests {
    private func basic(_ text: String) -> String {
        "Basic " + Data(text.utf8).base64EncodedString()
    }

    @Test func noHeaderIsNobody() throws {
        #expect(try AuthorizationHeader(nil) == .credential(.anonymous))
    }

    @Test func tokensAreKeptAsDigests() throws {
        let digest = Secrets.digest("secret")
        #expect(
            try AuthorizationHeader("Bearer secret") == .credential(.bearer(digest: digest)))
        #expect(
            try AuthorizationHeader(basic("ada@example.com/token:secret"))
                == .credential(.token(email: "ada@example.com", digest: digest)))
    }

    @Test func schemeIsOfAnyCaseAndPasswordsMayHoldColons() throws {
        #expect(
            try AuthorizationHeader(
                basic("ada@example.com:a:b").replacing("Basic", with: "bAsIc"))
                == .password(email: "ada@example.com", password: "a:b"))
    }

    @Test func onlyTheWordBehindASlashMakesAToken() throws {
        #expect(
            try AuthorizationHeader(basic("ada@mytoken:secret"))
                == .password(email: "ada@mytoken", password: "secret"))
    }

    @Test(arguments: [
        "", "Bearer", "Basic", "Digest x", "Basic ???",
        "Basic " + Data("x".utf8).base64EncodedString(),
        "Basic " + Data([0xff, 0x3a, 0x61]).base64EncodedString(),
        "Bearer " + String(repeating: "x", count: 4096),
    ]) func whatIsWrittenOtherwiseIsRefused(header: String) {
        #expect(throws: DeskRefusal.unauthenticated) { try AuthorizationHeader(header) }
    }
}
