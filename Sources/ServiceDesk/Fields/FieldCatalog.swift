import SQLite
import ShardStore
import Wire

/// All that a desk defines about its records, read once and kept: fields with their options, custom statuses, forms.
///
/// Every write of a ticket and every answer with one needs it. It is found by the digest of the desk's definitions, one
/// counter in the tenant's own leaf; a desk that never defined anything has no digest, and nothing else is read for it.
package final class FieldCatalog: Sendable, Equatable {
    /// Of `Counter.definitions`; 0 when nothing was ever defined.
    let digest: Int64
    /// Every field of a number, those that were deleted too.
    let fields: [Int64: FieldDefinition]
    /// Those that are not deleted, in their order.
    private let ordered: [FieldOwner: [FieldDefinition]]
    /// Active custom ones in their order, as records show them.
    private let shown: [FieldOwner: [FieldDefinition]]
    private let byKey: [FieldOwner: [String: Int64]]
    /// Which field a tag belongs to.
    private let byTag: [FieldOwner: [String: Int64]]
    /// All custom statuses, by category and number.
    package let statuses: [CustomStatus]
    /// In their order.
    package let forms: [TicketForm]
    /// Whether any field may have to be filled.
    let hasRequirements: Bool
    /// Rows it was made of.
    let weight: Int

    static let known = DefinitionCache<FieldCatalog>(weightLimit: 200_000)
    static let empty = FieldCatalog(digest: 0, fields: [], options: [], statuses: [], forms: [])

    package static func == (a: FieldCatalog, b: FieldCatalog) -> Bool { a.digest == b.digest }

    init(
        digest: Int64, fields stored: [FieldDefinition], options: [FieldOption],
        statuses storedStatuses: [CustomStatus], forms: [TicketForm]
    ) {
        self.digest = digest
        self.forms = forms
        weight = 1 + stored.count + options.count + storedStatuses.count + forms.count * 8
        var fields: [Int64: FieldDefinition] = [:]
        for field in FieldDefinition.system + stored { fields[field.id] = field }
        for option in options { fields[option.fieldID]?.options.append(option) }
        self.fields = fields
        var ordered: [FieldOwner: [FieldDefinition]] = [:]
        for field in fields.values.sorted(by: { ($0.position, $0.id) < ($1.position, $1.id) })
        where field.deletedAt == nil {
            ordered[field.owner, default: []].append(field)
        }
        self.ordered = ordered
        shown = ordered.mapValues { $0.filter { $0.isActive && !$0.kind.isSystem } }
        byKey = ordered.mapValues { list in
            Dictionary(
                list.compactMap { field in field.key.map { ($0, field.id) } },
                uniquingKeysWith: { first, _ in first })
        }
        byTag = ordered.mapValues { list in
            Dictionary(
                list.flatMap { field in field.tags.map { ($0, field.id) } },
                uniquingKeysWith: { first, _ in first })
        }
        var statuses: [Int64: CustomStatus] = [:]
        for status in CustomStatus.system + storedStatuses { statuses[status.id] = status }
        for status in CustomStatus.system {
            // A category's own status is the default as long as no other is.
            let others = storedStatuses.contains {
                $0.id != status.id && $0.category == status.category && $0.isDefault
            }
            statuses[status.id]?.isDefault = !others
        }
        self.statuses = statuses.values.sorted {
            ($0.category.rawValue, $0.id) < ($1.category.rawValue, $1.id)
        }
        hasRequirements =
            ordered[.ticket, default: []].contains {
                $0.isRequired || ($0.isRequiredInPortal && !$0.kind.isSystem)
            }
            || forms.contains { form in
                (form.agentConditions + form.endUserConditions).contains { condition in
                    condition.children.contains { $0.requirement != .never }
                }
            }
    }

    // MARK: Fields

    /// Those that are not deleted, active or not, in their order.
    package func list(_ owner: FieldOwner) -> [FieldDefinition] { ordered[owner] ?? [] }

    /// The active custom ones in their order: what records show.
    package func shown(_ owner: FieldOwner) -> [FieldDefinition] { shown[owner] ?? [] }

    /// Those that were deleted, the last first.
    package func deleted(_ owner: FieldOwner) -> [FieldDefinition] {
        fields.values.filter { $0.owner == owner && $0.deletedAt != nil }
            .sorted { ($0.deletedAt!.rawValue, $0.id) > ($1.deletedAt!.rawValue, $1.id) }
    }

    /// A field that is not deleted.
    package func field(_ id: Int64, of owner: FieldOwner) -> FieldDefinition? {
        guard let field = fields[id], field.owner == owner, field.deletedAt == nil else {
            return nil
        }
        return field
    }

    package func field(key: String, of owner: FieldOwner) -> FieldDefinition? {
        byKey[owner]?[key].flatMap { fields[$0] }
    }

    /// The field whose value a tag says, with how many tags there are of such fields at all.
    func field(tag: String, of owner: FieldOwner) -> FieldDefinition? {
        byTag[owner]?[tag].flatMap { fields[$0] }
    }
    func hasTags(_ owner: FieldOwner) -> Bool { byTag[owner].map { !$0.isEmpty } ?? false }

    // MARK: Statuses and forms

    package func status(_ id: Int64) -> CustomStatus? { statuses.first { $0.id == id } }

    /// What a ticket gets whose status becomes the category; nil for the category's own.
    func defaultStatus(_ category: TicketStatus) -> Int64? {
        guard digest != 0 else { return nil }
        let found = statuses.first { $0.category == category && $0.isDefault }?.id
        return found == CustomStatus.systemID(category) ? nil : found
    }

    package func form(_ id: Int64) -> TicketForm? { forms.first { $0.id == id } }

    /// The form of tickets that name none; nil when the desk has none.
    package var defaultForm: TicketForm? {
        forms.first { $0.isDefault } ?? forms.first { $0.isActive }
    }

    /// The form by which a ticket is filled in.
    package func form(of ticket: Ticket) -> TicketForm? {
        ticket.formID.flatMap(form) ?? defaultForm
    }
}

