import Certificates
import SwiftASN1
import Testing
import Wire
import X509

private let cluster = ClusterID(bytes: 0x10..<0x20)
private let node = NodeID(rawValue: 7)
private let now = Timestamp(seconds: 1_790_000_000)

@Suite struct ClusterAuthorityTests {
    @Test func nodesCertificateSaysWhoItIs() throws {
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        let issued = try authority.issueNode(
            node, zone: "eu-1", hosts: ["n7.example.org", "10.1.2.3", "fd00::7"],
            validity: .seconds(86_400), now: now)
        let read = try NodeCertificate(pem: issued.certificatePEM)
        #expect(read.cluster == cluster)
        #expect(read.node == node)
        #expect(read.zone == "eu-1")
        #expect(read.serial == issued.serial)
        #expect(read.serial.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 })
        #expect(read.notBefore == Timestamp(seconds: now.seconds - 3600))
        #expect(read.notAfter == Timestamp(seconds: now.seconds + 86_400))
        #expect(read.subject.contains("Lodge node 7"))
        #expect(read.subject.contains("\(cluster)"))

        let certificate = try Certificate(pemEncoded: issued.certificatePEM)
        #expect(
            certificate.issuer == (try Certificate(pemEncoded: authority.certificatePEM).subject))
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(
            Array(names) == [
                .uniformResourceIdentifier("lodge://\(cluster)/node/7?zone=eu-1"),
                .dnsName("n7.example.org"),
                .ipAddress(ASN1OctetString(contentBytes: [10, 1, 2, 3])),
                .ipAddress(
                    ASN1OctetString(
                        contentBytes: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])),
            ])
        let usage = try #require(try certificate.extensions.extendedKeyUsage)
        #expect(Set(usage) == [.serverAuth, .clientAuth])
        #expect(
            try #require(try certificate.extensions.basicConstraints) == .notCertificateAuthority)
    }

    @Test func operatorsCertificateIsForClientsOnly() throws {
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        let issued = try authority.issueOperator("anna.b", now: now)
        let read = try OperatorCertificate(pem: issued.certificatePEM)
        #expect(read.name == "anna.b")
        #expect(read.cluster == cluster)
        #expect(read.serial == issued.serial)
        let certificate = try Certificate(pemEncoded: issued.certificatePEM)
        #expect(Set(try #require(try certificate.extensions.extendedKeyUsage)) == [.clientAuth])
        #expect(
            throws: CertificateFault.wrongRole(expected: "a node", found: "operator anna.b")
        ) { try NodeCertificate(pem: issued.certificatePEM) }
    }

    @Test func authorityComesBackFromItsFilesAndSignsTheSame() throws {
        let made = try ClusterAuthority.make(cluster: cluster, now: now)
        let read = try ClusterAuthority(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
        #expect(read.cluster == cluster)
        #expect(read.certificatePEM == made.certificatePEM)
        #expect(read.serial == made.serial)
        let issued = try read.issueNode(node, zone: "a", hosts: [], now: now)
        let root = try Certificate(pemEncoded: made.certificatePEM)
        #expect(
            root.publicKey.isValidSignature(
                try Certificate(pemEncoded: issued.certificatePEM).signature,
                for: try Certificate(pemEncoded: issued.certificatePEM)))
    }

    @Test func keyMayStayWhenACertificateIsRenewed() throws {
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        let first = try authority.issueNode(node, zone: "a", hosts: [], now: now)
        let kept = try authority.issueNode(
            node, zone: "a", hosts: [], now: now, keyPEM: first.keyPEM)
        let renewed = try authority.issueNode(node, zone: "a", hosts: [], now: now)
        #expect(kept.keyPEM == first.keyPEM)
        #expect(kept.serial != first.serial)
        #expect(renewed.keyPEM != first.keyPEM)
        let successor = try ClusterAuthority.make(
            cluster: cluster, now: now, keyPEM: authority.keyPEM)
        #expect(successor.keyPEM == authority.keyPEM)
        #expect(successor.serial != authority.serial)
    }

    @Test func nothingOutlivesItsAuthority() throws {
        let authority = try ClusterAuthority.make(
            cluster: cluster, validity: .seconds(7200), now: now)
        let issued = try authority.issueNode(node, zone: "a", hosts: [], now: now)
        #expect(try NodeCertificate(pem: issued.certificatePEM).notAfter == authority.notAfter)
    }

    @Test func anotherKeyOrANodesCertificateMakesNoAuthority() throws {
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        let other = try ClusterAuthority.make(cluster: cluster, now: now)
        #expect(throws: CertificateFault.keyDoesNotMatch) {
            try ClusterAuthority(certificatePEM: authority.certificatePEM, keyPEM: other.keyPEM)
        }
        let issued = try authority.issueNode(node, zone: "a", hosts: [], now: now)
        #expect(throws: CertificateFault.wrongRole(expected: "an authority", found: "node 7")) {
            try ClusterAuthority(certificatePEM: issued.certificatePEM, keyPEM: issued.keyPEM)
        }
    }

    @Test func wishesOutOfBoundsAreNamed() throws {
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        for zone in ["", "EU", "a b", "zürich", "a?b", String(repeating: "a", count: 33)] {
            #expect(throws: CertificateFault.badZone(zone)) {
                try authority.issueNode(node, zone: zone, hosts: [], now: now)
            }
        }
        for host in ["", "a b", "bücher.example", "*.example.org", "1.2.3.4/8"] {
            #expect(throws: CertificateFault.badHost(host)) {
                try authority.issueNode(node, zone: "a", hosts: [host], now: now)
            }
        }
        for name in ["", "Anna", "a/b", String(repeating: "a", count: 65)] {
            #expect(throws: CertificateFault.badOperator(name)) {
                try authority.issueOperator(name, now: now)
            }
        }
        #expect(throws: CertificateFault.badValidity) {
            try authority.issueOperator("a", validity: .seconds(59), now: now)
        }
    }

    @Test func unreadableInputSaysWhichAndShowsNoKey() throws {
        #expect(throws: CertificateFault.self) { try NodeCertificate(pem: "nonsense") }
        #expect(throws: CertificateFault.self) { try NodeCertificate(der: [1, 2, 3]) }
        let authority = try ClusterAuthority.make(cluster: cluster, now: now)
        let damaged = authority.keyPEM.replacing("MIG", with: "MIH")
        let fault = #expect(throws: CertificateFault.self) {
            try ClusterAuthority(certificatePEM: authority.certificatePEM, keyPEM: damaged)
        }
        let secret = try #require(authority.keyPEM.split(separator: "\n").dropFirst().first)
        #expect(try !#require(fault).description.contains(secret.prefix(20)))
    }
}

