package import ShardStore
package import Wire

/// One tenant's desk as one principal sees it, inside one request.
///
/// `Desk<ShardReader>` reads; `Desk<ShardTransaction>` also writes. Each resource adds its verbs in an extension
/// (`Desk+Tickets.swift`); every verb asks `require` before it answers.
package struct Desk<Rows: ShardReader> {
    package let rows: Rows
    package let principal: Principal
    /// How the request came in, kept on the audit.
    package let via: Via
    /// The time at which what is done here happens: that of the rows, or an earlier one for what is imported.
    package let now: Timestamp
    /// Watches the triggers that run, when somebody wants to know why they fire.
    var tracer: RuleTracer?
    /// Whether what happened once is gone through again: then nobody is asked for what they left out.
    var isReplay = false

    package init(rows: Rows, principal: Principal, via: Via = Via(), now: Timestamp? = nil) {
        self.rows = rows
        self.principal = principal
        self.via = via
        self.now = now ?? rows.now
    }
}

/// The rows a desk that writes stands on. Extensions name this, so that the import stays in one file.
package typealias WritableRows = ShardTransaction
package typealias ReadingDesk = Desk<ShardReader>
package typealias WritingDesk = Desk<ShardTransaction>

/// The channel and client a request came through.
package struct Via: Sendable, Equatable {
    package enum Channel: Int64, Sendable, CaseIterable {
        case api = 0
        case web = 1
        case email = 2
        case system = 3
        /// What solving a problem does to its incidents.
        case problem = 4
        package var name: String {
            switch self {
            case .api: "api"
            case .web: "web"
            case .email: "email"
            case .system: "system"
            case .problem: "rule"
            }
        }
    }
    package var channel: Channel
    /// The client's `User-Agent`, cut to 255 characters.
    package var client: String?
    /// The client's address as text.
    package var address: String?
    package init(channel: Channel = .api, client: String? = nil, address: String? = nil) {
        self.channel = channel
        self.client = client
        self.address = address
    }
}
