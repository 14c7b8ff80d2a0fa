import ArgumentParser
import Certificates
import Foundation
import Wire

/// Where the cluster's authority is.
struct AuthorityOptions: ParsableArguments {
    @Option(help: "Folder of the cluster's authority. Default ./lodge-ca.") var ca = "./lodge-ca"
}

struct CertAuthority: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca", abstract: "Makes a cluster's authority, or a new one beside the old.")
    @OptionGroup var authority: AuthorityOptions
    @Option(help: "The cluster's id, 32 hexadecimal digits. Default a new one.")
    var cluster: String?
    @Flag(help: "Make a new key; the old authority stays trusted until it is forgotten.")
    var renew = false
    @Flag(help: "Trust only the authority that signs now.") var forgetOld = false

    func run() async throws {
        try await reportingFailures {
            let folder = AuthorityFolder(path: authority.ca)
            if forgetOld {
                _ = try folder.load()
                try OwnerOnly.write(
                    AuthorityFolder.firstCertificate(try folder.bundle()),
                    to: folder.certificatePath)
                print("\(folder.certificatePath) holds the present authority only")
                return
            }
            if folder.exists {
                guard renew else {
                    throw CommandFailure(
                        description:
                            "\(authority.ca) has an authority; --renew makes a new one beside it")
                }
                let old = try folder.load()
                let bundle = try folder.bundle()
                let next = try folder.make(for: old.cluster, now: timestampNow())
                try OwnerOnly.write(next.certificatePEM + bundle, to: folder.certificatePath)
                print("\(folder.certificatePath) holds the new authority and the old")
                return
            }
            var id = newClusterID()
            if let cluster {
                guard let known = ClusterID(cluster) else {
                    throw CommandFailure(
                        description: "--cluster: use 32 hexadecimal digits", status: 64)
                }
                id = known
            }
            let made = try folder.make(for: id, now: timestampNow())
            print("cluster   \(made.cluster)")
            print("\(folder.certificatePath)   what nodes trust")
            print("\(folder.keyPath)   keep it off the nodes")
        }
    }
}

struct CertNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Makes a node's certificate anew.",
        discussion:
            "Writes tls/ in the node's data folder; lodge cert reload makes a running node use it.")
    @OptionGroup var authority: AuthorityOptions
    @Option(help: "The node's data folder. Default ./lodge-data.") var data = "./lodge-data"
    @Option(
        name: .customLong("host"),
        help:
            "A host name or address in the certificate; may be repeated. Default the peer address's host."
    )
    var hosts: [String] = []
    @Option(help: "Days until it expires, 1-825. Default 365.") var days = 365

    func run() async throws {
        try await reportingFailures {
            guard (1...825).contains(days) else {
                throw CommandFailure(description: "--days: use 1 to 825", status: 64)
            }
            guard let identity = try IdentityFile.read(in: data), let peer = identity.peer else {
                throw CommandFailure(
                    description: "\(data) is no node of a cluster; see lodge cluster init and join",
                    status: 66)
            }
            let folder = AuthorityFolder(path: authority.ca)
            let signer = try folder.load()
            guard signer.cluster.description == identity.cluster else {
                throw CommandFailure(
                    description: "\(authority.ca) is the authority of another cluster")
            }
            let names = hosts.isEmpty ? [try hostAndPort(peer, option: "peer").host] : hosts
            let issued: IssuedCertificate
            do {
                issued = try signer.issueNode(
                    NodeID(rawValue: UInt16(identity.node)), zone: identity.zone, hosts: names,
                    validity: .seconds(days * 86_400), now: timestampNow())
            } catch { throw CommandFailure(description: "\(error)", status: 64) }
            try NodeTLSFolder(data: data).write(issued, trusting: folder.bundle())
            print("\(data)/tls/node.pem   serial \(issued.serial)")
        }
    }
}

