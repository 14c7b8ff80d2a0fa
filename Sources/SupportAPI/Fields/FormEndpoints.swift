import HTTPTypes
import ServiceDesk

/// Which fields tickets of some kind ask for.
enum FormEndpoints {
    private static let base = "/api/v2/ticket_forms"
    private static let tag = "Ticket forms"
    private static let filters = [
        QueryParameter("active", .boolean, "Only active ones, or only others"),
        QueryParameter("end_user_visible", .boolean, "Only those that end users see, or others"),
    ]

    static let all: [Endpoint] = [
        Endpoint(
            .get, base, "listTicketForms", tag: tag, summary: "All forms, in their order",
            query: filters, answers: [200: "TicketFormsAnswer"]
        ) { call in try await list(call, ids: nil) },
        Endpoint(
            .get, "\(base)/show_many", "showManyTicketForms", tag: tag, summary: "Forms by number",
            query: filters + [
                QueryParameter("ids", .string, "Numbers, separated by commas, at most 100")
            ], answers: [200: "TicketFormsAnswer"]
        ) { call in try await list(call, ids: call.ids() ?? []) },
        Endpoint(
            .put, "\(base)/reorder", "reorderTicketForms", tag: tag,
            summary: "Puts forms into another order", body: "TicketFormOrderBody",
            answers: [200: "TicketFormsAnswer"]
        ) { call in
            let ids = try call.order("ticket_form_ids")
            return try await call.write { desk in
                let forms = try desk.reorderForms(ids)
                return many(forms, try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "\(base)/{id}", "showTicketForm", tag: tag, summary: "One form",
            answers: [200: "TicketFormAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.form(id), try desk.catalog(), call) }
        },
        Endpoint(
            .post, base, "createTicketForm", tag: tag, summary: "Makes a form",
            body: "TicketFormBody", answers: [201: "TicketFormAnswer"]
        ) { call in
            let changes = try FieldDecoder.form(call.bodyObject("ticket_form"))
            return try await call.write { desk in
                one(try desk.createForm(changes), isNew: true, try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "\(base)/{id}/clone", "cloneTicketForm", tag: tag,
            summary: "Makes a form like it",
            body: "TicketFormCloneBody", answers: [200: "TicketFormAnswer"]
        ) { call in
            let id = try call.id()
            let namesClone = try FieldReader(call.json()).bool("prepend_clone_title") ?? false
            return try await call.write { desk in
                let form = try desk.cloneForm(id, namesClone: namesClone)
                // The dialect says 200 here, though something is made.
                return one(form, try desk.catalog(), call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}", "updateTicketForm", tag: tag, summary: "Changes a form",
            body: "TicketFormBody", answers: [200: "TicketFormAnswer"]
        ) { call in
            let id = try call.id()
            let changes = try FieldDecoder.form(call.bodyObject("ticket_form"))
            return try await call.write { desk in
                try call.requireVersion(desk.form(id).version)
                return one(try desk.updateForm(id, changes), try desk.catalog(), call)
            }
        },
        Endpoint(
            .delete, "\(base)/{id}", "deleteTicketForm", tag: tag,
            summary: "Deletes a form; its tickets go by the default form from then on",
            answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.form(id).version)
                try desk.deleteForm(id)
                return .noContent
            }
        },
    ]

    private static func list(_ call: APICall, ids: [Int64]?) async throws -> APIAnswer {
        let (isActive, isVisible) = try (call.flag("active"), call.flag("end_user_visible"))
        let wanted = ids.map(Set.init)
        return try await call.read { desk in
            let forms = try desk.forms(isActive: isActive, isEndUserVisible: isVisible)
                .filter { wanted?.contains($0.id) ?? true }
            return many(forms, try desk.catalog(), call)
        }
    }

    private static func many(_ forms: [TicketForm], _ catalog: FieldCatalog, _ call: APICall)
        -> APIAnswer
    {
        .json {
            $0.object { json in
                json.array("ticket_forms") { json in
                    for form in forms { json.ticketForm(form, catalog, call) }
                }
                json.null("next_page")
                json.null("previous_page")
                json.member("count", forms.count)
            }
        }
    }

    private static func one(
        _ form: TicketForm, isNew: Bool = false, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: form.version,
            location: isNew ? call.url("\(base)/\(form.id).json") : nil
        ) {
            $0.object { json in
                json.key("ticket_form")
                json.ticketForm(form, catalog, call)
            }
        }
    }
}
