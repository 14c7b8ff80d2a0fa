import Cluster
import HTTPTypes
import NIOCore
import ServiceDesk

/// Files: uploaded first, then taken by a comment, then read by whoever may see the comment.
enum AttachmentEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/uploads", "createUpload", tag: "Attachments",
            summary: "Uploads a file, to be named by its token in comment.uploads",
            query: [
                QueryParameter("filename", .string, "The file's name", isRequired: true),
                QueryParameter("token", .string, "Adds the file to this upload of yours"),
            ], answers: [201: "UploadAnswer"], bodyLimit: Attachment.sizeLimit
        ) { call in try await upload(call) },
        Endpoint(
            .delete, "/api/v2/uploads/{token}", "deleteUpload", tag: "Attachments",
            summary: "Deletes an upload that no comment has taken", answers: [204: nil]
        ) { call in
            let digest = Secrets.digest(call.parameters["token"] ?? "")
            return try await call.write { desk in
                try desk.deleteUpload(digest)
                return .noContent
            }
        },
        Endpoint(
            .get, "/api/v2/attachments/{id}", "showAttachment", tag: "Attachments",
            summary: "One file's description", answers: [200: "AttachmentAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in answer(try desk.attachment(id), call) }
        },
        Endpoint(
            .put, "/api/v2/tickets/{id}/comments/{comment_id}/attachments/{attachment_id}/redact",
            "redactAttachment", tag: "Attachments",
            summary: "Replaces a file by an empty one, for good", answers: [200: "AttachmentAnswer"]
        ) { call in
            let (id, comment) = (try call.id(), try call.id("comment_id"))
            let attachment = try call.id("attachment_id")
            return try await call.write { desk in
                answer(try desk.redactAttachment(attachment, ofComment: comment, of: id), call)
            }
        },
        Endpoint(
            .get, "/attachments/token/{token}", "showAttachmentContent", tag: "Attachments",
            summary: "A file's bytes; the token is secret enough to need no sign-in",
            query: [QueryParameter("name", .string, "Ignored: for people who read the address")],
            answers: [200: nil]
        ) { call in try await content(call) },
    ]

    private static func answer(_ attachment: Attachment, _ call: APICall) -> APIAnswer {
        .json {
            $0.object {
                $0.key("attachment")
                $0.attachment(AttachmentFacts(attachment), call)
            }
        }
    }

    // MARK: Up

    private static func upload(_ call: APICall) async throws -> APIAnswer {
        let name = try Attachment.checkedName(call.query["filename"])
        let type = Attachment.checkedType(call.headers[.contentType])
        let given = call.query["token"]
        let token = given ?? Secrets.token().text
        let digest = Secrets.digest(token)
        let contentToken = Secrets.token().text
        let storageLimit = call.tenant.limits.storageBytes
        var rest = call.body
        var writes: [[[UInt8]]] = [[]]
        while let chunk = rest.readBytes(length: min(rest.readableBytes, Attachment.chunkSize)),
            !chunk.isEmpty
        {
            if writes[writes.count - 1].count == Attachment.chunksPerWrite { writes.append([]) }
            writes[writes.count - 1].append(chunk)
        }
        let last = writes.removeLast()
        if !writes.isEmpty, let stored = try await call.storedAnswer() { return stored }
        var started: Int64?
        do {
            for chunks in writes {
                let id = started
                started = try await call.step { desk in
                    let id =
                        try id
                        ?? desk.beginAttachment(
                            upload: digest, isNew: given == nil, name: name, contentType: type,
                            contentToken: contentToken)
                    try desk.append(chunks, to: id, storageLimit: storageLimit)
                    return id
                }
            }
            let id = started
            let answer = try await call.write { desk in
                let id =
                    try id
                    ?? desk.beginAttachment(
                        upload: digest, isNew: given == nil, name: name, contentType: type,
                        contentToken: contentToken)
                try desk.append(last, to: id, storageLimit: storageLimit)
                return uploadAnswer(try desk.finishAttachment(id), newest: id, token, call)
            }
            // Two equal requests at once: the other one's file answered both, and this one's was not finished.
            if let id { try await discard(id, call) }
            return answer
        } catch {
            // What was written is of no use to anybody; if this fails too, the chore sweeps it.
            if let started { try? await discard(started, call) }
            throw error
        }
    }

    private static func discard(_ id: Int64, _ call: APICall) async throws {
        try await call.step { try $0.discardAttachment(id) }
    }

    private static func uploadAnswer(
        _ upload: Upload, newest: Int64, _ token: String, _ call: APICall
    ) -> APIAnswer {
        .json(.created) { json in
            json.object { json in
                json.object("upload") { json in
                    json.member("token", token)
                    json.member("expires_at", upload.expiresAt)
                    json.array("attachments") { json in
                        for file in upload.attachments { json.attachment(.init(file), call) }
                    }
                    if let file = upload.attachments.first(where: { $0.id == newest }) {
                        json.key("attachment")
                        json.attachment(.init(file), call)
                    }
                }
            }
        }
    }

    // MARK: Down

    private static func content(_ call: APICall) async throws -> APIAnswer {
        let token = call.parameters["token"] ?? ""
        let (node, tenant) = (call.node, call.tenant)
        let found = try await node.read(tenant) { try $0.attachment(contentToken: token) }.answer
        guard let file = found else { throw DeskRefusal.notFound }
        call.admission.isVerified = true
        var answer = APIAnswer(status: .ok)
        answer.headers[.contentType] = file.contentType
        answer.headers[.contentDisposition] = disposition(file)
        // Whatever a customer sent must not run in the desk's name.
        answer.headers[.contentSecurityPolicy] = "default-src 'none'; sandbox"
        // A file may be redacted at any time: no copy is kept.
        answer.headers[.cacheControl] = "private, no-store"
        answer.stream = ChunkedBody(id: file.id, length: Int(file.size), count: file.chunkCount) {
            sequence in
            let bytes = try await node.read(tenant) {
                try $0.attachmentChunk(file.contentID, sequence)
            }
            guard let bytes = bytes.answer else { throw DeskRefusal.notFound }
            return ByteBuffer(bytes: bytes)
        }
        return answer
    }

    /// RFC 6266: the name in ASCII for old clients, in full for the others. Only pictures that run nothing open in place.
    private static func disposition(_ file: Attachment) -> String {
        let isPicture = ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(
            file.contentType)
        let plain = String(
            decoding: file.name.utf8.map { byte in
                (0x20..<0x7f).contains(byte) && byte != 0x22 && byte != 0x5c ? byte : 0x5f
            }, as: UTF8.self)
        return "\(isPicture ? "inline" : "attachment"); filename=\"\(plain)\"; "
            + "filename*=UTF-8''\(file.name.addingPercentEncoding())"
    }
}
