package import ShardStore

/// The tables of a tenant shard. Each area of the desk keeps its own SQL beside its code.
package enum DeskSchema {
    package static let schema = ShardSchema(name: "desk", steps: [SchemaStep(number: 1, sql: sql)])

    private static let sql = [
        Counters.schema, PeopleSchema.sql, TicketSchema.sql, JobSchema.sql, Idempotency.sql,
        AttachmentSchema.sql, ClockSchema.sql, FieldSchema.sql, RuleSchema.sql,
        Notice.schema, ViewCounts.schema, ClockLog.schema, SatisfactionSchema.sql,
        AssignmentSchema.sql, RelationSchema.sql,
    ].joined(separator: "\n")
}
