import ArgumentParser
import Certificates
import Foundation
import Wire

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Makes a cluster, takes nodes in and out, and shows how it stands.",
        discussion: """
            A cluster begins with one node and grows: init on the first, join on the others, lodged on each. Exit status: 0 done or \
            healthy, 1 refused or not healthy, 64 asked wrongly, 66 a file is missing, 69 no node answers, 73 a file cannot be written.
            """,
        subcommands: [
            ClusterInit.self, ClusterJoin.self, ClusterStatus.self, ClusterNodes.self,
            ClusterRemove.self, ClusterDrain.self, ClusterActivate.self, ClusterSet.self,
        ])
}

/// What a node is told about itself when it becomes part of a cluster.
struct NodePlace: ParsableArguments {
    @Option(help: "The node's data folder. Default ./lodge-data.") var data = "./lodge-data"
    @Option(help: "Folder of the cluster's authority. Default ./lodge-ca.") var ca = "./lodge-ca"
    @Option(help: "The node's name, unique in the cluster: 1-63 of a-z, 0-9 and -.")
    var name = "n1"
    @Option(help: "Where the node stands: nodes of different zones do not fail together.")
    var zone = "default"
    @Option(help: "HOST:PORT where the other nodes reach it; it listens there too.")
    var peer: String

    func check() throws {
        func isLabel(_ text: String, _ limit: Int) -> Bool {
            (1...limit).contains(text.utf8.count)
                && text.utf8.allSatisfy {
                    (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
                } && text.first != "-" && text.last != "-"
        }
        guard isLabel(name, 63) else {
            throw CommandFailure(
                description: "--name: use 1 to 63 of a-z, 0-9 and -, no - at the ends", status: 64)
        }
        guard isLabel(zone, 32) else {
            throw CommandFailure(
                description: "--zone: use 1 to 32 of a-z, 0-9 and -, no - at the ends", status: 64)
        }
        _ = try hostAndPort(peer, option: "--peer")
    }
}

struct ClusterInit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Makes a cluster's authority and its first node.",
        discussion: """
            Also turns a node that has run alone into the first of a cluster: stop it, run this with its data folder, start it again. \
            Keep ca-key.pem off the nodes: whoever has it can make nodes.
            """)
    @OptionGroup var place: NodePlace
    @Option(help: "Tenant shards, 1-64, fixed from now on. Default 10.") var shards: Int?
    @Flag(help: "Print what was made as JSON.") var json = false

    func run() async throws {
        try await reportingFailures {
            try place.check()
            guard (1...64).contains(shards ?? 10) else {
                throw CommandFailure(description: "--shards: use 1 to 64", status: 64)
            }
            try OwnerOnly.folder(place.data)
            let known = try IdentityFile.read(in: place.data)
            if let known, known.peer != nil {
                throw CommandFailure(
                    description: "\(place.data) belongs to cluster \(known.cluster) already")
            }
            let folder = AuthorityFolder(path: place.ca)
            let cluster = known.flatMap { ClusterID($0.cluster) } ?? newClusterID()
            let authority: ClusterAuthority
            if folder.exists {
                authority = try folder.load()
                guard known == nil || authority.cluster == cluster else {
                    throw CommandFailure(
                        description: "\(place.ca) is the authority of another cluster")
                }
            } else {
                authority = try folder.make(for: cluster, now: timestampNow())
            }
            let issued = try issueNode(
                authority, node: NodeID(rawValue: 1), zone: place.zone, peer: place.peer)
            try NodeTLSFolder(data: place.data).write(issued, trusting: folder.bundle())
            let identity = IdentityFile(
                cluster: authority.cluster.description, node: 1, name: place.name,
                zone: place.zone, founder: true, shards: known?.shards ?? shards ?? 10,
                peer: place.peer, seeds: [])
            try identity.write(in: place.data)
            try report(identity, place, json: json)
        }
    }
}