struct CertOperator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator", abstract: "Makes an operator's client certificate.")
    @Argument(help: "The operator's name.") var name: String
    @OptionGroup var authority: AuthorityOptions
    @Option(help: "Folder for operator.pem and operator-key.pem. Default ./lodge-operator.")
    var out = "./lodge-operator"
    @Option(help: "Days until it expires, 1-825. Default 365.") var days = 365

    func run() async throws {
        try await reportingFailures {
            guard (1...825).contains(days) else {
                throw CommandFailure(description: "--days: use 1 to 825", status: 64)
            }
            let issued: IssuedCertificate
            do {
                issued = try AuthorityFolder(path: authority.ca).load().issueOperator(
                    name, validity: .seconds(days * 86_400), now: timestampNow())
            } catch let fault as CertificateFault {
                throw CommandFailure(description: "\(fault)", status: 64)
            }
            try OwnerOnly.folder(out)
            try OwnerOnly.write(issued.keyPEM, to: out + "/operator-key.pem")
            try OwnerOnly.write(issued.certificatePEM, to: out + "/operator.pem")
            print("\(out)/operator.pem   serial \(issued.serial)")
        }
    }
}

struct CertTrust: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Gives a node's data folder the authorities to trust.")
    @OptionGroup var authority: AuthorityOptions
    @Option(help: "The node's data folder. Default ./lodge-data.") var data = "./lodge-data"
    func run() async throws {
        try await reportingFailures {
            let bundle = try AuthorityFolder(path: authority.ca).bundle()
            try OwnerOnly.folder(data + "/tls")
            try OwnerOnly.write(bundle, to: data + "/tls/ca.pem")
            print("\(data)/tls/ca.pem")
        }
    }
}

struct CertReload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Makes a running node read its tls/ folder again.",
        discussion: "Links that are up stay; new ones use the new certificates.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            _ = try await AdminClient(node).call(.post, "/admin/v1/certificates/renew")
            if !node.json { print("read again") }
        }
    }
}

struct CertShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows what a node's certificate says.")
    @Argument(help: "A certificate in PEM.") var file: String
    @Flag(help: "Print it as JSON.") var json = false
    func run() async throws {
        try await reportingFailures {
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw CommandFailure(description: "cannot read \(file)", status: 66)
            }
            let certificate: NodeCertificate
            do {
                certificate = try NodeCertificate(pem: String(decoding: bytes, as: UTF8.self))
            } catch { throw CommandFailure(description: "\(file): \(error)", status: 65) }
            let until = Date(
                timeIntervalSince1970: Double(certificate.notAfter.milliseconds) / 1000)
            let text = ISO8601DateFormatter().string(from: until)
            if json {
                let members: [String: Any] = [
                    "cluster": certificate.cluster.description,
                    "node": Int(certificate.node.rawValue), "zone": certificate.zone,
                    "serial": certificate.serial, "not_after": text,
                ]
                printJSON(
                    try JSONSerialization.data(
                        withJSONObject: members, options: [.sortedKeys]))
            } else {
                print("cluster  \(certificate.cluster)")
                print("node     \(certificate.node), zone \(certificate.zone)")
                print("serial   \(certificate.serial)")
                print("expires  \(text)")
            }
        }
    }
}

struct CertRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revokes a node's certificate in the whole cluster.",
        discussion:
            "Nodes close links with it at once. It cannot be taken back; make the node a new one.")
    @Argument(help: "The certificate's serial number (lodge cert show), or its PEM file.")
    var certificate: String
    @Option(help: "Why, for the record.") var reason = ""
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            var serial = certificate
            if let bytes = FileManager.default.contents(atPath: certificate) {
                do {
                    serial = try NodeCertificate(pem: String(decoding: bytes, as: UTF8.self)).serial
                } catch {
                    throw CommandFailure(description: "\(certificate): \(error)", status: 65)
                }
            }
            _ = try await AdminClient(node).call(
                .post, "/admin/v1/certificates/revocations",
                body: JSONBody("revocation", ["serial": serial, "reason": reason]))
            if !node.json { print("\(serial) is revoked") }
        }
    }
}

struct CertRevocations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revocations", abstract: "Lists revoked certificates.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(.get, "/admin/v1/certificates/revocations")
            if node.json {
                printJSON(data)
                return
            }
            struct Answer: Decodable { let revocations: [String] }
            for serial in try JSONDecoder().decode(Answer.self, from: data).revocations {
                print(serial)
            }
        }
    }
}
