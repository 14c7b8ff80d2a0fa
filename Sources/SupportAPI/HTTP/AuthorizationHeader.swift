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
        guard header.utf8.count <= 4096 else { throw .unauthenticated }
        let (scheme, rest) = header.cut(at: UInt8(ascii: " "))
        guard let rest = rest?.utf8.drop(while: { $0 == UInt8(ascii: " ") }), !rest.isEmpty else {
            throw .unauthenticated
        }
        let credential = String(Substring(rest))
        switch scheme.lowercased() {
        case "bearer": self = .credential(.bearer(digest: Secrets.digest(credential)))
        case "basic":
            guard let bytes = CursorText.bytes(credential),
                let text = String(validating: bytes, as: UTF8.self)
            else { throw .unauthenticated }
            let (name, secret) = text.cut(at: UInt8(ascii: ":"))
            guard let secret else { throw .unauthenticated }
            if name.utf8.suffix(6).elementsEqual("/token".utf8) {
                self = .credential(
                    .token(
                        email: String(Substring(name.utf8.dropLast(6))),
                        digest: Secrets.digest(String(secret))))
            } else {
                self = .password(email: String(name), password: String(secret))
            }
        default: throw .unauthenticated
        }
    }
}