struct ClusterJoin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Prepares a node that joins a cluster.",
        discussion: """
            Asks a running node for a number, makes the node's certificate with the cluster's authority, and writes both into the data \
            folder; lodged with that folder then does the rest. The folder must be new: a node that lost its disk joins as another one.
            """)
    @OptionGroup var place: NodePlace
    @Option(
        help:
            "Address of a running node's operator listener, http://HOST:PORT. Default LODGE_ADMIN_URL."
    )
    var url: String?
    @Option(help: "An operator's token. Default LODGE_ADMIN_TOKEN.") var token: String?
    @Flag(help: "Print what was made as JSON.") var json = false

    func run() async throws {
        try await reportingFailures {
            try place.check()
            if let known = try IdentityFile.read(in: place.data) {
                throw CommandFailure(
                    description:
                        "\(place.data) is node \(known.node) of cluster \(known.cluster) already; a node joins once, with a new folder"
                )
            }
            let folder = AuthorityFolder(path: place.ca)
            let authority = try folder.load()
            struct Answer: Decodable {
                let node: IdentityFile.Peer
                let cluster: String
                let shards: Int
                let nodes: [IdentityFile.Peer]
            }
            let client = try AdminClient(url: url, token: token)
            let data = try await client.call(
                .post, "/admin/v1/nodes",
                body: JSONBody(
                    "node", ["name": place.name, "zone": place.zone, "address": place.peer]))
            let answer = try JSONDecoder().decode(Answer.self, from: data)
            guard answer.cluster == authority.cluster.description else {
                throw CommandFailure(
                    description:
                        "\(place.ca) is the authority of cluster \(authority.cluster), the node belongs to \(answer.cluster)"
                )
            }
            try OwnerOnly.folder(place.data)
            let issued = try issueNode(
                authority, node: NodeID(rawValue: UInt16(answer.node.id)), zone: place.zone,
                peer: place.peer)
            try NodeTLSFolder(data: place.data).write(issued, trusting: folder.bundle())
            let identity = IdentityFile(
                cluster: answer.cluster, node: answer.node.id, name: place.name, zone: place.zone,
                founder: false, shards: answer.shards, peer: place.peer, seeds: answer.nodes)
            try identity.write(in: place.data)
            try report(identity, place, json: json)
        }
    }
}

private func issueNode(_ authority: ClusterAuthority, node: NodeID, zone: String, peer: String)
    throws -> IssuedCertificate
{
    let host = try hostAndPort(peer, option: "--peer").host
    do {
        return try authority.issueNode(node, zone: zone, hosts: [host], now: timestampNow())
    } catch { throw CommandFailure(description: "\(error)", status: 70) }
}

private func report(_ identity: IdentityFile, _ place: NodePlace, json: Bool) throws {
    if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        printJSON(try encoder.encode(identity))
        return
    }
    print("node     \(identity.node) (\(identity.name)) of cluster \(identity.cluster)")
    print("zone     \(identity.zone)")
    print("peer     \(identity.peer ?? "")")
    print("next     lodged --data \(place.data)")
}

// MARK: Looking

/// The cluster as a node describes it.
struct ClusterAnswer: Decodable {
    struct Node: Decodable {
        let id: Int
        let name: String
        let zone: String
        let address: String
        let state: String
        let isConnected: Bool
        let leads: Int
        let replicas: Int
    }
    struct Replica: Decodable {
        let node: Int
        let replica: String?
        let role: String
        let isVoter: Bool
        let applied: Int64
        let commit: Int64
        let stateHash: String
        let fault: String?
    }
    struct Shard: Decodable {
        let shard: Int
        let leader: Int?
        let term: Int64
        let voters: [Int]
        let learners: [Int]
        let problem: String?
        let replicas: [Replica]
    }
    let healthy: Bool
    let cluster: String
    let nodes: [Node]
    let shards: [Shard]

    static func ask(_ options: NodeOptions) async throws -> (Data, ClusterAnswer) {
        let data = try await AdminClient(options).call(.get, "/admin/v1/cluster")
        return (data, try Tenant.decoder.decode(ClusterAnswer.self, from: data))
    }

    func printNodes() {
        printTable(
            ["id", "name", "zone", "address", "state", "reached", "leads", "replicas"],
            nodes.map {
                [
                    "\($0.id)", $0.name, $0.zone, $0.address, $0.state,
                    $0.isConnected ? "yes" : "no", "\($0.leads)", "\($0.replicas)",
                ]
            })
    }

    func printShards() {
        printTable(
            ["shard", "leader", "term", "voters", "learners", "applied", "problem"],
            shards.map { shard in
                [
                    shard.shard == 0 ? "0 (directory)" : "\(shard.shard)",
                    shard.leader.map(String.init) ?? "-", "\(shard.term)",
                    shard.voters.map(String.init).joined(separator: " "),
                    shard.learners.map(String.init).joined(separator: " "),
                    shard.replicas.map { "\($0.node):\($0.applied)" }.joined(separator: " "),
                    shard.problem ?? "",
                ]
            })
    }
}

/// Prints rows with their columns under each other.
func printTable(_ head: [String], _ rows: [[String]]) {
    let widths = head.indices.map { column in
        ([head] + rows).map { $0[column].count }.max() ?? 0
    }
    for row in [head] + rows {
        let cells = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
        print(cells.joined(separator: "  ").replacing(/\ +$/, with: ""))
    }
}

struct ClusterStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows nodes and shards, and says whether all is well.",
        discussion: "Exit status 0 when every shard has its leader and all its voters, 1 when not.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let (data, cluster) = try await ClusterAnswer.ask(node)
            if node.json {
                printJSON(data)
            } else {
                print(
                    "cluster \(cluster.cluster) is \(cluster.healthy ? "healthy" : "not healthy")")
                print("")
                cluster.printNodes()
                print("")
                cluster.printShards()
            }
            if !cluster.healthy { throw ExitCode(1) }
        }
    }
}

