internal import Foundation
internal import SwiftASN1
internal import Wire
internal import X509

/// The parts of a certificate that every role of ours has.
struct ParsedCertificate {
    let certificate: Certificate
    let identity: CertificateIdentity
    let serial: String
    let notBefore: Timestamp
    let notAfter: Timestamp
    let subject: String

    init(pem: String) throws(CertificateFault) {
        let certificate: Certificate
        do { certificate = try Certificate(pemEncoded: pem) } catch {
            throw .unreadable("certificate", "\(error)")
        }
        try self.init(certificate)
    }

    init(der: [UInt8]) throws(CertificateFault) {
        let certificate: Certificate
        do { certificate = try Certificate(derEncoded: der) } catch {
            throw .unreadable("certificate", "\(error)")
        }
        try self.init(certificate)
    }

    init(_ certificate: Certificate) throws(CertificateFault) {
        let names: SubjectAlternativeNames?
        do { names = try certificate.extensions.subjectAlternativeNames } catch {
            throw .unreadable("certificate's names", "\(error)")
        }
        var identity: CertificateIdentity?
        for case .uniformResourceIdentifier(let uri)? in (names.map { Array($0) } ?? []).map({
            Optional($0)
        }) where uri.hasPrefix("lodge:") {
            // Two names would let one side believe the first and another the second.
            guard identity == nil else { throw .badIdentity(uri) }
            identity = try CertificateIdentity(uri: uri)
        }
        guard let identity else { throw .noIdentity }
        self.certificate = certificate
        self.identity = identity
        serial = Self.hexadecimal(certificate.serialNumber.bytes.drop { $0 == 0 })
        notBefore = Self.timestamp(certificate.notValidBefore)
        notAfter = Self.timestamp(certificate.notValidAfter)
        subject = "\(certificate.subject)"
    }

    private static func timestamp(_ date: Date) -> Timestamp {
        Timestamp(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
