import SQLite
import ShardStore
import Wire

extension Desk {
    /// Fields that are not deleted, in their order. Tickets' own fields stand among the custom ones.
    package func fields(_ owner: FieldOwner, _ page: PageRequest) throws -> Page<FieldDefinition> {
        try require(.list, .definition)
        return try Page.cut(catalog().list(owner), page, "position") { [$0.position, $0.id] }
    }

    package func field(_ id: Int64, of owner: FieldOwner) throws -> FieldDefinition {
        try require(.read, .definition)
        guard let field = try catalog().field(id, of: owner) else { throw DeskRefusal.notFound }
        return field
    }

    package func field(key: String, of owner: FieldOwner) throws -> FieldDefinition {
        try require(.read, .definition)
        guard let field = try catalog().field(key: key, of: owner) else {
            throw DeskRefusal.notFound
        }
        return field
    }

    /// Fields that were deleted and can be restored, the last first.
    package func deletedFields(_ owner: FieldOwner, _ page: PageRequest) throws
        -> Page<FieldDefinition>
    {
        try require(.list, .definition)
        return try Page.cut(catalog().deleted(owner), page, "deleted_at", descending: true) {
            [$0.deletedAt?.rawValue ?? 0, $0.id]
        }
    }

    package func options(ofField id: Int64, _ owner: FieldOwner, _ page: PageRequest) throws
        -> Page<FieldOption>
    {
        let field = try field(id, of: owner)
        return try Page.cut(field.options, page, "position") { [$0.position, $0.id] }
    }

    package func option(_ id: Int64, ofField field: Int64, _ owner: FieldOwner) throws
        -> FieldOption
    {
        let field = try self.field(field, of: owner)
        guard let option = field.options.first(where: { $0.id == id }) else {
            throw DeskRefusal.notFound
        }
        return option
    }
}

extension Desk where Rows == WritableRows {
    /// Fields of each owner.
    package static var fieldLimit: Int { 400 }
    /// With those that were deleted.
    private static var keptFieldLimit: Int { 2000 }
    package static var optionLimit: Int { 2000 }
    /// Options of all fields of a desk together.
    private static var deskOptionLimit: Int { 20_000 }

    // MARK: Fields

