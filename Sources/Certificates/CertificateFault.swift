/// Why a certificate, a key or the wish for one cannot be used. The text says what is wrong and never contains a key.
package enum CertificateFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not PEM or DER, or not what it should be; the name of the thing and what its reader said.
    case unreadable(String, String)
    /// No `lodge://` name in it.
    case noIdentity
    /// A `lodge://` name that no version of ours writes.
    case badIdentity(String)
    /// A good name, but of another role, such as an operator's where a node's is needed.
    case wrongRole(expected: String, found: String)
    case keyDoesNotMatch
    case badZone(String)
    case badHost(String)
    case badOperator(String)
    case badValidity
    /// Two certificates in a bundle that belong to different clusters, or none at all.
    case badBundle(String)

    package var description: String {
        switch self {
        case .unreadable(let what, let why): "the \(what) cannot be read: \(why)"
        case .noIdentity: "the certificate has no lodge:// name"
        case .badIdentity(let uri): "the certificate's name \(uri) is not one of ours"
        case .wrongRole(let expected, let found):
            "the certificate belongs to \(found), not to \(expected)"
        case .keyDoesNotMatch: "the key does not belong to the certificate"
        case .badZone(let zone):
            "zone \"\(zone)\" is not allowed; use 1 to 32 of a-z, 0-9 and the hyphen"
        case .badHost(let host): "\"\(host)\" is neither a host name nor an address"
        case .badOperator(let name):
            "operator \"\(name)\" is not allowed; use 1 to 64 of a-z, 0-9, '.', '_' and the hyphen"
        case .badValidity: "a certificate is valid for 1 minute to 100 years"
        case .badBundle(let why): "the CA bundle cannot be used: \(why)"
        }
    }
}
