internal import Foundation
internal import SwiftASN1
package import Wire
internal import X509

/// What a certificate says about a node. Only read here: whether its chain is trusted is TLS's to decide.
package struct NodeCertificate: Hashable, Sendable {
    package let cluster: ClusterID
    package let node: NodeID
    package let zone: String
    /// Lower-case hexadecimal without leading zeros; what revocation names.
    package let serial: String
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    package let subject: String

    package init(
        cluster: ClusterID, node: NodeID, zone: String, serial: String, notBefore: Timestamp,
        notAfter: Timestamp, subject: String
    ) {
        self.cluster = cluster
        self.node = node
        self.zone = zone
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.subject = subject
    }

    package init(pem: String) throws(CertificateFault) {
        try self.init(ParsedCertificate(pem: pem))
    }

    package init(der: [UInt8]) throws(CertificateFault) {
        try self.init(ParsedCertificate(der: der))
    }

    private init(_ parsed: ParsedCertificate) throws(CertificateFault) {
        guard case .node(let node, let zone) = parsed.identity.role else {
            throw .wrongRole(expected: "a node", found: parsed.identity.roleText)
        }
        self.init(
            cluster: parsed.identity.cluster, node: node, zone: zone, serial: parsed.serial,
            notBefore: parsed.notBefore, notAfter: parsed.notAfter, subject: parsed.subject)
    }
}
