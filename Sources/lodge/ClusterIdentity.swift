import Certificates
import Foundation
import Wire

/// Who a node is, as `node-identity.json` in its data folder says. `lodged` reads it; `lodge cluster init` and `join` write it.
struct IdentityFile: Codable {
    struct Peer: Codable {
        let id: Int
        let name: String
        let zone: String
        let address: String
    }

    var cluster: String
    var node: Int
    var name: String
    var zone: String
    /// Whether the cluster's shards begin on this node's disk.
    var founder: Bool
    /// Tenant shards of the cluster.
    var shards: Int
    /// Where the other nodes reach it, and where it listens unless `lodged --peer` says otherwise.
    var peer: String?
    /// Nodes to find the others by.
    var seeds: [Peer]

    static func path(in folder: String) -> String { folder + "/node-identity.json" }

    static func read(in folder: String) throws -> IdentityFile? {
        guard let bytes = FileManager.default.contents(atPath: path(in: folder)) else { return nil }
        do { return try JSONDecoder().decode(IdentityFile.self, from: bytes) } catch {
            throw CommandFailure(
                description: "\(path(in: folder)) cannot be read: \(error)", status: 65)
        }
    }

    func write(in folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try OwnerOnly.write(try encoder.encode(self) + Data("\n".utf8), to: Self.path(in: folder))
    }
}

/// Files and folders that only their owner may read.
enum OwnerOnly {
    static func folder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(description: "cannot make folder \(path): \(error)", status: 73)
        }
    }

    /// Whole or not at all: a node may read the file at any moment.
    static func write(_ data: Data, to path: String) throws {
        let temporary = path + ".new"
        guard
            FileManager.default.createFile(
                atPath: temporary, contents: data, attributes: [.posixPermissions: 0o600]),
            rename(temporary, path) == 0
        else { throw CommandFailure(description: "cannot write \(path)", status: 73) }
    }

    static func write(_ text: String, to path: String) throws {
        try write(Data(text.utf8), to: path)
    }
}

/// The cluster's authority in a folder: `ca.pem` and `ca-key.pem`. Whoever holds the key can make nodes: keep it off the nodes.
struct AuthorityFolder {
    let path: String
    var certificatePath: String { path + "/ca.pem" }
    var keyPath: String { path + "/ca-key.pem" }

    var exists: Bool { FileManager.default.fileExists(atPath: keyPath) }

    func load() throws -> ClusterAuthority {
        guard let certificate = FileManager.default.contents(atPath: certificatePath),
            let key = FileManager.default.contents(atPath: keyPath)
        else {
            throw CommandFailure(
                description:
                    "there is no cluster authority in \(path) (ca.pem and ca-key.pem); lodge cluster init or lodge cert ca makes one",
                status: 66)
        }
        // A bundle may hold an older authority behind the one that signs now.
        let first = Self.firstCertificate(String(decoding: certificate, as: UTF8.self))
        do {
            return try ClusterAuthority(
                certificatePEM: first, keyPEM: String(decoding: key, as: UTF8.self))
        } catch { throw CommandFailure(description: "\(path): \(error)", status: 65) }
    }

    /// All certificates that nodes should trust.
    func bundle() throws -> String {
        guard let bytes = FileManager.default.contents(atPath: certificatePath) else {
            throw CommandFailure(description: "cannot read \(certificatePath)", status: 66)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func firstCertificate(_ pem: String) -> String {
        let end = "-----END CERTIFICATE-----"
        guard let range = pem.range(of: end) else { return pem }
        return String(pem[..<range.upperBound]) + "\n"
    }

    func make(for cluster: ClusterID, now: Timestamp) throws -> ClusterAuthority {
        try OwnerOnly.folder(path)
        let authority: ClusterAuthority
        do { authority = try ClusterAuthority.make(cluster: cluster, now: now) } catch {
            throw CommandFailure(description: "\(error)", status: 70)
        }
        try OwnerOnly.write(authority.keyPEM, to: keyPath)
        try OwnerOnly.write(authority.certificatePEM, to: certificatePath)
        return authority
    }
}

/// A node's certificate files in its data folder.
struct NodeTLSFolder {
    let data: String
    var path: String { data + "/tls" }

    func write(_ issued: IssuedCertificate, trusting bundle: String) throws {
        try OwnerOnly.folder(path)
        try OwnerOnly.write(issued.keyPEM, to: path + "/node-key.pem")
        try OwnerOnly.write(issued.certificatePEM, to: path + "/node.pem")
        try OwnerOnly.write(bundle, to: path + "/ca.pem")
    }
}

func timestampNow() -> Timestamp {
    Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
}

/// A random cluster id.
func newClusterID() -> ClusterID {
    var generator = SystemRandomNumberGenerator()
    return ClusterID(
        bytes: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
}

/// `HOST:PORT` as its parts.
/// - Throws: what is wrong with it.
func hostAndPort(_ text: String, option: String) throws -> (host: String, port: Int) {
    guard let colon = text.lastIndex(of: ":"),
        let port = UInt16(text[text.index(after: colon)...]), port > 0, colon != text.startIndex
    else {
        throw CommandFailure(
            description: "\(option): \(text) is not HOST:PORT with a port above 0", status: 64)
    }
    var host = String(text[..<colon])
    if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return (host, Int(port))
}
