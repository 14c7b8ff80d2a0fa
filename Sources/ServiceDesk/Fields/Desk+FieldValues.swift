import ShardStore
import Wire

extension Desk {
    /// Values after what a request wants of them, and the tags that say some of them.
    ///
    /// First come the tags: one that was added sets its field, one that was removed clears it. Then come the changes of
    /// fields, whose word is the last. What is not asked for stays as it is, also where its option or field is gone.
    ///
    /// - Parameter oldTags: before the request; `tags` are those it leaves.
    /// - Throws: one error for each field whose value cannot be taken.
    func fieldValues(
        _ old: CustomValues, _ changes: [FieldChange], of owner: FieldOwner,
        oldTags: [String], tags: inout [String], _ catalog: FieldCatalog
    ) throws -> CustomValues {
        let tagsChanged = tags != oldTags && catalog.hasTags(owner)
        guard tagsChanged || !changes.isEmpty else { return old }
        var values = old.all
        var names = Set(tags)
        if tagsChanged { follow(Set(oldTags), &names, &values, owner, catalog) }
        var errors: [FieldError] = []
        var work = 0
        for change in changes {
            do {
                guard let field = try find(change, owner, catalog) else { continue }
                if case .text(let text) = change.value, let pattern = field.pattern {
                    work += pattern.work(text)
                    guard work <= ValuePattern.workLimit else {
                        throw DeskRefusal.invalid(
                            field.errorName, .tooLong,
                            "\(field.title): to match all these values takes too long; send them in several requests"
                        )
                    }
                }
                let value = try typed(change.value, field, values[field.id])
                settle(field, value, &names, &values)
            } catch DeskRefusal.invalid(let refused) { errors += refused }
        }
        guard errors.isEmpty else { throw DeskRefusal.invalid(errors) }
        let after = CustomValues(values)
        guard (after.stored?.utf8.count ?? 0) <= CustomValues.sizeLimit else {
            throw DeskRefusal.invalid(
                "base", .tooLong,
                "The values of all fields together are too long (maximum is \(CustomValues.sizeLimit) bytes)"
            )
        }
        if names != Set(tags) { tags = try Tags.normalized(Array(names)) }
        return after
    }

    /// The same for users and organizations, who mostly have none: the catalog is read only when it is needed.
    func profileValues(
        _ old: CustomValues, _ changes: [FieldChange], of owner: FieldOwner,
        oldTags: [String], tags: inout [String]
    ) throws -> CustomValues {
        guard tags != oldTags || !changes.isEmpty else { return old }
        return try fieldValues(
            old, changes, of: owner, oldTags: oldTags, tags: &tags, rows.catalog())
    }

    // MARK: Tags

    /// Lets the fields follow tags that came or went.
    private func follow(
        _ before: Set<String>, _ now: inout Set<String>, _ values: inout [Int64: CustomValue],
        _ owner: FieldOwner, _ catalog: FieldCatalog
    ) {
        let moved = now.symmetricDifference(before)
        var seen: Set<Int64> = []
        for tag in moved.sorted() {
            guard let field = catalog.field(tag: tag, of: owner), seen.insert(field.id).inserted
            else { continue }
            let there = field.tags.filter(now.contains)
            switch field.kind {
            case .checkbox:
                if !there.isEmpty {
                    values[field.id] = .flag(true)
                } else if values[field.id] == .flag(true) {
                    values[field.id] = .flag(false)
                }
            case .multiselect:
                // What has no option any more has no tag to be told by.
                let unknown = (values[field.id]?.texts ?? []).filter { field.option($0) == nil }
                let chosen = unknown + there
                values[field.id] = chosen.isEmpty ? nil : .list(chosen)
            default:
                let current = values[field.id]?.texts.first
                let chosen =
                    there.first { !before.contains($0) }
                    ?? there.first { $0 == current } ?? there.first
                if let chosen {
                    values[field.id] = .text(chosen)
                    now.subtract(there.filter { $0 != chosen })
                } else if let current, field.option(current) != nil {
                    values[field.id] = nil
                }
            }
        }
    }

