package import ServiceDesk

/// What a request's `Authorization` header says, before anything is looked up.
package enum AuthorizationHeader: Sendable, Equatable {
    /// Nobody, or a token, which is its digest from here on.
    case credential(Credential)
    /// A password, which has to be checked first.
    case password(email: String, password: String)

    /// - Throws: `.unauthenticated` for what is neither `Bearer` nor `Basic`, or is not written as those are.
    package init(_ header: String?) throws(DeskRefusal) {
        guard let header else {
            self = .credential(.anonymous)
            return
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, header.utf8.count <= 4096 else { throw .unauthenticated }
        switch parts[0].lowercased() {
        case "bearer": self = .credential(.bearer(digest: Secrets.digest(String(parts[1]))))
        case "basic":
            guard let bytes = CursorText.bytes(String(parts[1])),
                let text = String(validating: bytes, as: UTF8.self),
                let colon = text.firstIndex(of: ":")
            else { throw .unauthenticated }
            let name = String(text[..<colon])
            let secret = String(text[text.index(after: colon)...])
            if name.hasSuffix("/token") {
                self = .credential(
                    .token(
                        email: String(name.dropLast("/token".count)),
                        digest: Secrets.digest(secret)))
            } else {
                self = .password(email: name, password: secret)
            }
        default: throw .unauthenticated
        }
    }
}
