/// The shapes of bodies and answers in the OpenAPI document.
enum Schemas {
    /// What every endpoint may answer besides its own.
    static let commonErrors: [(String, String)] = [
        ("400", "The request makes no sense as it is"), ("401", "Who asks is not known"),
        ("403", "Not allowed"), ("404", "There is no such record"),
        ("405", "This path does not take that method"), ("409", "The record has changed"),
        ("412", "If-Match named another version"), ("413", "The body is too large"),
        ("422", "Fields that cannot be taken"), ("429", "Too many requests; see Retry-After"),
        ("503", "Not now; see Retry-After"),
        ("507", "No room for more now; see Retry-After"),
    ]

    static let all: [(name: String, value: JSONValue)] =
        [
            ("Error", errors), ("OpenAPI", .object([("type", .string("object"))])),
            ("EmptyAnswer", .object([("type", .string("object"))])),
        ]
        + records.map { ($0.name, .object($0.value)) } + answers + bodies

    private static let errors = object(
        [
            ("error", .object([("type", .array([.string("string"), .string("object")]))])),
            ("description", text), ("details", .object([("type", .string("object"))])),
        ], required: ["error"])

    // MARK: Parts

    private static let text = JSONValue.object([("type", .string("string"))])
    private static let flag = JSONValue.object([("type", .string("boolean"))])
    private static let number = JSONValue.object([
        ("type", .string("integer")), ("format", .string("int64")),
    ])
    private static let time = JSONValue.object([
        ("type", .string("string")), ("format", .string("date-time")),
    ])
    private static let date = JSONValue.object([
        ("type", .string("string")), ("format", .string("date")),
    ])
    /// In minutes since Sunday, 00:00.
    private static let intervals = JSONValue.object([
        ("type", .string("array")),
        (
            "items",
            object(
                [("start_time", number), ("end_time", number)],
                required: ["start_time", "end_time"])
        ),
    ])
    private static let optionalText = JSONValue.object([
        ("type", .array([.string("string"), .string("null")]))
    ])
    private static let optionalNumber = JSONValue.object([
        ("type", .array([.string("integer"), .string("null")]))
    ])
    private static let texts = JSONValue.object([("type", .string("array")), ("items", text)])
    private static let numbers = JSONValue.object([("type", .string("array")), ("items", number)])
    private static let objects = JSONValue.object([
        ("type", .string("array")), ("items", .object([("type", .string("object"))])),
    ])
    /// Values of custom fields: of any type, by the field's.
    private static let fieldValues = JSONValue.object([
        ("type", .string("array")),
        ("items", object([("id", number), ("value", .object([]))], required: ["id", "value"])),
    ])

    private static func object(_ properties: [(String, JSONValue)], required: [String] = [])
        -> JSONValue
    {
        var members: [(name: String, value: JSONValue)] = [
            ("type", .string("object")), ("properties", .object(properties.map { ($0.0, $0.1) })),
        ]
        if !required.isEmpty {
            members.append(("required", .array(required.map(JSONValue.string))))
        }
        return .object(members)
    }

    private static func reference(_ name: String) -> JSONValue {
        .object([("$ref", .string("#/components/schemas/\(name)"))])
    }

    private static func record(_ name: String, _ properties: [(String, JSONValue)])
        -> (name: String, value: [(name: String, value: JSONValue)])
    {
        guard case .object(let members) = object(properties, required: properties.map(\.0)) else {
            return (name, [])
        }
        return (name, members)
    }