    /// Sets a field, with the tags that say its value.
    private func settle(
        _ field: FieldDefinition, _ value: CustomValue?, _ tags: inout Set<String>,
        _ values: inout [Int64: CustomValue]
    ) {
        if field.kind.hasOptions {
            tags.subtract(field.tags)
            tags.subtract(values[field.id]?.texts ?? [])
            tags.formUnion(value?.texts ?? [])
        } else if field.kind == .checkbox, let tag = field.tag {
            if value == .flag(true) { tags.insert(tag) } else { tags.remove(tag) }
        }
        values[field.id] = value
    }

    // MARK: Types

    /// The field that a change names. Clearing what does not exist does nothing.
    private func find(_ change: FieldChange, _ owner: FieldOwner, _ catalog: FieldCatalog) throws
        -> FieldDefinition?
    {
        let field: FieldDefinition?
        let name: String
        switch change.field {
        case .id(let id):
            name = String(id)
            field = catalog.field(id, of: owner)
        case .key(let key):
            name = key
            field = catalog.field(key: key, of: owner)
        }
        guard let field, !field.kind.isSystem else {
            if change.value == .none { return nil }
            let isDeleted =
                if case .id(let id) = change.field {
                    catalog.fields[id]?.deletedAt != nil
                } else { false }
            throw DeskRefusal.invalid(
                name, .invalid,
                isDeleted
                    ? "The field \(name) was deleted; restore it to set it"
                    : "There is no custom \(owner.name) field \(name.prefix(128))")
        }
        guard field.isActive || change.value == .none else {
            throw DeskRefusal.invalid(
                field.errorName, .notAllowed, "\(field.title): is not active; activate it to set it"
            )
        }
        return field
    }

    /// A value in the form that rows hold; nil for none.
    private func typed(_ input: FieldInput, _ field: FieldDefinition, _ current: CustomValue?)
        throws -> CustomValue?
    {
        func wrong(_ what: String) -> DeskRefusal {
            .invalid(field.errorName, .wrongType, "\(field.title): must be \(what)")
        }
        switch input {
        case .none, .text(""), .list([]): return nil
        default: break
        }
        if field.kind == .multiselect { return try chosen(input, field, current) }
        if field.kind == .checkbox {
            switch input {
            case .flag(let flag): return .flag(flag)
            case .text("true"), .text("1"): return .flag(true)
            case .text("false"), .text("0"): return .flag(false)
            default: throw wrong("true or false")
            }
        }
        guard case .text(let text) = input else { throw wrong(field.kind.example) }
        let trimmed = Validation.trim(text)
        switch field.kind {
        case .text, .textarea:
            return .text(try bounded(text, field, CustomValues.textLimit))
        case .regexp:
            let text = try bounded(text, field, ValuePattern.valueLimit)
            guard field.pattern?.matches(text) ?? true else {
                throw DeskRefusal.invalid(
                    field.errorName, .invalid,
                    "\(field.title): \(text.prefix(60)) does not match \(field.pattern?.source ?? "")"
                )
            }
            return .text(text)
        case .integer:
            guard let number = Int64(trimmed) else { throw wrong(field.kind.example) }
            return .text(String(number))
        case .decimal:
            guard let number = Self.decimal(trimmed) else { throw wrong(field.kind.example) }
            return .text(number)
        case .date:
            // A time is taken for its day, as clients send it who got it so.
            let day =
                trimmed.utf8.count > 10 && trimmed.dropFirst(10).hasPrefix("T")
                ? String(trimmed.prefix(10)) : trimmed
            guard let date = CalendarDay(day) else { throw wrong(field.kind.example) }
            return .text(date.description)
        case .dropdown: return .text(try option(text, field, [current?.texts.first ?? ""]))
        case .lookup: return .text(try target(trimmed, field))
        default: throw wrong(field.kind.example)
        }
    }