    package func createField(_ owner: FieldOwner, _ changes: FieldDefinitionChanges) throws
        -> FieldDefinition
    {
        try require(.create, .definition)
        let catalog = try catalog()
        guard catalog.list(owner).count < Self.fieldLimit,
            catalog.fields.values.count(where: { $0.owner == owner }) < Self.keptFieldLimit
        else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may have at most \(Self.fieldLimit) \(owner.name) fields, and \(Self.keptFieldLimit) with those that were deleted"
            )
        }
        let kind = changes.kind ?? .text
        guard !kind.isSystem else {
            throw DeskRefusal.invalid(
                "type", .notAllowed,
                "Type: \(kind.name(of: owner)) is what every ticket has; no other can be made")
        }
        let title = try Validation.required(changes.title, "title", "Title", max: 255)
        var field = FieldDefinition(
            id: rows.makeIdentifier(), owner: owner, kind: kind,
            key: owner == .ticket ? nil : try checkedKey(changes.key, owner, catalog),
            title: title, description: title, position: FieldDefinition.lastPosition, at: now)
        try assign(changes, to: &field)
        try checkComplete(field, changes)
        let options = try wantedOptions(changes.options ?? [], of: field)
        guard !kind.hasOptions || !options.isEmpty else {
            throw DeskRefusal.invalid(
                "custom_field_options", .blank,
                "Custom field options: a field of this type needs at least one")
        }
        field.options = options
        try checkTags(of: field, catalog)
        try rows.define(
            "fields", FieldDefinition.columns, field.columnValues, isNew: true)
        for option in options {
            try rows.define("field_options", FieldOption.columns, option.columnValues, isNew: true)
        }
        return try self.catalog().field(field.id, of: owner)!
    }

    package func updateField(
        _ id: Int64, of owner: FieldOwner, _ changes: FieldDefinitionChanges
    ) throws -> FieldDefinition {
        try require(.update, .definition)
        let catalog = try catalog()
        guard let old = catalog.field(id, of: owner) else { throw DeskRefusal.notFound }
        if let kind = changes.kind, kind != old.kind {
            throw DeskRefusal.invalid(
                "type", .notAllowed,
                "Type: cannot be changed; make another field, and take the values over")
        }
        if let key = changes.key, owner != .ticket, key != old.key {
            throw DeskRefusal.invalid("key", .notAllowed, "Key: cannot be changed")
        }
        var field = old
        try assign(changes, to: &field)
        try checkComplete(field, changes)
        if let wanted = changes.options {
            field.options = try wantedOptions(wanted, of: old)
            guard !field.kind.hasOptions || !field.options.isEmpty else {
                throw DeskRefusal.invalid(
                    "custom_field_options", .blank,
                    "Custom field options: a field of this type needs at least one")
            }
        }
        try checkTags(of: field, catalog)
        try write(field, over: old)
        try replaceOptions(of: old, by: field.options)
        return try self.catalog().field(id, of: owner)!
    }

    /// Deletes a field from lists and forms. The values that records have of it stay, and come back with it.
    package func deleteField(_ id: Int64, of owner: FieldOwner) throws {
        try require(.delete, .definition)
        guard let old = try catalog().field(id, of: owner) else { throw DeskRefusal.notFound }
        guard !old.kind.isSystem else {
            throw DeskRefusal.invalid(
                "base", .notAllowed, "\(old.title): a field that every ticket has cannot be deleted"
            )
        }
        var field = old
        field.deletedAt = now
        field.deletedBy = principal.userID
        try write(field, over: old)
        if owner == .ticket { try rows.recountViews(ofField: id) }
    }

    package func restoreField(_ id: Int64, of owner: FieldOwner) throws -> FieldDefinition {
        try require(.delete, .definition)
        let catalog = try catalog()
        guard let old = catalog.fields[id], old.owner == owner, old.deletedAt != nil else {
            throw DeskRefusal.notFound
        }
        guard catalog.list(owner).count < Self.fieldLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may have at most \(Self.fieldLimit) \(owner.name) fields")
        }
        if let key = old.key, catalog.field(key: key, of: owner) != nil { throw keyTaken(key) }
        try checkTags(of: old, catalog)
        var field = old
        field.deletedAt = nil
        field.deletedBy = nil
        try write(field, over: old)
        if owner == .ticket { try rows.recountViews(ofField: id) }
        return try self.catalog().field(id, of: owner)!
    }

    /// Puts fields into this order; those that are not named keep theirs, behind them.
    package func reorderFields(_ owner: FieldOwner, _ ids: [Int64]) throws {
        try require(.update, .definition)
        let catalog = try catalog()
        var seen: Set<Int64> = []
        for id in ids {
            guard seen.insert(id).inserted, catalog.field(id, of: owner) != nil else {
                throw DeskRefusal.invalid(
                    "\(owner.name)_field_ids", .invalid,
                    "\(id) is no \(owner.name) field, or stands twice")
            }
        }
        let rest = catalog.list(owner).map(\.id).filter { !seen.contains($0) }
        for (place, id) in (ids + rest).enumerated() {
            guard let old = catalog.field(id, of: owner), old.position != Int64(place) else {
                continue
            }
            var field = old
            field.position = Int64(place)
            try write(field, over: old)
        }
    }

    /// Writes a field. What every ticket has gets a row with its first change.
    private func write(_ field: FieldDefinition, over old: FieldDefinition) throws {
        var field = field
        field.updatedAt = now
        field.version += 1
        let isNew = try rows.first(
            "SELECT 1 FROM fields WHERE tenant = ?1 AND id = ?2", old.id, read: { _ in true })
        try rows.define(
            "fields", FieldDefinition.columns, field.columnValues, isNew: isNew == nil)
    }

    private func assign(_ changes: FieldDefinitionChanges, to field: inout FieldDefinition) throws {
        if let title = changes.title {
            field.title = try Validation.required(title, "title", "Title", max: 255)
        }
        if let title = changes.portalTitle {
            field.portalTitle = try title.boundedOrNil(
                "title_in_portal", "Title in portal", max: 255)
            if field.portalTitle == field.title { field.portalTitle = nil }
        }
        if let description = changes.description {
            field.description = try Validation.bounded(
                description, "description", "Description", max: 4096)
        }
        if let description = changes.agentDescription {
            field.agentDescription = try description.boundedOrNil(
                "agent_description", "Agent description", max: 4096)
        }
        if let position = changes.position {
            guard (0...1_000_000).contains(position) else {
                throw DeskRefusal.invalid(
                    "position", .outOfRange, "Position: must be from 0 to 1,000,000")
            }
            field.position = position
        }
        if let isActive = changes.isActive {
            let mayRest =
                !field.kind.isSystem || field.kind == .ticketType
                || field.kind == .priority
            guard isActive || mayRest else {
                throw DeskRefusal.invalid(
                    "active", .notAllowed, "\(field.title): no ticket can do without this field")
            }
            field.isActive = isActive
        }
        field.isRequired = changes.isRequired ?? field.isRequired
        field.isCollapsed = changes.isCollapsed ?? field.isCollapsed
        field.isVisibleInPortal = changes.isVisibleInPortal ?? field.isVisibleInPortal
        field.isEditableInPortal = changes.isEditableInPortal ?? field.isEditableInPortal
        field.isRequiredInPortal = changes.isRequiredInPortal ?? field.isRequiredInPortal
        if let tag = changes.tag, field.kind == .checkbox {
            field.tag = try tag.flatMap { $0.isEmpty ? nil : try checkedTag($0, "tag", "Tag") }
        }
        if let pattern = changes.pattern, field.kind == .regexp {
            field.pattern = try pattern.map { try checkedPattern($0) }
        }
        if let target = changes.target, field.kind == .lookup, target != field.target {
            guard field.target == nil else {
                throw DeskRefusal.invalid(
                    "relationship_target_type", .notAllowed,
                    "Relationship target type: cannot be changed")
            }
            field.target = target
        }
    }

    /// What some kinds cannot do without, and what the others have no use for.
    private func checkComplete(_ field: FieldDefinition, _ changes: FieldDefinitionChanges) throws {
        let kind = field.kind.name(of: field.owner)
        if field.kind == .regexp && field.pattern == nil {
            throw DeskRefusal.invalid(
                "regexp_for_validation", .blank,
                "Regexp for validation: a field of the type \(kind) needs one")
        }
        if field.kind == .lookup && field.target == nil {
            let names = LookupTarget.allCases.map(\.name).joined(separator: ", ")
            throw DeskRefusal.invalid(
                "relationship_target_type", .blank,
                "Relationship target type: a field of the type \(kind) needs one of \(names)")
        }
        for (name, label, isGiven) in [
            ("tag", "Tag", field.kind != .checkbox && changes.tag?.map { !$0.isEmpty } == true),
            (
                "regexp_for_validation", "Regexp for validation",
                field.kind != .regexp && changes.pattern?.map { !$0.isEmpty } == true
            ),
            (
                "custom_field_options", "Custom field options",
                !field.kind.hasOptions && changes.options?.isEmpty == false
            ),
        ] where isGiven {
            throw DeskRefusal.invalid(
                name, .notAllowed, "\(label): a field of the type \(kind) has none")
        }
    }

    private func checkedPattern(_ text: String) throws -> ValuePattern {
        do { return try ValuePattern(text) } catch {
            throw DeskRefusal.invalid(
                "regexp_for_validation", .invalid, "Regexp for validation: \(error.text)")
        }
    }

    private func checkedKey(_ key: String?, _ owner: FieldOwner, _ catalog: FieldCatalog) throws
        -> String
    {
        let key = try Validation.required(key, "key", "Key", max: 128)
        let isWord = key.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) || $0 == 0x5f
                || $0 == 0x2d
        }
        guard isWord, Int64(key) == nil else {
            throw DeskRefusal.invalid(
                "key", .invalid,
                "Key: only letters, digits, - and _ are allowed, and not digits alone")
        }
        guard catalog.field(key: key, of: owner) == nil else { throw keyTaken(key) }
        return key
    }

    private func keyTaken(_ key: String) -> DeskRefusal {
        .invalid("key", .duplicate, "Key: \(key) has already been taken")
    }

    // MARK: Options

    /// Makes an option, or changes the one with the number.
    package func setOption(
        _ change: FieldDefinitionChanges.Option, ofField id: Int64, _ owner: FieldOwner
    ) throws -> (option: FieldOption, isNew: Bool) {
        try require(.update, .definition)
        let catalog = try catalog()
        guard let old = catalog.field(id, of: owner) else { throw DeskRefusal.notFound }
        guard old.kind.hasOptions else {
            throw DeskRefusal.invalid(
                "base", .notAllowed, "\(old.title): a field of this type has no options")
        }
        let known = change.id.flatMap { id in old.options.first { $0.id == id } }
        guard change.id == nil || known != nil else { throw DeskRefusal.notFound }
        var wanted = old.options.map { option in
            var same = FieldDefinitionChanges.Option()
            same.id = option.id
            return same
        }
        if let place = old.options.firstIndex(where: { $0.id == known?.id }) {
            wanted[place] = change
        } else {
            wanted.append(change)
        }
        if change.isDefault == true {
            for place in wanted.indices where wanted[place].id != known?.id || known == nil {
                if place < old.options.count { wanted[place].isDefault = false }
            }
        }
        var field = old
        field.options = try wantedOptions(wanted, of: old)
        try checkTags(of: field, catalog)
        try write(old, over: old)
        try replaceOptions(of: old, by: field.options)
        let options = try self.catalog().field(id, of: owner)!.options
        let ids = Set(old.options.map(\.id))
        let option = options.first { known == nil ? !ids.contains($0.id) : $0.id == known!.id }
        return (option!, known == nil)
    }

    /// Takes an option away. Records that have its value keep it; nobody can choose it any more.
    package func deleteOption(_ id: Int64, ofField field: Int64, _ owner: FieldOwner) throws {
        try require(.update, .definition)
        guard let old = try catalog().field(field, of: owner),
            old.options.contains(where: { $0.id == id })
        else { throw DeskRefusal.notFound }
        guard old.options.count > 1 else {
            throw DeskRefusal.invalid(
                "base", .notAllowed,
                "\(old.title): the last option cannot be removed; deactivate the field")
        }
        try write(old, over: old)
        try replaceOptions(of: old, by: old.options.filter { $0.id != id })
    }

    private func replaceOptions(of field: FieldDefinition, by options: [FieldOption]) throws {
        let kept = Set(options.map(\.id))
        for option in field.options where !kept.contains(option.id) {
            try rows.define(
                "DELETE FROM field_options WHERE tenant = ?1 AND field_id = ?2 AND id = ?3",
                [.integer(field.id), .integer(option.id)])
        }
        for option in options {
            let old = field.options.first { $0.id == option.id }
            guard option != old else { continue }
            try rows.define(
                "field_options", FieldOption.columns, option.columnValues, isNew: old == nil)
        }
    }

    /// The options that a field is to have. Those it has already are found by number or value.
    private func wantedOptions(
        _ wanted: [FieldDefinitionChanges.Option], of field: FieldDefinition
    ) throws -> [FieldOption] {
        guard wanted.count <= Self.optionLimit else {
            throw DeskRefusal.invalid(
                "custom_field_options", .tooLong,
                "Custom field options: at most \(Self.optionLimit) are allowed")
        }
        let byID = Dictionary(field.options.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        let byValue = Dictionary(field.options.map { ($0.value, $0) }, uniquingKeysWith: { $1 })
        var options: [FieldOption] = []
        var names: Set<String> = []
        var values: Set<String> = []
        for (place, change) in wanted.enumerated() {
            let value = try change.value.map {
                try checkedTag($0, "custom_field_options", "Custom field options")
            }
            let old = change.id.flatMap { byID[$0] } ?? value.flatMap { byValue[$0] }
            let name = try Validation.required(
                change.name ?? old?.name, "custom_field_options",
                "Custom field options: name", max: 255)
            guard let value = value ?? old?.value else {
                throw DeskRefusal.invalid(
                    "custom_field_options", .blank,
                    "Custom field options: \(name) needs a value")
            }
            guard names.insert(name).inserted, values.insert(value).inserted else {
                throw DeskRefusal.invalid(
                    "custom_field_options", .duplicate,
                    "Custom field options: \(name) with the value \(value) stands there twice")
            }
            options.append(
                FieldOption(
                    id: old?.id ?? rows.makeIdentifier(), fieldID: field.id, name: name,
                    value: value, position: change.position ?? Int64(place),
                    isDefault: change.isDefault ?? old?.isDefault ?? false))
        }
        guard options.count(where: \.isDefault) <= (field.kind == .dropdown ? 1 : options.count)
        else {
            throw DeskRefusal.invalid(
                "custom_field_options", .invalid,
                "Custom field options: only one can be the default"
            )
        }
        return options
    }

    /// One word, in lower case, as tags are.
    private func checkedTag(_ text: String, _ field: String, _ label: String) throws -> String {
        let tags = try Tags.normalized([text], field: field)
        guard tags.count == 1, tags[0] == Validation.trim(text).lowercased() else {
            throw DeskRefusal.invalid(
                field, .invalid,
                "\(label): \(text.prefix(80)) must be one word, without spaces and commas")
        }
        return tags[0]
    }

    /// A tag says the value of one field, so no other field of the owner may have it.
    private func checkTags(of field: FieldDefinition, _ catalog: FieldCatalog) throws {
        for tag in field.tags {
            guard let other = catalog.field(tag: tag, of: field.owner), other.id != field.id else {
                continue
            }
            throw DeskRefusal.invalid(
                field.kind == .checkbox ? "tag" : "custom_field_options", .duplicate,
                "\(field.kind == .checkbox ? "Tag" : "Custom field options"): \(tag) is already used by the field \(other.title)"
            )
        }
        let others = catalog.fields.values.reduce(0) {
            $1.id == field.id ? $0 : $0 + $1.options.count
        }
        guard others + field.options.count <= Self.deskOptionLimit else {
            throw DeskRefusal.invalid(
                "custom_field_options", .outOfRange,
                "Custom field options: all fields of a desk may have at most \(Self.deskOptionLimit) together"
            )
        }
    }
}