    private static let records = [
        record(
            "Ticket",
            [
                ("id", number), ("url", text), ("external_id", optionalText), ("created_at", time),
                ("updated_at", time), ("type", optionalText), ("subject", text),
                ("description", text),
                ("priority", optionalText), ("status", text), ("requester_id", number),
                ("submitter_id", number), ("assignee_id", optionalNumber),
                ("organization_id", optionalNumber), ("group_id", optionalNumber), ("tags", texts),
                ("is_public", flag), ("custom_fields", fieldValues), ("custom_status_id", number),
                ("ticket_form_id", optionalNumber),
                ("satisfaction_rating", object([("score", text)], required: ["score"])),
            ]),
        record(
            "Request",
            [
                ("id", number), ("url", text), ("status", text), ("subject", text),
                ("description", text), ("requester_id", number), ("created_at", time),
                ("updated_at", time),
            ]),
        record(
            "Comment",
            [
                ("id", number), ("type", text), ("author_id", number), ("body", text),
                ("html_body", text), ("plain_body", text), ("public", flag), ("audit_id", number),
                ("created_at", time),
            ]),
        record(
            "Audit",
            [
                ("id", number), ("ticket_id", number), ("created_at", time), ("author_id", number),
            ]),
        record(
            "Metric",
            [("id", number), ("ticket_id", number), ("reopens", number), ("replies", number)]),
        record(
            "MetricEvent",
            [
                ("id", number), ("ticket_id", number), ("metric", text), ("instance_id", number),
                ("type", text), ("time", time),
            ]),
        record(
            "SLAPolicy",
            [
                ("id", number), ("url", text), ("title", text), ("description", optionalText),
                ("position", number), ("filter", conditions), ("policy_metrics", objects),
                ("created_at", time), ("updated_at", time),
            ]),
        record(
            "User",
            [
                ("id", number), ("url", text), ("name", text), ("email", optionalText),
                ("created_at", time), ("updated_at", time), ("role", text), ("active", flag),
                ("suspended", flag), ("tags", texts), ("organization_id", optionalNumber),
            ]),
        record(
            "Organization",
            [
                ("id", number), ("url", text), ("name", text), ("created_at", time),
                ("updated_at", time),
            ]),
        record(
            "Group",
            [("id", number), ("url", text), ("name", text), ("default", flag), ("deleted", flag)]),
        record(
            "GroupMembership",
            [("id", number), ("user_id", number), ("group_id", number), ("default", flag)]),
        record(
            "OrganizationMembership",
            [("id", number), ("user_id", number), ("organization_id", number), ("default", flag)]),
        record(
            "APIToken",
            [("id", number), ("user_id", number), ("description", text), ("created_at", time)]),
        record("Job", [("id", text), ("url", text), ("total", number), ("status", text)]),
        record("Tag", [("name", text), ("count", number)]),
        record(
            "Identity",
            [
                ("id", number), ("url", text), ("user_id", number), ("type", text),
                ("value", text), ("verified", flag), ("primary", flag),
            ]),
        record(
            "Attachment",
            [
                ("id", number), ("url", text), ("file_name", text), ("content_url", text),
                ("content_type", text), ("size", number), ("deleted", flag),
            ]),
        record(
            "Schedule",
            [
                ("id", number), ("url", text), ("name", text), ("time_zone", text),
                ("intervals", intervals), ("created_at", time), ("updated_at", time),
            ]),
        record(
            "Holiday",
            [("id", number), ("name", text), ("start_date", date), ("end_date", date)]),
        record(
            "Assignment",
            [
                ("group_id", number), ("method", text), ("uses_skills", flag),
                ("skill_timeout_minutes", optionalNumber), ("capacity", number),
                ("updated_at", time),
            ]),
        record(
            "Availability",
            [
                ("agent_id", number), ("state", text), ("capacity", optionalNumber),
                ("open_tickets", number), ("group_ids", numbers), ("attribute_value_ids", texts),
                ("updated_at", time),
            ]),
        record(
            "RoutingAttribute",
            [
                ("id", text), ("url", text), ("name", text), ("created_at", time),
                ("updated_at", time),
            ]),
        record(
            "RoutingAttributeValue",
            [
                ("id", text), ("url", text), ("attribute_id", text), ("name", text),
                ("created_at", time), ("updated_at", time),
            ]),
        record(
            "Presence",
            [
                ("ticket_id", number), ("version", number), ("updated_at", time),
                ("people", people),
            ]),
        record("DeletedTicket", [("id", number), ("subject", text), ("deleted_at", time)]),
        record("TicketField", ticketField),
        record("UserField", profileField),
        record("OrganizationField", profileField),
        record("DeletedTicketField", ticketField + [("deleted_at", time)]),
        record("DeletedUserField", profileField + [("deleted_at", time)]),
        record("DeletedOrganizationField", profileField + [("deleted_at", time)]),
        record(
            "FieldOption",
            [
                ("id", number), ("url", text), ("name", text), ("value", text),
                ("default", flag), ("position", number),
            ]),
        record(
            "CustomStatus",
            [
                ("id", number), ("url", text), ("status_category", text), ("agent_label", text),
                ("end_user_label", text), ("description", optionalText), ("active", flag),
                ("default", flag), ("created_at", time), ("updated_at", time),
            ]),
        record(
            "TicketForm",
            [
                ("id", number), ("url", text), ("name", text), ("display_name", text),
                ("position", number), ("active", flag), ("default", flag),
                ("end_user_visible", flag), ("in_all_brands", flag), ("ticket_field_ids", numbers),
                ("agent_conditions", objects), ("end_user_conditions", objects),
                ("created_at", time), ("updated_at", time),
            ]),
        record(
            "Trigger",
            rule + [
                ("description", optionalText), ("conditions", conditions), ("actions", objects),
                ("failures", number), ("failure", optionalText),
            ]),
        record(
            "Automation",
            rule + [
                ("conditions", conditions), ("actions", objects), ("failures", number),
                ("failure", optionalText),
            ]),
        record("Macro", rule + [("description", optionalText), ("actions", objects)]),
        record(
            "View",
            rule + [
                ("description", optionalText), ("conditions", conditions),
                ("execution", .object([("type", .string("object"))])),
            ]),
        record(
            "ViewCount",
            [("value", optionalNumber), ("pretty", text), ("fresh", flag)]),
        record(
            "TicketLink",
            [
                ("id", number), ("url", text), ("kind", text), ("ticket_id", number),
                ("subject", text), ("status", text), ("actor_id", number), ("created_at", time),
                ("comment_ids", numbers),
            ]),
        record(
            "Notice",
            [
                ("id", number), ("url", text), ("kind", text), ("state", text),
                ("ticket_id", number), ("rule_id", number), ("recipient_ids", numbers),
                ("target", optionalText), ("subject", text), ("body", text),
                ("attempts", number), ("failure", optionalText), ("next_attempt_at", time),
                ("created_at", time), ("updated_at", time),
            ]),
        record("SatisfactionRating", satisfactionRating),
        record(
            "SatisfactionReason",
            [
                ("id", number), ("url", text), ("reason_code", number), ("value", text),
                ("raw_value", text), ("created_at", optionalText), ("updated_at", optionalText),
                ("deleted_at", optionalText),
            ]),
        record(
            "NPSResponse",
            [
                ("id", number), ("url", text), ("user_id", number), ("score", number),
                ("category", text), ("comment", optionalText), ("offered_at", time),
                ("answered_at", time), ("updated_at", time),
            ]),
        record(
            "Rehearsal",
            [
                ("id", number), ("url", text), ("status", text), ("message", optionalText),
                ("days", number), ("user_id", number), ("total", number), ("progress", number),
                ("left_out", number), ("audits", number), ("taken_from_record", number),
                ("replay_mismatches", number), ("differences", number),
                ("differences_kept", number), ("created_at", time), ("updated_at", time),
            ]),
    ]