@Suite struct CertificateIdentityTests {
    @Test(arguments: [
        "lodge://101112131415161718191a1b1c1d1e1f/authority",
        "lodge://101112131415161718191a1b1c1d1e1f/node/65535?zone=a-1",
        "lodge://101112131415161718191a1b1c1d1e1f/operator/anna_b.c",
    ])
    func identityIsWrittenAsItIsRead(uri: String) throws {
        #expect(try CertificateIdentity(uri: uri).uri == uri)
    }

    @Test(arguments: [
        "", "lodge://", "lodge:///node/1?zone=a",
        "http://101112131415161718191a1b1c1d1e1f/authority",
        "lodge://101112131415161718191A1B1C1D1E1F/authority",
        "lodge://101112131415161718191a1b1c1d1e1f/authority/",
        "lodge://101112131415161718191a1b1c1d1e1f/node/0?zone=a",
        "lodge://101112131415161718191a1b1c1d1e1f/node/01?zone=a",
        "lodge://101112131415161718191a1b1c1d1e1f/node/65536?zone=a",
        "lodge://101112131415161718191a1b1c1d1e1f/node/1",
        "lodge://101112131415161718191a1b1c1d1e1f/node/1?zone=",
        "lodge://101112131415161718191a1b1c1d1e1f/node/1?zone=a&zone=b",
        "lodge://101112131415161718191a1b1c1d1e1f/node/1?zone=a/x",
        "lodge://101112131415161718191a1b1c1d1e1f/operator/",
        "lodge://101112131415161718191a1b1c1d1e1f/owner/a",
    ])
    func anythingElseIsRefused(uri: String) {
        #expect(throws: CertificateFault.badIdentity(uri)) { try CertificateIdentity(uri: uri) }
    }
}
