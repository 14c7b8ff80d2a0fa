package import Wire

/// What a certificate says about an operator. Only read here: whether its chain is trusted is TLS's to decide.
package struct OperatorCertificate: Hashable, Sendable {
    package let cluster: ClusterID
    package let name: String
    /// Lower-case hexadecimal without leading zeros; what revocation names.
    package let serial: String
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    package let subject: String

    package init(pem: String) throws(CertificateFault) {
        try self.init(ParsedCertificate(pem: pem))
    }

    package init(der: [UInt8]) throws(CertificateFault) {
        try self.init(ParsedCertificate(der: der))
    }

    private init(_ parsed: ParsedCertificate) throws(CertificateFault) {
        guard case .operatorNamed(let name) = parsed.identity.role else {
            throw .wrongRole(expected: "an operator", found: parsed.identity.roleText)
        }
        cluster = parsed.identity.cluster
        self.name = name
        serial = parsed.serial
        notBefore = parsed.notBefore
        notAfter = parsed.notAfter
        subject = parsed.subject
    }
}