struct ClusterNodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes", abstract: "Lists the nodes.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            if node.json {
                printJSON(try await AdminClient(node).call(.get, "/admin/v1/nodes"))
            } else {
                try await ClusterAnswer.ask(node).1.printNodes()
            }
        }
    }
}

// MARK: Changing

/// Sends a node one way or another.
private func change(_ name: String, _ verb: String, _ options: NodeOptions) async throws {
    try await reportingFailures {
        let data = try await AdminClient(options).call(
            .post, "/admin/v1/nodes/\(pathSegment(name))/\(verb)")
        if options.json { printJSON(data) } else { print("node \(name): \(verb) done") }
    }
}

struct ClusterRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Takes a node out for good: its replicas are replaced.",
        discussion:
            "Also for a node that lost its disk. Revoke its certificate too when others may have it."
    )
    @Argument(help: "The node's name or id.") var name: String
    @OptionGroup var node: NodeOptions
    func run() async throws { try await change(name, "remove", node) }
}

struct ClusterDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Moves a node's replicas to other nodes before it is removed.")
    @Argument(help: "The node's name or id.") var name: String
    @OptionGroup var node: NodeOptions
    func run() async throws { try await change(name, "drain", node) }
}

struct ClusterActivate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate", abstract: "Lets a drained node hold replicas again.")
    @Argument(help: "The node's name or id.") var name: String
    @OptionGroup var node: NodeOptions
    func run() async throws { try await change(name, "activate", node) }
}

struct ClusterSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes what all nodes agree on.")
    @Option(help: "Voters of each tenant shard, as far as there are nodes: 1, 3, 5 or 7.")
    var replicationFactor: Int?
    @Option(help: "Zones whose nodes should lead, with commas; empty when any may.")
    var leaderZones: String?
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(
                .put, "/admin/v1/settings",
                body: JSONBody(
                    "settings",
                    ["replication_factor": replicationFactor, "leader_zones": leaderZones]))
            printJSON(data)
        }
    }
}

struct ShardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shard",
        abstract: "Shows shards, checks their rows and hands over their leadership.",
        subcommands: [ShardList.self, ShardShow.self, ShardCheck.self, ShardTransfer.self])
}

struct ShardList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the shards; 0 is the directory.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            if node.json {
                printJSON(try await AdminClient(node).call(.get, "/admin/v1/shards"))
            } else {
                try await ClusterAnswer.ask(node).1.printShards()
            }
        }
    }
}

struct ShardShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a shard's replicas.")
    @Argument(help: "The shard's number.") var shard: Int
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let client = try AdminClient(node)
            let data = try await client.call(.get, "/admin/v1/shards/\(shard)")
            if node.json {
                printJSON(data)
                return
            }
            struct Answer: Decodable { let shard: ClusterAnswer.Shard }
            let answer = try Tenant.decoder.decode(Answer.self, from: data).shard
            print(
                "shard \(answer.shard), term \(answer.term), leader \(answer.leader.map(String.init) ?? "none")"
            )
            if let problem = answer.problem { print("problem: \(problem)") }
            print("")
            printTable(
                ["node", "replica", "role", "voter", "applied", "commit", "state hash", "fault"],
                answer.replicas.map {
                    [
                        "\($0.node)", $0.replica ?? "-", $0.role, $0.isVoter ? "yes" : "no",
                        "\($0.applied)", "\($0.commit)", $0.stateHash, $0.fault ?? "",
                    ]
                })
        }
    }
}

struct ShardCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads all rows of a shard's replicas against their hashes.",
        discussion: """
            Nodes do the same on their own from time to time (scrub-minutes). A replica that is found unsound stops and is replaced \
            from a sound one, as soon as the others can do without it. Exit status 0 when all are sound, 1 when not.
            """)
    @Argument(help: "The shard's number.") var shard: Int
    @OptionGroup var node: NodeOptions
    func run() async throws {
        struct Answer: Decodable {
            struct Replica: Decodable {
                let node: Int
                let finding: String
            }
            let replicas: [Replica]
        }
        try await reportingFailures {
            let data = try await AdminClient(node).call(.post, "/admin/v1/shards/\(shard)/check")
            let answer = try Tenant.decoder.decode(Answer.self, from: data)
            if node.json {
                printJSON(data)
            } else {
                printTable(
                    ["node", "finding"], answer.replicas.map { ["\($0.node)", $0.finding] })
            }
            if !answer.replicas.allSatisfy({ $0.finding == "sound" }) { throw ExitCode(1) }
        }
    }
}

struct ShardTransfer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Hands a shard's leadership to another node.",
        discussion: "After a minute the cluster balances leaders again.")
    @Argument(help: "The shard's number.") var shard: Int
    @Option(help: "Name or id of the node that should lead.") var to: String
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            _ = try await AdminClient(node).call(
                .post, "/admin/v1/shards/\(shard)/transfer",
                body: JSONBody("transfer", ["node": to]))
            if !node.json { print("shard \(shard) is led by \(to)") }
        }
    }
}