    private static let satisfactionRating: [(String, JSONValue)] = [
        ("id", number), ("url", text), ("ticket_id", number), ("requester_id", number),
        ("assignee_id", optionalNumber), ("group_id", optionalNumber), ("score", text),
        ("comment", optionalText), ("reason", optionalText), ("reason_id", optionalNumber),
        ("reason_code", optionalNumber), ("solve", number), ("created_at", time),
        ("updated_at", time),
    ]

    private static func list(_ name: String) -> JSONValue {
        .object([("type", .string("array")), ("items", reference(name))])
    }
    private static let people = JSONValue.object([
        ("type", .string("array")),
        (
            "items",
            object(
                [("user_id", number), ("name", text), ("state", text), ("since", time)],
                required: ["user_id", "name", "state", "since"])
        ),
    ])

    /// What rules of all kinds have.
    private static let rule: [(String, JSONValue)] = [
        ("id", number), ("url", text), ("title", text), ("raw_title", text), ("active", flag),
        ("default", flag), ("position", number), ("created_at", time), ("updated_at", time),
    ]
    private static let conditions = object(
        [("all", objects), ("any", objects)], required: ["all", "any"])
    private static let ruleBody: [(String, JSONValue)] = [
        ("title", text), ("description", optionalText), ("active", flag), ("position", number),
        ("conditions", object([("all", objects), ("any", objects)])), ("all", objects),
        ("any", objects),
    ]

