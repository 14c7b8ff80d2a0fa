import ArgumentParser
import Certificates
import Crypto
import Foundation
import SwiftASN1
import X509

struct CertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cert",
        abstract: "Makes, shows, renews and revokes certificates.",
        discussion: """
            Nodes speak to each other over mutual TLS with certificates of the cluster's own authority (ca.pem and ca-key.pem in a \
            folder of the operator's). To renew one: lodge cert node for the node's data folder, then lodge cert reload on it. To \
            change the authority: lodge cert ca --renew (nodes then trust the old and the new), lodge cert trust and reload on every \
            node, lodge cert node and reload on every node, lodge cert ca --forget-old, and trust and reload again.
            """,
        subcommands: [
            CertAuthority.self, CertNode.self, CertOperator.self, CertTrust.self, CertReload.self,
            CertShow.self, CertRevoke.self, CertRevocations.self, CertDev.self,
        ])
}

/// A certificate authority and a server's certificate for trying HTTPS on one machine.
struct CertDev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Makes a development CA and a server certificate signed by it.",
        discussion: """
            Writes ca.pem, server.pem and server-key.pem. For trials only: whoever holds ca-key.pem can sign for any \
            host, so the CA's key is not kept; run the command again for more hosts.
            """)

    @Option(help: "Folder for the files.") var out = "./lodge-certs"
    @Option(
        name: .customLong("host"),
        help: """
            Host name or IP address beside *.desk.test, localhost, 127.0.0.1 and ::1; may be repeated.
            """)
    var hosts: [String] = []
    @Option(help: "Days until it expires, 1-825.") var days = 365

    func validate() throws {
        guard (1...825).contains(days) else {
            throw ValidationError("--days: \(days) is not allowed; use 1 to 825")
        }
    }

    func run() async throws {
        try await reportingFailures {
            let now = Date()
            let names = ["*.desk.test", "desk.test", "localhost", "127.0.0.1", "::1"] + hosts
            let authority = P256.Signing.PrivateKey()
            let authorityName = try DistinguishedName {
                CommonName("Lodge development CA \(Int(now.timeIntervalSince1970))")
            }
            let ca = try certificate(
                subject: authorityName, issuer: authorityName, key: authority.publicKey,
                signer: authority, from: now,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: Certificate.PublicKey(authority.publicKey))
                })
            let server = P256.Signing.PrivateKey()
            let leaf = try certificate(
                subject: DistinguishedName { CommonName("Lodge development server") },
                issuer: authorityName, key: server.publicKey, signer: authority, from: now,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames(try names.map(generalName))
                    SubjectKeyIdentifier(hash: Certificate.PublicKey(server.publicKey))
                    AuthorityKeyIdentifier(
                        keyIdentifier: SubjectKeyIdentifier(
                            hash: Certificate.PublicKey(authority.publicKey)
                        ).keyIdentifier)
                })
            try makeFolder()
            try write(ca.serializeAsPEM().pemString, to: "ca.pem", mode: 0o644)
            try write(leaf.serializeAsPEM().pemString, to: "server.pem", mode: 0o644)
            try write(server.pemRepresentation, to: "server-key.pem", mode: 0o600)
            print("\(out)/ca.pem          trust this in clients")
            print("\(out)/server.pem      lodged --cert")
            print("\(out)/server-key.pem  lodged --key")
        }
    }

    private func certificate(
        subject: DistinguishedName, issuer: DistinguishedName, key: P256.Signing.PublicKey,
        signer: P256.Signing.PrivateKey, from now: Date, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key),
            // An hour back, for machines whose clocks differ.
            notValidBefore: now.addingTimeInterval(-3600),
            notValidAfter: now.addingTimeInterval(TimeInterval(days) * 86_400), issuer: issuer,
            subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(signer))
    }

    private func generalName(_ host: String) throws -> GeneralName {
        do { return try ClusterAuthority.generalName(host, allowsWildcard: true) } catch {
            throw CommandFailure(
                description: "--host: \(host) is neither a host name nor an address", status: 64)
        }
    }

    private func makeFolder() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: out, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(description: "cannot make folder \(out): \(error)", status: 73)
        }
    }

    private func write(_ text: String, to name: String, mode: Int) throws {
        let path = "\(out)/\(name)"
        let isWritten = FileManager.default.createFile(
            atPath: path, contents: Data((text + "\n").utf8), attributes: [.posixPermissions: mode])
        guard isWritten else {
            throw CommandFailure(description: "cannot write \(path)", status: 73)
        }
    }
}
