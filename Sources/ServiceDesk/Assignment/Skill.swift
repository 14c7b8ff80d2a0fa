import SQLite
import ShardStore
package import Wire

/// What skills are about: "language". The dialect's routing attribute.
package struct SkillAttribute: Sendable, Equatable {
    /// Drawn above, where randomness is allowed.
    package let id: String
    package let name: String
    package let createdAt: Timestamp
    package let updatedAt: Timestamp
    package let version: Int64

    static let columns = "id, name, created_at, updated_at, version"
    static let countLimit = 100

    init(_ row: Row) {
        id = row.text(0)
        name = row.text(1)
        createdAt = Timestamp(rawValue: row.int64(2))
        updatedAt = Timestamp(rawValue: row.int64(3))
        version = row.int64(4)
    }
}

/// A skill: "Spanish". Agents have some, tickets need some. The dialect's attribute value.
package struct Skill: Sendable, Equatable {
    package let id: String
    package let attributeID: String
    package let name: String
    package let createdAt: Timestamp
    package let updatedAt: Timestamp
    package let version: Int64

    static let columns = """
        skill_values.id, skill_values.attribute_id, skill_values.name, skill_values.created_at,
        skill_values.updated_at, skill_values.version
        """
    static let countLimit = 500
    static let agentLimit = 100
    static let ticketLimit = 20

    init(_ row: Row) {
        id = row.text(0)
        attributeID = row.text(1)
        name = row.text(2)
        createdAt = Timestamp(rawValue: row.int64(3))
        updatedAt = Timestamp(rawValue: row.int64(4))
        version = row.int64(5)
    }

    /// A set of skills as one text: sorted, so that equal sets are equal texts and lie together in the index of what waits.
    static func split(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
    static func join(_ ids: [String]) -> String { ids.joined(separator: ",") }
}

extension ShardReader {
    func skill(_ id: String) throws -> Skill? {
        try first(
            "SELECT \(Skill.columns) FROM skill_values WHERE tenant = ?1 AND id = ?2", id,
            read: Skill.init)
    }

    /// In the order of their numbers, without those that are deleted.
    func skills(ofAgent agent: Int64) throws -> [Skill] {
        try all(
            """
            SELECT \(Skill.columns) FROM agent_skills
            JOIN skill_values ON skill_values.tenant = ?1 AND skill_values.id = agent_skills.value_id
            WHERE agent_skills.tenant = ?1 AND agent_skills.user_id = ?2
            ORDER BY agent_skills.value_id LIMIT \(Skill.agentLimit)
            """, agent, read: Skill.init)
    }
}
