/// Every endpoint of the API. The router and the OpenAPI document are both made from this list.
package enum Endpoints {
    package static let all: [Endpoint] =
        TicketEndpoints.all + ImportEndpoints.all + RequestEndpoints.all + UserEndpoints.all
        + IdentityEndpoints.all
        + OrganizationEndpoints.all
        + FieldEndpoints.all + CustomStatusEndpoints.all + FormEndpoints.all + RuleEndpoints.all
        + AssignmentEndpoints.all + SkillEndpoints.all + PresenceEndpoints.all
        + RuleRehearsalEndpoints.all + RelationEndpoints.all + WatcherEndpoints.all
        + ScheduleEndpoints.all + MetricEndpoints.all + SatisfactionEndpoints.all
        + AttachmentEndpoints.all + SearchEndpoints.all + JobEndpoints.all
        + [
            OpenAPIDocument.endpoint
        ]
}
