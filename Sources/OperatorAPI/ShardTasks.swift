import Cluster
import HTTPTypes
import NIOCore
import ServiceDesk
import ShardStore
import SupportAPI
import Wire

/// Steps of an operator's request that belong to a tenant's rows. They are carried out by the node that leads the tenant's shard, which
/// need not be the one that leads the directory.
enum ShardTask: Equatable, Sendable {
    /// Fills an empty desk with its first admin.
    case bootstrap(tenant: String, email: String, name: String, tokenDigest: [UInt8])
    case issueToken(tenant: String, email: String, tokenDigest: [UInt8])
    /// Deletes the rows of a tenant that is marked for it.
    case erase(tenant: String)

    private static let version: UInt8 = 1

    var tenant: String {
        switch self {
        case .bootstrap(let tenant, _, _, _), .issueToken(let tenant, _, _), .erase(let tenant):
            tenant
        }
    }

    /// byte version (1), byte kind, then texts and the digest, each after its length.
    func encoded() -> ByteBuffer {
        var writer = ByteWriter()
        writer.write(Self.version)
        switch self {
        case .bootstrap(let tenant, let email, let name, let digest):
            writer.write(1 as UInt8)
            for text in [tenant, email, name] { writer.write(text: text) }
            writer.write(raw: digest)
        case .issueToken(let tenant, let email, let digest):
            writer.write(2 as UInt8)
            for text in [tenant, email] { writer.write(text: text) }
            writer.write(raw: digest)
        case .erase(let tenant):
            writer.write(3 as UInt8)
            writer.write(text: tenant)
        }
        return ByteBuffer(bytes: writer.bytes)
    }

    init(decoding body: ByteBuffer) throws {
        self = try body.withUnsafeReadableBytes { raw in
            var reader = ByteReader(raw)
            let version = try reader.byte()
            guard version == Self.version else { throw DecodingFault.unsupportedVersion(version) }
            let kind = try reader.byte()
            let tenant = try reader.text(limit: 64)
            func digest(_ reader: inout ByteReader) throws -> [UInt8] {
                let bytes = [UInt8](try reader.raw(UInt64(reader.remaining)))
                guard bytes.count == 32 else { throw DecodingFault.invalid("digest") }
                return bytes
            }
            switch kind {
            case 1:
                let email = try reader.text(limit: 1024)
                let name = try reader.text(limit: 1024)
                return .bootstrap(
                    tenant: tenant, email: email, name: name, tokenDigest: try digest(&reader))
            case 2:
                let email = try reader.text(limit: 1024)
                return .issueToken(
                    tenant: tenant, email: email, tokenDigest: try digest(&reader))
            case 3: return .erase(tenant: tenant)
            default: throw DecodingFault.invalid("kind of task")
            }
        }
    }
}

extension OperatorAPI {
    static let tasksTarget = "/shard-tasks"

    /// Carries a task out, here or where the tenant's shard is led.
    /// - Returns: the admin's address where the task is about one.
    @discardableResult
    func perform(_ task: ShardTask, on record: TenantRecord) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let left = deadline - ContinuousClock.now
            do {
                guard left > .zero else {
                    throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
                }
                switch await node.destination(of: record.shard, within: min(left, .seconds(3))) {
                case .here: return try await performHere(task, on: record)
                case .nobody: throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
                case .node(let leader):
                    return try await ask(leader, task, on: record, within: left)
                }
            } catch is NotLeader {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func ask(
        _ leader: NodeID, _ task: ShardTask, on record: TenantRecord, within time: Duration
    ) async throws -> String {
        let call = PeerRequest(
            service: .node, shard: record.shard, directoryIndex: node.directory.appliedIndex,
            deadline: time, method: "POST",
            target: Self.tasksTarget, body: task.encoded())
        switch await node.call(leader, call) {
        case .notSent: throw NotLeader(leader: nil)
        case .lost: throw OutcomeUnknown()
        case .replied(let reply):
            switch reply.outcome {
            case .answered where reply.status == 200: return String(buffer: reply.body)
            case .answered:
                throw OperatorRefusal(
                    .init(code: Int(reply.status)), "Refused", String(buffer: reply.body))
            case .notLeader, .behind, .busy: throw NotLeader(leader: nil)
            case .unknown: throw OutcomeUnknown()
            }
        }
    }

    private func performHere(_ task: ShardTask, on record: TenantRecord) async throws -> String {
        switch task {
        case .bootstrap(_, let email, let name, let digest):
            let secret = TokenSecret(text: "", digest: digest)
            return try await node.write(record.route) { rows in
                try WritingDesk.bootstrap(
                    rows: rows, adminEmail: email, adminName: name, secret: secret)
            }.answer.email ?? email
        case .issueToken(_, let email, let digest):
            let secret = TokenSecret(text: "", digest: digest)
            return try await node.write(record.route) { rows in
                try WritingDesk.issueAdminToken(rows: rows, email: email, secret: secret)
            }.answer.email ?? email
        case .erase(let name):
            try await node.eraseDesk(of: name)
            return ""
        }
    }

    /// A task that another node asks of this one.
    func answerTask(_ call: PeerRequest) async -> PeerReply {
        do {
            let task = try ShardTask(decoding: call.body)
            guard await node.knowsDirectory(upTo: call.directoryIndex),
                let record = node.directory.tenant(named: task.tenant)
            else { return PeerReply(.behind) }
            let text = try await performHere(task, on: record)
            return PeerReply(.answered, status: 200, body: ByteBuffer(string: text))
        } catch is NotLeader {
            return PeerReply(.notLeader)
        } catch is OutcomeUnknown {
            return PeerReply(.unknown)
        } catch let refusal as DeskRefusal {
            let answer = ErrorAnswers.answer(refusal)
            return PeerReply(
                .answered, status: UInt16(answer.status.code),
                body: ByteBuffer(string: refusal.summary.text))
        } catch let refusal as DirectoryRefusal {
            return PeerReply(
                .answered, status: UInt16(refusal.status.code),
                body: ByteBuffer(string: refusal.text))
        } catch { return PeerReply(.busy) }
    }
}
