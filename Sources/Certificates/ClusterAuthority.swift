internal import Crypto
internal import Foundation
internal import SwiftASN1
package import Wire
package import X509

/// The cluster's own certificate authority: whoever holds its key decides who is a node and who an operator.
///
/// Keys are P-256, certificates X.509 v3 (RFC 5280). To renew the authority make a second one for the same cluster, trust
/// both (their certificates one after the other in one file), issue every node anew, then drop the old one. Times are
/// parameters.
package struct ClusterAuthority: Sendable {
    package let cluster: ClusterID
    package let certificatePEM: String
    /// Secret, the most of all: it belongs on no node.
    package let keyPEM: String
    /// Lower-case hexadecimal.
    package let serial: String
    package let notAfter: Timestamp
    private let certificate: Certificate
    private let key: P256.Signing.PrivateKey

    /// Makes a new authority, with a new key unless `keyPEM` gives one.
    package static func make(
        cluster: ClusterID, validity: Duration = .seconds(10 * 365 * 86_400), now: Timestamp,
        keyPEM: String? = nil
    ) throws(CertificateFault) -> ClusterAuthority {
        let key = try Self.key(keyPEM)
        let identity = try CertificateIdentity(cluster: cluster, role: .authority)
        let period = try Period(validity, now)
        let certificate = try Self.building("authority's certificate") {
            let publicKey = Certificate.PublicKey(key.publicKey)
            let hash = SubjectKeyIdentifier(hash: publicKey)
            // The key is part of the name: verifiers look issuers up by name, and during a rotation there are two.
            let mark = ParsedCertificate.hexadecimal(hash.keyIdentifier.prefix(4))
            let name = try DistinguishedName {
                OrganizationName("Lodge cluster \(cluster)")
                CommonName("Lodge cluster authority \(mark)")
            }
            return try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
                notValidBefore: period.start, notValidAfter: period.end, issuer: name,
                subject: name, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectAlternativeNames([.uniformResourceIdentifier(identity.uri)])
                    hash
                }, issuerPrivateKey: Certificate.PrivateKey(key))
        }
        return try ClusterAuthority(certificate, key)
    }

    /// Reads an authority that was made before.
    package init(certificatePEM: String, keyPEM: String) throws(CertificateFault) {
        let parsed = try ParsedCertificate(pem: certificatePEM)
        try self.init(parsed.certificate, try Self.key(keyPEM))
    }

    private init(_ certificate: Certificate, _ key: P256.Signing.PrivateKey)
        throws(CertificateFault)
    {
        let parsed = try ParsedCertificate(certificate)
        guard parsed.identity.role == .authority else {
            throw .wrongRole(expected: "an authority", found: parsed.identity.roleText)
        }
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw .keyDoesNotMatch
        }
        cluster = parsed.identity.cluster
        serial = parsed.serial
        notAfter = parsed.notAfter
        certificatePEM = try Self.building("authority's certificate") {
            try certificate.serializeAsPEM().pemString + "\n"
        }
        keyPEM = key.pemRepresentation + "\n"
        self.certificate = certificate
        self.key = key
    }

    /// A node's certificate, good for both ends of a link. `hosts` are the names and addresses by which others reach it.
    ///
    /// With `keyPEM` the certificate is for that key, else for a new one.
    package func issueNode(
        _ node: NodeID, zone: String, hosts: [String],
        validity: Duration = .seconds(365 * 86_400), now: Timestamp, keyPEM: String? = nil
    ) throws(CertificateFault) -> IssuedCertificate {
        var names: [GeneralName] = []
        for host in hosts { names.append(try Self.generalName(host)) }
        return try issue(
            CertificateIdentity(cluster: cluster, role: .node(node, zone: zone)),
            commonName: "Lodge node \(node)", names: names, usages: [.serverAuth, .clientAuth],
            Period(validity, now), keyPEM)
    }

    /// An operator's certificate, for clients only.
    package func issueOperator(
        _ name: String, validity: Duration = .seconds(365 * 86_400), now: Timestamp,
        keyPEM: String? = nil
    ) throws(CertificateFault) -> IssuedCertificate {
        try issue(
            CertificateIdentity(cluster: cluster, role: .operatorNamed(name)),
            commonName: "Lodge operator \(name)", names: [], usages: [.clientAuth],
            Period(validity, now), keyPEM)
    }

    private func issue(
        _ identity: CertificateIdentity, commonName: String, names: [GeneralName],
        usages: [ExtendedKeyUsage.Usage], _ period: Period, _ keyPEM: String?
    ) throws(CertificateFault) -> IssuedCertificate {
        let leafKey = try Self.key(keyPEM)
        let certificate = try Self.building("certificate") {
            let publicKey = Certificate.PublicKey(leafKey.publicKey)
            return try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
                notValidBefore: period.start,
                // Nothing is valid for longer than who signed it.
                notValidAfter: min(period.end, self.certificate.notValidAfter),
                issuer: self.certificate.subject,
                subject: DistinguishedName {
                    OrganizationName("Lodge cluster \(cluster)")
                    CommonName(commonName)
                }, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage(usages)
                    SubjectAlternativeNames([.uniformResourceIdentifier(identity.uri)] + names)
                    SubjectKeyIdentifier(hash: publicKey)
                    AuthorityKeyIdentifier(
                        keyIdentifier: SubjectKeyIdentifier(hash: self.certificate.publicKey)
                            .keyIdentifier)
                }, issuerPrivateKey: Certificate.PrivateKey(key))
        }
        let parsed = try ParsedCertificate(certificate)
        return IssuedCertificate(
            certificatePEM: try Self.building("certificate") {
                try certificate.serializeAsPEM().pemString + "\n"
            }, keyPEM: leafKey.pemRepresentation + "\n", serial: parsed.serial)
    }

    // MARK: Parts

    /// From when until when, in whole seconds as certificates have it.
    private struct Period {
        let start: Date
        let end: Date
        init(_ validity: Duration, _ now: Timestamp) throws(CertificateFault) {
            guard validity >= .seconds(60), validity <= .seconds(100 * 366 * 86_400) else {
                throw .badValidity
            }
            // An hour back, for machines whose clocks differ.
            start = Date(timeIntervalSince1970: Double(now.seconds - 3600))
            end = Date(timeIntervalSince1970: Double(now.seconds + validity.components.seconds))
        }
    }

    private static func key(_ pem: String?) throws(CertificateFault) -> P256.Signing.PrivateKey {
        guard let pem else { return P256.Signing.PrivateKey() }
        do { return try P256.Signing.PrivateKey(pemRepresentation: pem) } catch {
            // Not what the reader said: it might quote the key.
            throw .unreadable("key", "it is not a P-256 private key in PEM")
        }
    }

    private static func building<Result>(_ what: String, _ make: () throws -> Result)
        throws(CertificateFault) -> Result
    {
        do { return try make() } catch { throw .unreadable(what, "\(error)") }
    }

    /// A host's name or address as a certificate carries it.
    /// - Parameter allowsWildcard: whether `*` may stand in the name.
    package static func generalName(_ host: String, allowsWildcard: Bool = false)
        throws(CertificateFault) -> GeneralName
    {
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 {
            let bytes = withUnsafeBytes(of: &v4) { Array($0) }
            return .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, host, &v6) == 1 {
            let bytes = withUnsafeBytes(of: &v6) { Array($0) }
            return .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
        let isName =
            !host.isEmpty && host.utf8.count <= 253
            && host.utf8.allSatisfy { byte in
                0x61...0x7a ~= byte || 0x41...0x5a ~= byte || 0x30...0x39 ~= byte || byte == 0x2d
                    || byte == 0x2e || allowsWildcard && byte == 0x2a
            }
        guard isName else { throw .badHost(host) }
        return .dnsName(host)
    }
}
