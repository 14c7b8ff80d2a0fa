import Cluster
import Glibc
import NIOCore
import SupportAPI
import Wire

/// `node-identity.json`: who this node is. `lodge cluster init` and `join` write it; a node that is started without one makes it
/// and is alone.
struct IdentityFile {
    let identity: NodeIdentity
    let shards: Int

    static func load(or settings: Settings) throws -> IdentityFile {
        let path = settings.data + "/node-identity.json"
        guard access(path, F_OK) == 0 else { return try make(path, settings) }
        do {
            return try IdentityFile(json: ByteBuffer(bytes: try OwnFile.read(path)))
        } catch { throw StartFault(description: "\(path) cannot be used: \(error)") }
    }

    private static func make(_ path: String, _ settings: Settings) throws -> IdentityFile {
        if mkdir(settings.data, 0o700) != 0 && errno != EEXIST {
            throw DataDirectoryFault(
                description:
                    "cannot make folder \(settings.data): \(String(cString: strerror(errno)))")
        }
        var generator = SystemRandomNumberGenerator()
        let cluster = ClusterID(
            bytes: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        // A folder of a build that knew no identity has its shards already.
        var shards = 0
        while access("\(settings.data)/shards/\(shards + 1).sqlite", F_OK) == 0 { shards += 1 }
        let count = shards > 0 ? shards : settings.shards ?? 10
        let text = JSONWriter.write { json in
            json.object { json in
                json.member("cluster", cluster.description)
                json.member("founder", true)
                json.member("name", "n1")
                json.member("node", 1)
                json.array("seeds", [String]())
                json.member("shards", count)
                json.member("zone", "default")
            }
        }
        try OwnFile.write(Array(text.readableBytesView) + [0x0a], to: path)
        return IdentityFile(identity: NodeIdentity(cluster: cluster), shards: count)
    }

    private init(identity: NodeIdentity, shards: Int) {
        self.identity = identity
        self.shards = shards
    }

    private struct Wrong: Error, CustomStringConvertible { let description: String }

    private init(json: ByteBuffer) throws {
        let value: JSONValue
        do { value = try JSONParser.parse(json) } catch {
            throw Wrong(description: "malformed JSON at byte \(error.offset)")
        }
        func text(_ object: JSONValue, _ key: String) throws -> String {
            guard case .string(let text)? = object[key] else {
                throw Wrong(description: "\(key) must be a text")
            }
            return text
        }
        func number(_ object: JSONValue, _ key: String, _ range: ClosedRange<Int64>) throws -> Int64
        {
            guard case .integer(let number)? = object[key], range.contains(number) else {
                throw Wrong(description: "\(key) must be a number from \(range)")
            }
            return number
        }
        guard let cluster = ClusterID(try text(value, "cluster")) else {
            throw Wrong(description: "cluster must be 32 hexadecimal digits")
        }
        var seeds: [NodeRecord] = []
        if case .array(let items)? = value["seeds"] {
            for item in items {
                seeds.append(
                    NodeRecord(
                        id: NodeID(rawValue: UInt16(try number(item, "id", 1...4096))),
                        name: try text(item, "name"), zone: try text(item, "zone"),
                        address: try text(item, "address"), state: .active))
            }
        }
        var isFounder = false
        if case .bool(let flag)? = value["founder"] { isFounder = flag }
        var peer: String?
        if case .string(let address)? = value["peer"] { peer = address }
        identity = NodeIdentity(
            cluster: cluster, node: NodeID(rawValue: UInt16(try number(value, "node", 1...4096))),
            name: try text(value, "name"), zone: try text(value, "zone"), isFounder: isFounder,
            address: peer, seeds: seeds)
        shards = Int(try number(value, "shards", 1...64))
    }
}
