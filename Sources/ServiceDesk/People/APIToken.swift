import SQLite
package import ShardStore
package import Wire

/// A key for programs, without its secret.
package struct APIToken: Sendable, Equatable {
    package let id: Int64
    package let userID: Int64
    package let description: String
    /// The last four characters, to tell keys apart.
    package let lastCharacters: String
    package let createdAt: Timestamp
    package let lastUsedAt: Timestamp?

    static let columns = "id, user_id, description, last_characters, created_at, last_used_at"

    init(_ row: Row) {
        id = row.int64(0)
        userID = row.int64(1)
        description = row.text(2)
        lastCharacters = row.text(3)
        createdAt = Timestamp(rawValue: row.int64(4))
        lastUsedAt = row.optionalInt64(5).map(Timestamp.init(rawValue:))
    }
}

/// A fresh secret, drawn where randomness is allowed: what to show once and what to keep.
package struct TokenSecret: Sendable {
    package let text: String
    /// SHA-256 of the text.
    package let digest: [UInt8]
    package init(text: String, digest: [UInt8]) {
        self.text = text
        self.digest = digest
    }
}

extension Desk {
    package func apiTokens(_ page: PageRequest) throws -> Page<APIToken> {
        try require(.list, .apiToken)
        return try rows.page(
            PagedQuery(
                columns: APIToken.columns, source: "api_tokens",
                order: PageOrder("id", ["api_tokens.id"])),
            page,
            count: {
                // At most 256 (`createToken`).
                try rows.first("SELECT count(*) FROM api_tokens WHERE tenant = ?1") {
                    $0.int64(0)
                } ?? 0
            }, read: APIToken.init)
    }

    package func apiToken(_ id: Int64) throws -> APIToken {
        try require(.read, .apiToken)
        return try findToken(id)
    }

    private func findToken(_ id: Int64) throws -> APIToken {
        let token = try rows.first(
            "SELECT \(APIToken.columns) FROM api_tokens WHERE tenant = ?1 AND id = ?2", id,
            read: APIToken.init)
        guard let token else { throw DeskRefusal.notFound }
        return token
    }
}

extension Desk where Rows == WritableRows {
    package static var tokenLimit: Int64 { 256 }

    package func createToken(description: String?, secret: TokenSecret) throws -> APIToken {
        try require(.create, .apiToken)
        let count = try rows.first("SELECT count(*) FROM api_tokens WHERE tenant = ?1") {
            $0.int64(0)
        }
        guard (count ?? 0) < Self.tokenLimit else {
            throw DeskRefusal.limitReached(
                "A desk has at most \(Self.tokenLimit) API tokens; revoke one first")
        }
        let id = try insertToken(
            user: principal.userID,
            description: Validation.bounded(
                description ?? "", "description", "Description", max: 255), secret: secret)
        return try apiToken(id)
    }

    func insertToken(user: Int64, description: String, secret: TokenSecret) throws -> Int64 {
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO api_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)", id, secret.digest,
            user, description, String(secret.text.suffix(4)), now.milliseconds)
        return id
    }

    package func revokeToken(_ id: Int64) throws {
        try require(.delete, .apiToken)
        guard try rows.run("DELETE FROM api_tokens WHERE tenant = ?1 AND id = ?2", id) == 1 else {
            throw DeskRefusal.notFound
        }
    }
}

extension ShardTransaction {
    /// Notes that tokens were used. Called now and then with what was gathered, so that a read does not become a write.
    package func touchTokens(_ uses: [(digest: [UInt8], at: Timestamp)]) throws {
        for use in uses {
            try run(
                """
                UPDATE api_tokens SET last_used_at = ?3
                WHERE tenant = ?1 AND digest = ?2 AND coalesce(last_used_at, 0) < ?3
                """,
                use.digest, use.at.milliseconds)
        }
    }
}
