import SQLite
import ShardStore
import Wire

extension Desk {
    /// All attributes, by age.
    package func skillAttributes() throws -> [SkillAttribute] {
        try require(.list, .definition)
        return try rows.all(
            """
            SELECT \(SkillAttribute.columns) FROM skill_attributes WHERE tenant = ?1
            ORDER BY created_at, id LIMIT \(SkillAttribute.countLimit)
            """, read: SkillAttribute.init)
    }

    package func skillAttribute(_ id: String) throws -> SkillAttribute {
        try require(.read, .definition)
        guard let found = try findSkillAttribute(id) else { throw DeskRefusal.notFound }
        return found
    }

    func findSkillAttribute(_ id: String) throws -> SkillAttribute? {
        try rows.first(
            "SELECT \(SkillAttribute.columns) FROM skill_attributes WHERE tenant = ?1 AND id = ?2",
            id, read: SkillAttribute.init)
    }

    /// An attribute's skills, by age.
    package func skills(ofAttribute id: String) throws -> [Skill] {
        _ = try skillAttribute(id)
        return try rows.all(
            """
            SELECT \(Skill.columns) FROM skill_values WHERE tenant = ?1 AND attribute_id = ?2
            ORDER BY created_at, id LIMIT \(Skill.countLimit)
            """, id, read: Skill.init)
    }

    package func skill(_ id: String, ofAttribute attribute: String) throws -> Skill {
        try require(.read, .definition)
        guard let found = try rows.skill(id), found.attributeID == attribute else {
            throw DeskRefusal.notFound
        }
        return found
    }

    package func skills(ofAgent id: Int64) throws -> [Skill] {
        let work = try agentWork(id)
        return try rows.skills(ofAgent: work.agentID)
    }

    /// What a ticket needs, without skills that are deleted.
    package func skills(ofTicket id: Int64) throws -> [Skill] {
        try ticket(id).skillIDs.compactMap { try rows.skill($0) }
    }

    /// Skills that somebody names, each once, sorted.
    func checkedSkills(_ ids: [String], max: Int) throws -> [String] {
        let field = "attribute_value_ids"
        let ids = Set(ids).sorted()
        guard ids.count <= max else {
            throw DeskRefusal.invalid(
                field, .tooLong, "Attribute value ids: at most \(max) are allowed")
        }
        for id in ids where try rows.skill(id) == nil {
            throw DeskRefusal.invalid(
                field, .invalid, "Attribute value ids: \(id.prefix(60)) does not exist")
        }
        return ids
    }
}

extension Desk where Rows == WritableRows {
    /// - Parameter id: drawn above, where randomness is allowed.
    package func createSkillAttribute(id: String, name: String?) throws -> SkillAttribute {
        try require(.create, .definition)
        let others = try skillAttributes()
        guard others.count < SkillAttribute.countLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may have at most \(SkillAttribute.countLimit) routing attributes")
        }
        try rows.run(
            "INSERT INTO skill_attributes VALUES (?1, ?2, ?3, ?4, ?4, 1)", id,
            try freeName(name, among: others.map(\.name)), now.milliseconds)
        return try findSkillAttribute(id)!
    }

    package func updateSkillAttribute(_ id: String, name: String?) throws -> SkillAttribute {
        try require(.update, .definition)
        let old = try skillAttribute(id)
        guard let name, name != old.name else { return old }
        let others = try skillAttributes().filter { $0.id != id }
        try rows.run(
            """
            UPDATE skill_attributes SET name = ?3, updated_at = ?4, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, try freeName(name, among: others.map(\.name)), now.milliseconds)
        return try findSkillAttribute(id)!
    }

    /// Deletes an attribute and its skills. Tickets that need them need them no more.
    package func deleteSkillAttribute(_ id: String) throws {
        try require(.delete, .definition)
        _ = try skillAttribute(id)
        try rows.run("DELETE FROM skill_values WHERE tenant = ?1 AND attribute_id = ?2", id)
        try rows.run("DELETE FROM skill_attributes WHERE tenant = ?1 AND id = ?2", id)
        try leaveTeamsOfSkills()
    }

    /// - Parameter id: drawn above, where randomness is allowed.
    package func createSkill(id: String, ofAttribute attribute: String, name: String?) throws
        -> Skill
    {
        try require(.create, .definition)
        let others = try skills(ofAttribute: attribute)
        guard others.count < Skill.countLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A routing attribute may have at most \(Skill.countLimit) values")
        }
        try rows.run(
            "INSERT INTO skill_values VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1)", id, attribute,
            try freeName(name, among: others.map(\.name)), now.milliseconds)
        return try rows.skill(id)!
    }

    package func updateSkill(_ id: String, ofAttribute attribute: String, name: String?) throws
        -> Skill
    {
        try require(.update, .definition)
        let old = try skill(id, ofAttribute: attribute)
        guard let name, name != old.name else { return old }
        let others = try skills(ofAttribute: attribute).filter { $0.id != id }
        try rows.run(
            """
            UPDATE skill_values SET name = ?3, updated_at = ?4, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, try freeName(name, among: others.map(\.name)), now.milliseconds)
        return try rows.skill(id)!
    }

    /// Deletes a skill. Tickets that need it need it no more.
    package func deleteSkill(_ id: String, ofAttribute attribute: String) throws {
        try require(.delete, .definition)
        _ = try skill(id, ofAttribute: attribute)
        try rows.run("DELETE FROM skill_values WHERE tenant = ?1 AND id = ?2", id)
        try leaveTeamsOfSkills()
    }

    private func freeName(_ name: String?, among others: [String]) throws -> String {
        let name = try Validation.required(name, "name", "Name", max: 255)
        guard !others.contains(name) else {
            throw DeskRefusal.invalid("name", .duplicate, "Name: has already been taken")
        }
        return name
    }

    /// Says all that an agent can. What they can take now they are given at once.
    package func setSkills(ofAgent id: Int64, _ ids: [String]) throws -> [Skill] {
        try require(.administer, .agentWork(agentID: id))
        let old = try agentWork(id).skillIDs
        let new = try checkedSkills(ids, max: Skill.agentLimit)
        guard new != old else { return try rows.skills(ofAgent: id) }
        let stored = try rows.all(
            "SELECT value_id FROM agent_skills WHERE tenant = ?1 AND user_id = ?2", id
        ) { $0.text(0) }
        for skill in stored where !new.contains(skill) {
            try rows.run(
                "DELETE FROM agent_skills WHERE tenant = ?1 AND user_id = ?2 AND value_id = ?3", id,
                skill)
        }
        for skill in new where !stored.contains(skill) {
            try rows.run("INSERT INTO agent_skills VALUES (?1, ?2, ?3)", id, skill)
        }
        try giveWaiting(to: id)
        return try rows.skills(ofAgent: id)
    }

    /// Says all that a ticket needs, as an update like any other.
    package func setSkills(ofTicket id: Int64, _ ids: [String]) throws -> [Skill] {
        var changes = TicketChanges()
        changes.skillIDs = ids
        return try updateTicket(id, changes).ticket.skillIDs.compactMap { try rows.skill($0) }
    }

    /// Somebody may be able to take what waited for a skill that is gone.
    private func leaveTeamsOfSkills() throws {
        let teams = try rows.all(
            "SELECT team_id FROM team_assignment WHERE tenant = ?1 AND uses_skills = 1 AND method > 0"
        ) { $0.int64(0) }
        for team in teams { try rows.leave(team) }
    }
}
