import NIOCore
import ServiceDesk

/// What the API shows of a file, whether it comes from its own row or from its comment's.
struct AttachmentFacts {
    let id: Int64
    let token: String
    let name: String
    let contentType: String
    let size: Int64
    let isRedacted: Bool

    init(_ attachment: Attachment) {
        id = attachment.id
        token = attachment.token
        name = attachment.name
        contentType = attachment.contentType
        size = attachment.size
        isRedacted = attachment.state == .redacted
    }

    /// One entry of the list that a comment keeps.
    private init?(_ json: JSONValue) {
        guard case .array(let parts) = json, parts.count == 6, case .integer(let id) = parts[0],
            case .string(let token) = parts[1], case .string(let name) = parts[2],
            case .string(let type) = parts[3], case .integer(let size) = parts[4],
            case .integer(let state) = parts[5]
        else { return nil }
        self.id = id
        self.token = token
        self.name = name
        contentType = type
        self.size = size
        isRedacted = state == Attachment.State.redacted.rawValue
    }

    static func list(of comment: Comment) -> [AttachmentFacts] {
        guard let text = comment.attachments,
            case .array(let entries)? = try? JSONParser.parse(ByteBuffer(string: text))
        else { return [] }
        return entries.compactMap(AttachmentFacts.init)
    }
}

extension JSONWriter {
    mutating func attachment(_ file: AttachmentFacts, _ call: APICall) {
        let content = call.url(
            "/attachments/token/\(file.token)/?name=\(file.name.addingPercentEncoding())")
        object { json in
            json.member("url", call.url("/api/v2/attachments/\(file.id).json"))
            json.member("id", file.id)
            json.member("file_name", file.name)
            json.member("content_url", content)
            json.member("mapped_content_url", content)
            json.member("content_type", file.contentType)
            json.member("size", file.size)
            json.null("width")
            json.null("height")
            json.member("inline", false)
            json.member("deleted", file.isRedacted)
            json.member("malware_access_override", false)
            json.member("malware_scan_result", "not_scanned")
            json.array("thumbnails") { _ in }
        }
    }
}
