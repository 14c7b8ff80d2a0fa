/// A certificate fresh from the authority, with the key it was made for, both as PEM.
package struct IssuedCertificate: Sendable {
    package let certificatePEM: String
    /// Secret: for a file of mode 0600 and nothing else.
    package let keyPEM: String
    /// Lower-case hexadecimal; what revocation names.
    package let serial: String
}
