import HTTPTypes

/// Where a request came from and which address the client wrote, read through the proxies that are trusted.
///
/// A proxy adds to the right end of a list, and whatever is left of what a trusted proxy added came from outside and may be
/// made up. So of `Forwarded`, `X-Forwarded-Host`, `-Proto` and `-Port` the last value counts, and the client is the last
/// address that is not itself a trusted proxy's. `Forwarded` (RFC 7239) wins over the others. From anybody else all of these
/// are ignored.
struct Peer: Sendable, Equatable {
    /// As the client wrote it, with the port where that is not the scheme's own.
    let host: String
    let scheme: String
    /// The client's address, as far as it is known.
    let address: String?
    /// Whether somebody at this machine asks directly, with no proxy between.
    let isLocal: Bool

    /// As another node has found it out.
    init(host: String, scheme: String, address: String?) {
        self.host = host
        self.scheme = scheme
        self.address = address
        isLocal = false
    }

    /// - Parameters:
    ///   - host: the request's own `Host`.
    ///   - scheme: the listener's.
    ///   - remote: the connection's other end.
    init(
        host: String, scheme: String, headers: HTTPFields, remote: String?, trusted: Set<String>
    ) {
        let remote = remote.map(Self.plainAddress)
        let isForwarded = Self.names.contains { headers.contains($0) }
        guard let remote, trusted.contains(remote) else {
            self.host = host
            self.scheme = scheme
            address = remote
            isLocal = !isForwarded && (remote == "127.0.0.1" || remote == "::1")
            return
        }
        let elements = Self.split(headers[Self.forwarded] ?? "", at: ",").map(Self.pairs)
        func last(_ name: HTTPField.Name) -> String? {
            Self.split(headers[name] ?? "", at: ",").last
        }
        let proto = (elements.last?["proto"] ?? last(Self.forwardedProto))?.lowercased()
        self.scheme = proto == "http" || proto == "https" ? proto! : scheme
        let name = elements.last?["host"] ?? last(Self.forwardedHost) ?? host
        let port = last(Self.forwardedPort).flatMap { UInt16($0) }
        let hasPort = name.last != "]" && name.drop { $0 != "]" && $0 != ":" }.contains(":")
        let isUsual = port == (self.scheme == "https" ? 443 : 80)
        self.host = if let port, !hasPort, !isUsual { "\(name):\(port)" } else { name }
        var hops = elements.compactMap { $0["for"] }.map(Self.withoutPort)
        if hops.isEmpty {
            hops = Self.split(headers[Self.forwardedFor] ?? "", at: ",").map(Self.withoutPort)
        }
        address = hops.last { !trusted.contains($0) } ?? remote
        isLocal = false
    }

    private static let forwarded = HTTPField.Name("Forwarded")!
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    private static let forwardedHost = HTTPField.Name("X-Forwarded-Host")!
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!
    private static let forwardedPort = HTTPField.Name("X-Forwarded-Port")!
    private static let names = [
        forwarded, forwardedFor, forwardedHost, forwardedProto, forwardedPort,
    ]

    /// `::ffff:10.0.0.1`, as a listener on both families sees IPv4, without its prefix.
    private static func plainAddress(_ text: String) -> String {
        text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst(7)) : text
    }

    /// `[2001:db8::1]:4711` and `10.0.0.1:4711` as addresses.
    private static func withoutPort(_ text: String) -> String {
        if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : plainAddress(text)
    }

    /// One element of `Forwarded`: `for=10.0.0.1;host="acme.example:8443";proto=https`.
    private static func pairs(_ element: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in split(element, at: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            var value = String(parts[1])
            if value.hasPrefix("\""), value.hasSuffix("\""), value.utf8.count > 1 {
                value = value.dropFirst().dropLast().split(separator: "\\").joined()
            }
            pairs[parts[0].lowercased()] = value
        }
        return pairs
    }

    /// The parts between separators outside quotes, without spaces around them and without empty ones.
    private static func split(_ text: String, at separator: Character) -> [String] {
        var parts: [String] = []
        var part = ""
        var isQuoted = false
        func end() {
            let trimmed = part.drop { $0 == " " || $0 == "\t" }
            let last = trimmed.lastIndex { $0 != " " && $0 != "\t" }
            if let last { parts.append(String(trimmed[...last])) }
            part = ""
        }
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if character == separator, !isQuoted { end() } else { part.append(character) }
        }
        end()
        return parts
    }
}