    /// What the fields of tickets, and those of people, always have.
    private static let ticketField: [(String, JSONValue)] =
        field + [
            ("required", flag), ("title_in_portal", text), ("visible_in_portal", flag),
            ("editable_in_portal", flag), ("required_in_portal", flag), ("tag", optionalText),
            ("removable", flag), ("agent_description", optionalText),
        ]
    private static let profileField: [(String, JSONValue)] = field + [("key", text)]
    private static let field: [(String, JSONValue)] = [
        ("id", number), ("url", text), ("type", text), ("title", text), ("description", text),
        ("position", number), ("active", flag), ("regexp_for_validation", optionalText),
        ("created_at", time), ("updated_at", time),
    ]

    /// Name, key of one, key of many.
    private static let kinds: [(String, String, String)] = [
        ("Ticket", "ticket", "tickets"), ("Request", "request", "requests"),
        ("Comment", "comment", "comments"), ("Audit", "audit", "audits"), ("User", "user", "users"),
        ("Organization", "organization", "organizations"), ("Group", "group", "groups"),
        ("GroupMembership", "group_membership", "group_memberships"),
        ("OrganizationMembership", "organization_membership", "organization_memberships"),
        ("APIToken", "api_token", "api_tokens"), ("Job", "job_status", "job_statuses"),
        ("Tag", "tag", "tags"), ("DeletedTicket", "deleted_ticket", "deleted_tickets"),
        ("Metric", "ticket_metric", "ticket_metrics"),
        ("Attachment", "attachment", "attachments"),
        ("Identity", "identity", "identities"), ("Schedule", "schedule", "schedules"),
        ("Holiday", "holiday", "holidays"), ("TicketField", "ticket_field", "ticket_fields"),
        ("UserField", "user_field", "user_fields"),
        ("OrganizationField", "organization_field", "organization_fields"),
        ("DeletedTicketField", "deleted_ticket_field", "deleted_ticket_fields"),
        ("DeletedUserField", "deleted_user_field", "deleted_user_fields"),
        (
            "DeletedOrganizationField", "deleted_organization_field",
            "deleted_organization_fields"
        ),
        ("FieldOption", "custom_field_option", "custom_field_options"),
        ("CustomStatus", "custom_status", "custom_statuses"),
        ("TicketForm", "ticket_form", "ticket_forms"), ("Trigger", "trigger", "triggers"),
        ("Automation", "automation", "automations"), ("Macro", "macro", "macros"),
        ("MetricEvent", "ticket_metric_event", "ticket_metric_events"),
        ("View", "view", "views"), ("ViewCount", "view_count", "view_counts"),
        ("Notice", "notice", "notices"), ("SatisfactionReason", "reason", "reasons"),
        ("NPSResponse", "response", "responses"), ("Assignment", "assignment", "assignments"),
        ("Availability", "availability", "availabilities"),
        ("RoutingAttribute", "attribute", "attributes"),
        ("RoutingAttributeValue", "attribute_value", "attribute_values"),
        ("Presence", "presence", "presences"), ("TicketLink", "link", "links"),
        ("Rehearsal", "rehearsal", "rehearsals"),
    ]

