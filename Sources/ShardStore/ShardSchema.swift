/// One numbered, immutable step of a shard's schema. A step that has been released is never edited: a later one changes
/// what it made, so that every file, whatever its age, arrives at the same tables.
package struct SchemaStep: Sendable {
    /// From 1, without gaps.
    package let number: Int
    package let sql: String
    package init(number: Int, sql: String) {
        self.number = number
        self.sql = sql
    }
}

/// The tables of one kind of shard.
///
/// Every table is `STRICT, WITHOUT ROWID` and its primary key begins with the column `tenant`: a tenant's rows lie
/// together, cost rows and not files, and every captured change names its owner. A table that breaks this is refused at
/// start. No SQL triggers, no foreign-key actions, no `INSERT OR REPLACE` (engine.md, section 2).
package struct ShardSchema: Sendable {
    package let name: String
    package let steps: [SchemaStep]
    package init(name: String, steps: [SchemaStep]) {
        self.name = name
        self.steps = steps
    }
}