extension Desk {
    /// What the desk defines about its records. No permission is asked: who may see a record may see what its values mean.
    package func catalog() throws -> FieldCatalog { try rows.catalog() }
}

extension ShardReader {
    /// One row is read, and no other when the definitions are known.
    func catalog() throws -> FieldCatalog { try once { try readCatalog() } }

    private func readCatalog() throws -> FieldCatalog {
        let digest = try count(.definitions)
        if digest == 0 { return .empty }
        if let known = FieldCatalog.known.find(tenant, digest) { return known }
        let catalog = FieldCatalog(
            digest: digest,
            fields: try all(
                "SELECT \(FieldDefinition.columns) FROM fields WHERE tenant = ?1 ORDER BY id",
                read: FieldDefinition.init),
            options: try all(
                """
                SELECT \(FieldOption.columns) FROM field_options WHERE tenant = ?1
                ORDER BY field_id, position, id
                """, read: FieldOption.init),
            statuses: try all(
                "SELECT \(CustomStatus.columns) FROM custom_statuses WHERE tenant = ?1 ORDER BY id",
                read: CustomStatus.init),
            forms: try all(
                """
                SELECT \(TicketForm.columns) FROM ticket_forms WHERE tenant = ?1
                ORDER BY position, id
                """, read: TicketForm.init))
        FieldCatalog.known.keep(catalog, tenant, digest, weight: catalog.weight)
        return catalog
    }

    /// A custom ticket field's kind; nil when there is no such field.
    package func fieldKind(_ id: Int64) throws -> FieldKind? {
        guard let field = try catalog().field(id, of: .ticket), !field.kind.isSystem else {
            return nil
        }
        return field.kind
    }

    package func customStatusExists(_ id: Int64) throws -> Bool {
        try catalog().status(id) != nil
    }

    package func formExists(_ id: Int64) throws -> Bool { try catalog().form(id) != nil }
}

extension ShardTransaction {
    /// Changes a row of the definitions. Every statement that touches them must come through here.
    ///
    /// The new digest is the hash of the old one, the statement and its values: two equal digests of a tenant stand for the
    /// same statements from the same beginning, and so for the same rows. A number that is counted up would not do, for
    /// a transaction that was taken back, and on another node its successor, may have used the same number for
    /// something else; a catalog that was kept in between would stay wrong.
    func define(_ sql: String, _ values: [Value]) throws {
        let old = try count(.definitions)
        var hasher = CellHasher(seed: UInt64(bitPattern: old))
        func add(_ text: String) {
            var text = text
            text.withUTF8 { hasher.add(UnsafeRawBufferPointer($0)) }
        }
        add(sql)
        for value in values {
            switch value {
            case .null: hasher.add(0)
            case .integer(let number):
                hasher.add(1)
                hasher.add(UInt64(bitPattern: number))
            case .text(let text):
                hasher.add(2)
                add(text)
            case .real, .blob: preconditionFailure("definitions hold numbers and texts")
            }
        }
        try run(sql, values: values)
        try set(.definitions, to: Int64(bitPattern: hasher.value == 0 ? 1 : hasher.value))
    }

    /// Writes a row of a table of definitions, new or in place of the one with the same number.
    func define(_ table: String, _ columns: String, _ values: [Value], isNew: Bool) throws {
        let names = columns.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init)
        precondition(names.count == values.count)
        if isNew {
            let places = values.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
            try define(
                "INSERT INTO \(table) (tenant, \(names.joined(separator: ", "))) VALUES (?1, \(places))",
                values)
        } else {
            let isOption = table == "field_options"
            let sets = names.indices.dropFirst(isOption ? 2 : 1).map {
                "\(names[$0]) = ?\($0 + 2)"
            }
            let key = isOption ? "id = ?2 AND field_id = ?3" : "id = ?2"
            try define(
                "UPDATE \(table) SET \(sets.joined(separator: ", ")) WHERE tenant = ?1 AND \(key)",
                values)
        }
    }
}