    private static let answers: [(name: String, value: JSONValue)] =
        kinds.map { ("\($0.0)Answer", object([($0.1, reference($0.0))], required: [$0.1])) }
        + kinds.map { kind in
            (
                "\(kind.0)sAnswer",
                object(
                    [
                        (
                            kind.2,
                            .object([("type", .string("array")), ("items", reference(kind.0))])
                        )
                    ],
                    required: [kind.2])
            )
        } + [
            (
                "TicketAuditAnswer",
                object(
                    [("ticket", reference("Ticket")), ("audit", reference("Audit"))],
                    required: ["ticket"])
            ),
            (
                "SLAPolicyAnswer",
                object([("sla_policy", reference("SLAPolicy"))], required: ["sla_policy"])
            ),
            (
                "SLAPoliciesAnswer",
                object(
                    [
                        (
                            "sla_policies",
                            .object([
                                ("type", .string("array")), ("items", reference("SLAPolicy")),
                            ])
                        )
                    ], required: ["sla_policies"])
            ),
            (
                "RuleDefinitionsAnswer",
                object(
                    [
                        (
                            "definitions",
                            object(
                                [
                                    ("actions", objects), ("conditions_all", objects),
                                    ("conditions_any", objects),
                                ], required: ["actions", "conditions_all", "conditions_any"])
                        )
                    ], required: ["definitions"])
            ),
            (
                "DefinitionsAnswer",
                object([("definitions", conditions)], required: ["definitions"])
            ),
            (
                "CountAnswer",
                object(
                    [
                        (
                            "count",
                            object(
                                [("value", number), ("refreshed_at", time)], required: ["value"])
                        )
                    ], required: ["count"])
            ),
            (
                "UploadAnswer",
                object(
                    [
                        (
                            "upload",
                            object(
                                [
                                    ("token", text), ("expires_at", time),
                                    ("attachment", reference("Attachment")),
                                    (
                                        "attachments",
                                        .object([
                                            ("type", .string("array")),
                                            ("items", reference("Attachment")),
                                        ])
                                    ),
                                ], required: ["token", "expires_at", "attachment", "attachments"])
                        )
                    ], required: ["upload"])
            ),
            (
                "RelatedAnswer",
                object(
                    [
                        (
                            "user_related",
                            object([("requested_tickets", number), ("assigned_tickets", number)])
                        )
                    ], required: ["user_related"])
            ),
            (
                "TicketRelatedAnswer",
                object(
                    [
                        ("topic_id", optionalText), ("followup_source_ids", texts),
                        ("from_archive", flag), ("incidents", number), ("followup_ids", numbers),
                        ("problem_id", optionalNumber), ("merged_into_id", optionalNumber),
                        ("merges", objects), ("links", objects),
                    ],
                    required: ["topic_id", "followup_source_ids", "from_archive", "incidents"])
            ),
            (
                "WorkweekAnswer",
                object(
                    [("workweek", object([("intervals", intervals)], required: ["intervals"]))],
                    required: ["workweek"])
            ),
            (
                "AgentAvailabilityAnswer",
                object(
                    [
                        ("data", .object([("type", .string("object"))])), ("included", objects),
                    ], required: ["data", "included"])
            ),
            (
                "AgentAvailabilitiesAnswer",
                object(
                    [
                        ("data", objects), ("included", objects),
                        ("meta", .object([("type", .string("object"))])),
                        ("links", .object([("type", .string("object"))])),
                    ], required: ["data", "included", "meta", "links"])
            ),
            ("TagNamesAnswer", object([("tags", texts)], required: ["tags"])),
            (
                "ViewRowsAnswer",
                object([("columns", objects), ("rows", objects)], required: ["columns", "rows"])
            ),
            (
                "MacroResultAnswer",
                object(
                    [("result", object([("ticket", .object([("type", .string("object"))]))]))],
                    required: ["result"])
            ),
            (
                "TraceAnswer",
                object(
                    [("trace", object([("triggers", objects)], required: ["triggers"]))],
                    required: ["trace"])
            ),
            (
                "RehearsalResultAnswer",
                object(
                    [("rehearsal", reference("Rehearsal")), ("differences", objects)],
                    required: ["rehearsal", "differences"])
            ),
            (
                "RuleReportAnswer",
                object(
                    [("findings", objects), ("rules_checked", number), ("complete", flag)],
                    required: ["findings", "rules_checked", "complete"])
            ),
            ("TicketTraceAnswer", object([("trace", objects)], required: ["trace"])),
            (
                "SearchAnswer",
                object(
                    searchMembers + [
                        ("count", number), ("next_page", optionalText),
                        ("previous_page", optionalText),
                    ], required: ["results", "facets", "count", "next_page", "previous_page"])
            ),
            (
                "SearchExportAnswer",
                object(
                    searchMembers + [
                        (
                            "meta",
                            object(
                                [
                                    ("has_more", flag), ("after_cursor", optionalText),
                                    ("before_cursor", optionalText),
                                ], required: ["has_more", "after_cursor", "before_cursor"])
                        ),
                        (
                            "links",
                            object(
                                [("prev", optionalText), ("next", optionalText)],
                                required: ["prev", "next"])
                        ),
                    ], required: ["results", "facets", "meta", "links"])
            ),
            ("SearchCountAnswer", object([("count", number)], required: ["count"])),
            (
                "SatisfactionRatingAnswer",
                object(
                    [("satisfaction_rating", reference("SatisfactionRating"))],
                    required: ["satisfaction_rating"])
            ),
            (
                "SatisfactionRatingsAnswer",
                object(
                    [("satisfaction_ratings", list("SatisfactionRating"))],
                    required: ["satisfaction_ratings"])
            ),
            (
                "NPSScoreAnswer",
                object(
                    [
                        (
                            "nps",
                            object(
                                [
                                    ("start_date", date), ("end_date", date),
                                    ("promoters", number), ("passives", number),
                                    ("detractors", number), ("responses", number),
                                    ("score", optionalNumber),
                                ],
                                required: [
                                    "start_date", "end_date", "promoters", "passives",
                                    "detractors", "responses", "score",
                                ])
                        )
                    ], required: ["nps"])
            ),
        ]

