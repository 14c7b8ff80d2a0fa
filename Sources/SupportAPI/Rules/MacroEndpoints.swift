import HTTPTypes
import ServiceDesk

/// What macros would do.
enum MacroEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/macros/{id}/apply", "previewMacro", tag: "Macros",
            summary: "What a macro says of any ticket", answers: [200: "MacroResultAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                let preview = try desk.previewMacro(id, on: nil)
                return .json { json in
                    json.object { json in
                        json.object("result") { json in
                            json.object("ticket") { json in
                                json.fields(preview.actions)
                                json.comment(preview)
                            }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{ticket_id}/macros/{id}/apply", "previewMacroOnTicket",
            tag: "Macros", summary: "A ticket as a macro would leave it; nothing is changed",
            answers: [200: "MacroResultAnswer"]
        ) { call in
            let (id, ticket) = (try call.id(), try call.id("ticket_id"))
            return try await call.write { desk in
                let preview = try desk.previewMacro(id, on: ticket)
                let catalog = try desk.catalog()
                return .json { json in
                    json.object { json in
                        json.object("result") { json in
                            json.key("ticket")
                            if let ticket = preview.ticket {
                                json.ticket(ticket, call, catalog) { $0.comment(preview) }
                            } else {
                                json.null()
                            }
                            json.comment(preview)
                        }
                    }
                }
            }
        },
    ]
}

extension JSONWriter {
    /// What a macro sets, by name; custom fields as a list.
    fileprivate mutating func fields(_ actions: [ActionText]) {
        var custom: [(Int64, RuleValue)] = []
        for action in actions {
            if action.field.hasPrefix("custom_fields_"), let id = Int64(action.field.dropFirst(14))
            {
                custom.append((id, action.value))
                continue
            }
            // The comment stands apart.
            if action.field.hasPrefix("comment_") { continue }
            key(dynamic: action.field == "current_tags" ? "tags" : action.field)
            plain(action.value)
        }
        array("custom_fields") { json in
            for (id, value) in custom {
                json.object { json in
                    json.member("id", id)
                    json.key("value")
                    json.plain(value)
                }
            }
        }
    }

    private mutating func plain(_ value: RuleValue) {
        switch value {
        case .none: null()
        case .text(let text): self.value(text)
        case .list(let items): array { json in for item in items { json.value(item) } }
        }
    }

    /// A member of an object.
    fileprivate mutating func comment(_ preview: MacroPreview) {
        guard let text = preview.comment else { return }
        object("comment") { json in
            json.member("body", text)
            json.member("public", preview.commentIsPublic)
        }
    }
}
