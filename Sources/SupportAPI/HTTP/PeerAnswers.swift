import HTTPTypes
import NIOCore
package import Wire

extension APIAnswer {
    /// What another node answered, as it is.
    package init(_ reply: PeerReply) {
        self.init(status: .init(code: Int(reply.status)), body: reply.body)
        for header in reply.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            headers.append(HTTPField(name: name, value: header.value))
        }
    }
}

extension PeerReply {
    /// An answer on its way to the node that was asked.
    package init(_ answer: APIAnswer) {
        self.init(
            .answered, status: UInt16(answer.status.code),
            headers: answer.headers.map {
                PeerRequest.Header(name: $0.name.rawName, value: $0.value)
            }, body: answer.body)
    }
}
