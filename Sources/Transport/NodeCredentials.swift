internal import Certificates
internal import NIOSSL

/// What a node proves itself with, and whom it believes, as PEM.
package struct NodeCredentials: Sendable {
    /// One certificate or several: while the authority is being renewed, the old and the new one.
    package let caPEM: String
    package let certificatePEM: String
    package let keyPEM: String

    package init(caPEM: String, certificatePEM: String, keyPEM: String) {
        self.caPEM = caPEM
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

/// Credentials made ready for handshakes. Making them is slow, so they are made once and shared.
struct TLSContexts: Sendable {
    let server: NIOSSLContext
    let client: NIOSSLContext
    let certificate: NodeCertificate

    init(_ credentials: NodeCredentials, for local: LocalNode) throws {
        certificate = try NodeCertificate(pem: credentials.certificatePEM)
        guard certificate.cluster == local.cluster else {
            throw LinkFault.otherCluster(certificate.cluster)
        }
        guard certificate.node == local.node else {
            throw LinkFault.unexpectedNode(expected: local.node, found: certificate.node)
        }
        guard certificate.zone == local.zone else {
            throw LinkFault.otherZone(certificate: certificate.zone, hello: local.zone)
        }
        let chain: [NIOSSLCertificate]
        let roots: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(Array(credentials.certificatePEM.utf8))
            roots = try NIOSSLCertificate.fromPEMBytes(Array(credentials.caPEM.utf8))
        } catch {
            throw CertificateFault.unreadable("certificate or CA bundle", "\(error)")
        }
        guard !roots.isEmpty else {
            throw CertificateFault.unreadable("CA bundle", "there is no certificate in it")
        }
        do {
            key = try NIOSSLPrivateKey(bytes: Array(credentials.keyPEM.utf8), format: .pem)
        } catch {
            // Not what the reader said: it might quote the key.
            throw CertificateFault.unreadable("key", "it is not a private key in PEM")
        }
        var serverSide = TLSConfiguration.makeServerConfigurationWithMTLS(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key),
            trustRoots: .certificates(roots))
        serverSide.minimumTLSVersion = .tlsv13
        serverSide.certificateVerification = .noHostnameVerification
        var clientSide = TLSConfiguration.makeClientConfiguration()
        clientSide.minimumTLSVersion = .tlsv13
        clientSide.certificateChain = chain.map { .certificate($0) }
        clientSide.privateKey = .privateKey(key)
        clientSide.trustRoots = .certificates(roots)
        // The name that counts is the node's in the certificate, and `LinkState` checks that one.
        clientSide.certificateVerification = .noHostnameVerification
        do {
            server = try NIOSSLContext(configuration: serverSide)
            client = try NIOSSLContext(configuration: clientSide)
        } catch {
            throw CertificateFault.keyDoesNotMatch
        }
    }
}