    /// Records of several kinds, told apart by `result_type`.
    private static let searchMembers: [(String, JSONValue)] = [
        (
            "results",
            .object([
                ("type", .string("array")),
                (
                    "items",
                    object(
                        [
                            ("id", number), ("url", text), ("created_at", time),
                            ("updated_at", time),
                            (
                                "result_type",
                                .object([
                                    ("type", .string("string")),
                                    (
                                        "enum",
                                        .array(
                                            ["ticket", "user", "organization", "group"].map(
                                                JSONValue.string))
                                    ),
                                ])
                            ),
                        ],
                        required: ["id", "url", "created_at", "updated_at", "result_type"])
                ),
            ])
        ), ("facets", .object([("type", .string("null"))])),
    ]

    private static func order(_ key: String) -> JSONValue {
        object([(key, numbers)], required: [key])
    }

    /// Changed and new rules.
    private static let proposal: [(String, JSONValue)] = [
        ("triggers", objects), ("automations", objects), ("policies", objects), ("only", texts),
    ]

    private static let fieldBody: [(String, JSONValue)] = [
        ("type", text), ("title", text), ("description", text), ("position", number),
        ("active", flag), ("tag", text), ("regexp_for_validation", text),
        ("relationship_target_type", text),
        (
            "custom_field_options",
            .object([
                ("type", .string("array")),
                (
                    "items",
                    object([
                        ("id", number), ("name", text), ("value", text), ("default", flag),
                    ])
                ),
            ])
        ),
    ]

