import Foundation
import Measurement
package import NIOCore
import NIOHTTP1

/// Makes the tenants of a load through the operators' interface, and their tickets through the public one.
///
/// `@unchecked Sendable`: its state is touched by the event loop alone until the futures are done.
package final class DeskMaker: @unchecked Sendable {
    /// Of the names of all tenants; two loads of one cluster have different ones.
    private let prefix: String
    private let texts: Texts
    private let seed: UInt64
    private var desks: [Desk?]
    private var nextRank = 0
    private var tickets: [Int] = []
    private var nextTicket = 0

    package static let connections = 48
    private static let requestsPerMinute = 1_000_000_000

    package init(prefix: String, tenants: Int, seed: UInt64) {
        self.prefix = prefix
        self.seed = seed
        texts = Texts(seed: seed)
        desks = Array(repeating: nil, count: tenants)
    }

    /// How many tickets each tenant begins with: sizes fall as Zipf's law says, none is empty.
    package static func sizes(tenants: Int, average: Int) -> [Int] {
        let mix = (1...tenants).map { 1 / pow(Double($0), TenantChooser.exponent) }
        let sum = mix.reduce(0, +)
        return mix.map { max(1, Int(($0 / sum * Double(average * tenants)).rounded())) }
    }

    // MARK: Tenants

    package func makeTenants(operators dialer: Dialer, token: String) -> EventLoopFuture<[Desk]> {
        let headers: HTTPHeaders = [
            "Host": "localhost", "Authorization": "Bearer \(token)",
            "Content-Type": "application/json",
        ]
        let batch = Batch(
            dialer: dialer, connections: min(Self.connections, desks.count)
        ) { [self] in
            guard nextRank < desks.count else { return nil }
            nextRank += 1
            return tenant(rank: nextRank - 1, headers)
        }
        return batch.run().map { [self] in desks.compactMap { $0 } }
    }

    private func tenant(rank: Int, _ headers: HTTPHeaders) -> Batch.Item {
        let name = "\(prefix)-\(rank)"
        let email = "ann@\(name).example"
        // Made up here, so that the call may be repeated. It opens nothing but this tenant, and is written nowhere.
        var random = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        let token = String((0..<40).map { _ in letters[Int.random(in: 0..<62, using: &random)] })
        let body = ByteBuffer(
            string: """
                {"tenant":{"name":"\(name)","admin_email":"\(email)","admin_token":"\(token)",\
                "limits":{"requests_per_minute":\(Self.requestsPerMinute)}}}
                """)
        var headers = headers
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: "/admin/v1/tenants", headers: headers)
        return Batch.Item(head, body) { [self] status, answer in
            let root =
                try? JSONSerialization.jsonObject(with: Data(answer.readableBytesView))
                as? [String: Any]
            guard status == 201, let shard = (root?["shard"] as? NSNumber)?.intValue else {
                throw LoadFailure(
                    "tenant \(name) is not made: \(status) \(String(buffer: answer).prefix(200))")
            }
            let pair = Data("\(email)/token:\(token)".utf8).base64EncodedString()
            desks[rank] = Desk(
                rank: rank, name: name, shard: shard, authorization: "Basic \(pair)")
            return nil
        }
    }

    // MARK: Tickets

    /// - Parameter sizes: how many tickets each desk gets.
    /// - Returns: how many were made.
    package func makeTickets(
        _ desks: [Desk], sizes: [Int], dialer: Dialer
    ) -> EventLoopFuture<Int> {
        precondition(sizes.count == desks.count)
        tickets = sizes.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
        // Not desk after desk: all shards have something to do.
        var random = SeededRandom(seed: seed, stream: .max)
        tickets.shuffle(using: &random)
        let batch = Batch(
            dialer: dialer, connections: min(Self.connections, tickets.count)
        ) { [self] in
            guard nextTicket < tickets.count else { return nil }
            nextTicket += 1
            return ticket(desks[tickets[nextTicket - 1]], serial: UInt64(nextTicket))
        }
        return batch.run().map { [self] in
            // Answers may have come in another order than the next run's.
            for desk in desks { desk.tickets.sort { $0.serial < $1.serial } }
            return tickets.count
        }
    }

    private func ticket(_ desk: Desk, serial: UInt64) -> Batch.Item {
        var request = LoadRequest(.create, desk)
        request.serial = serial
        let message = request.message(texts, hasKey: true)
        return Batch.Item(message.head, message.body) { [self, request] status, answer in
            switch AnswerCheck.judge(request, status: status, body: answer, texts: texts) {
            case .right(let facts):
                desk.tickets.append(TicketRecord(id: facts.ticket ?? 0, serial: serial, phase: 0))
                return nil
            case .wrong(let what): throw LoadFailure("filling: \(what)")
            case .notNow: throw LoadFailure("filling: a node that is not ready")
            }
        }
    }
}