    private func bounded(_ text: String, _ field: FieldDefinition, _ limit: Int) throws -> String {
        guard text.utf8.count <= limit else {
            throw DeskRefusal.invalid(
                field.errorName, .tooLong,
                "\(field.title): is too long (maximum is \(limit) bytes)")
        }
        return text
    }

    /// Digits with at most one point, at least one digit, in its usual form: `-1.50` stays, `01.5` becomes `1.5`.
    private static func decimal(_ text: String) -> String? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 64, parts.count <= 2,
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            parts.contains(where: { !$0.isEmpty })
        else { return nil }
        let whole = parts[0].drop { $0 == "0" }
        let fraction = parts.count == 2 && !parts[1].isEmpty ? "." + parts[1] : ""
        return (isNegative ? "-" : "") + (whole.isEmpty ? "0" : whole) + fraction
    }

    /// One of a field's options by its value, or a value that the record has already, whose option may be gone.
    private func option(_ text: String, _ field: FieldDefinition, _ current: [String]) throws
        -> String
    {
        let value = Validation.trim(text).lowercased()
        if field.option(value) != nil || current.contains(value) { return value }
        throw DeskRefusal.invalid(
            field.errorName, .invalid,
            "\(field.title): \(text.prefix(80)) is not the value of one of its options")
    }

    private func chosen(_ input: FieldInput, _ field: FieldDefinition, _ current: CustomValue?)
        throws -> CustomValue?
    {
        let texts: [String]
        switch input {
        case .list(let items): texts = items
        case .text(let text): texts = text.split(whereSeparator: \.isWhitespace).map(String.init)
        case .flag, .none:
            throw DeskRefusal.invalid(
                field.errorName, .wrongType, "\(field.title): must be \(field.kind.example)")
        }
        let had = current?.texts ?? []
        let wanted = Set(try texts.map { try option($0, field, had) })
        let known = field.tags.filter(wanted.contains)
        let unknown = had.filter { wanted.contains($0) && field.option($0) == nil }
        return wanted.isEmpty ? nil : .list(unknown + known)
    }

    /// The number of a record that exists and that the asker may know of.
    private func target(_ text: String, _ field: FieldDefinition) throws -> String {
        let id = Int64(text)
        let exists: Bool
        switch (field.target, id) {
        case (_, nil), (nil, _): exists = false
        case (.user, let id?): exists = try findUser(id)?.isActive ?? false
        case (.organization, let id?): exists = try findOrganization(id) != nil
        case (.ticket, let id?):
            exists =
                try findTicket(id).map {
                    $0.deletedAt == nil
                        && Authorization.decide(principal, .read, .ticket($0.facts)) == .allow
                } ?? false
        }
        guard exists, let id else {
            throw DeskRefusal.invalid(
                field.errorName, .invalid,
                "\(field.title): \(text.prefix(40)) is not the number of \(field.target?.phrase ?? "a record")"
            )
        }
        return String(id)
    }
}

extension CustomValues {
    /// Bytes of one text.
    static let textLimit = 65_536
}

extension FieldDefinition {
    /// What a refusal calls it: its number, or its key.
    var errorName: String { key ?? String(id) }
}

extension FieldKind {
    fileprivate var example: String {
        switch self {
        case .integer: "a whole number"
        case .decimal: "a number like 12.5"
        case .date: "a date like 2026-01-31"
        case .checkbox: "true or false"
        case .dropdown: "the value of one of its options"
        case .multiselect: "a list of values of its options"
        case .lookup: "the number of a record"
        default: "a text"
        }
    }
}

extension LookupTarget {
    fileprivate var phrase: String {
        switch self {
        case .user: "a user of this desk"
        case .organization: "an organization of this desk"
        case .ticket: "a ticket of this desk"
        }
    }
}