    private static let bodies: [(name: String, value: JSONValue)] =
        [
            (
                "Ticket", "ticket",
                [
                    ("subject", text), ("status", text), ("priority", text), ("type", text),
                    ("tags", texts), ("assignee_id", optionalNumber),
                    ("problem_id", optionalNumber), ("follower_ids", numbers),
                    ("email_cc_ids", numbers), ("followers", objects), ("email_ccs", objects),
                    ("custom_fields", fieldValues), ("custom_status_id", number),
                    ("ticket_form_id", optionalNumber),
                    ("comment", object([("body", text), ("public", flag)])),
                ]
            ),
            (
                "Request", "request",
                [("subject", text), ("comment", object([("body", text)])), ("solved", flag)]
            ),
            ("User", "user", [("name", text), ("email", text), ("role", text), ("tags", texts)]),
            ("Organization", "organization", [("name", text), ("details", text), ("tags", texts)]),
            ("Group", "group", [("name", text), ("description", text)]),
            ("GroupMembership", "group_membership", [("user_id", number), ("group_id", number)]),
            (
                "OrganizationMembership", "organization_membership",
                [("user_id", number), ("organization_id", number)]
            ),
            ("APIToken", "api_token", [("description", text)]),
            ("Schedule", "schedule", [("name", text), ("time_zone", text)]),
            ("Workweek", "workweek", [("intervals", intervals)]),
            ("Holiday", "holiday", [("name", text), ("start_date", date), ("end_date", date)]),
            (
                "TicketField", "ticket_field",
                fieldBody + [
                    ("title_in_portal", text), ("visible_in_portal", flag),
                    ("editable_in_portal", flag), ("required_in_portal", flag), ("required", flag),
                ]
            ),
            ("UserField", "user_field", fieldBody + [("key", text)]),
            ("OrganizationField", "organization_field", fieldBody + [("key", text)]),
            (
                "FieldOption", "custom_field_option",
                [("id", number), ("name", text), ("value", text), ("position", number)]
            ),
            (
                "CustomStatus", "custom_status",
                [
                    ("status_category", text), ("agent_label", text), ("end_user_label", text),
                    ("description", text), ("end_user_description", text), ("active", flag),
                ]
            ),
            (
                "TicketForm", "ticket_form",
                [
                    ("name", text), ("display_name", text), ("position", number),
                    ("active", flag), ("default", flag), ("end_user_visible", flag),
                    ("ticket_field_ids", numbers), ("agent_conditions", objects),
                    ("end_user_conditions", objects),
                ]
            ),
            ("Trigger", "trigger", ruleBody + [("actions", objects)]),
            ("Automation", "automation", ruleBody + [("actions", objects)]),
            (
                "SLAPolicy", "sla_policy",
                [
                    ("title", text), ("description", optionalText), ("position", number),
                    ("filter", object([("all", objects), ("any", objects)])),
                    ("policy_metrics", objects),
                ]
            ),
            (
                "Macro", "macro",
                [
                    ("title", text), ("description", optionalText), ("active", flag),
                    ("position", number), ("actions", objects),
                    (
                        "restriction",
                        .object([("type", .array([.string("object"), .string("null")]))])
                    ),
                ]
            ),
            (
                "View", "view",
                ruleBody + [
                    ("output", .object([("type", .string("object"))])),
                    (
                        "restriction",
                        .object([("type", .array([.string("object"), .string("null")]))])
                    ),
                ]
            ),
            ("Notice", "notice", [("state", text)]),
            (
                "SatisfactionRating", "satisfaction_rating",
                [("score", text), ("comment", optionalText), ("reason_code", number)]
            ),
            ("SatisfactionReason", "reason", [("value", text)]),
            (
                "Assignment", "assignment",
                [
                    ("method", text), ("uses_skills", flag),
                    ("skill_timeout_minutes", optionalNumber), ("capacity", number),
                ]
            ),
            ("Availability", "availability", [("state", text), ("capacity", optionalNumber)]),
            ("RoutingAttribute", "attribute", [("name", text)]),
            ("RoutingAttributeValue", "attribute_value", [("name", text)]),
            (
                "Identity", "identity",
                [("type", text), ("value", text), ("verified", flag), ("primary", flag)]
            ),
        ].map { (name: "\($0.0)Body", value: object([($0.1, object($0.2))], required: [$0.1])) }
        + [
            ("TriggerOrderBody", order("trigger_ids")), ("MacroOrderBody", order("macro_ids")),
            ("ViewOrderBody", order("view_ids")),
            ("AutomationOrderBody", order("automation_ids")),
            ("SLAPolicyOrderBody", order("sla_policy_ids")),
            (
                "ManyAutomationsBody",
                object([("automations", objects)], required: ["automations"])
            ),
            ("ManyTriggersBody", object([("triggers", objects)], required: ["triggers"])),
            ("ManyMacrosBody", object([("macros", objects)], required: ["macros"])),
            ("ManyViewsBody", object([("views", objects)], required: ["views"])),
            (
                "TicketImportBody",
                object(
                    [
                        (
                            "ticket",
                            object([
                                ("subject", text), ("requester_id", number), ("created_at", time),
                                ("updated_at", time), ("solved_at", time), ("status", text),
                                (
                                    "comments",
                                    .object([
                                        ("type", .string("array")),
                                        (
                                            "items",
                                            object([
                                                ("author_id", number), ("value", text),
                                                ("public", flag), ("created_at", time),
                                            ])
                                        ),
                                    ])
                                ),
                            ])
                        )
                    ], required: ["ticket"])
            ),
        ]
        + [
            ("Ticket", "ticket"), ("User", "user"), ("Organization", "organization"),
            ("GroupMembership", "group_membership"),
            ("OrganizationMembership", "organization_membership"),
        ].map {
            (
                name: "\($0.0)sBody",
                value: object([
                    (
                        "\($0.1)s",
                        .object([
                            ("type", .string("array")),
                            ("items", .object([("type", .string("object"))])),
                        ])
                    ),
                    ($0.1, .object([("type", .string("object"))])),
                ])
            )
        } + [
            ("RehearsalBody", object([("days", number)] + proposal, required: ["days"])),
            ("RuleCheckBody", object(proposal)),
            ("TagNamesBody", object([("tags", texts)], required: ["tags"])),
            (
                "SurveyForm",
                object([("score", text), ("comment", text), ("reason", number)])
            ),
            ("InstanceValuesBody", object([("attribute_value_ids", texts)])),
            (
                "PresenceBody",
                object(
                    [
                        (
                            "state",
                            .object([
                                ("type", .string("string")),
                                ("enum", .array([.string("viewing"), .string("typing")])),
                            ])
                        )
                    ], required: ["state"])
            ),
            (
                "MergeBody",
                object(
                    [
                        ("ids", numbers), ("target_comment", text), ("source_comment", text),
                        ("target_comment_is_public", flag), ("source_comment_is_public", flag),
                    ], required: ["ids"])
            ),
            (
                "SplitBody",
                object(
                    [
                        ("comment_ids", numbers), ("subject", text), ("requester_id", number),
                        ("group_id", optionalNumber), ("assignee_id", optionalNumber),
                        ("tags", texts),
                    ], required: ["comment_ids"])
            ),
            ("ProblemTextBody", object([("text", text)])),
            (
                "TicketLinkBody",
                object(
                    [("ticket_id", number), ("kind", text)], required: ["ticket_id", "kind"])
            ),
            ("TicketFieldOrderBody", order("ticket_field_ids")),
            ("UserFieldOrderBody", order("user_field_ids")),
            ("OrganizationFieldOrderBody", order("organization_field_ids")),
            ("TicketFormOrderBody", order("ticket_form_ids")),
            ("TicketFormCloneBody", object([("prepend_clone_title", flag)])),
            ("DefaultCustomStatusesBody", object([("ids", text)], required: ["ids"])),
            (
                "PasswordBody",
                object(
                    [
                        (
                            "password",
                            .object([
                                ("type", .string("string")), ("minLength", .integer(8)),
                                ("maxLength", .integer(1024)),
                            ])
                        )
                    ], required: ["password"])
            ),
        ]
}
