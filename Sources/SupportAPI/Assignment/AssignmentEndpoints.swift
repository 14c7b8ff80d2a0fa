import HTTPTypes
import ServiceDesk

/// How groups give tickets to agents, and who takes some.
enum AssignmentEndpoints {
    static let all = groups + agents

    private static let tag = "Assignment"
    private static let group = "/api/v2/lodge/groups/{id}/assignment"
    private static let agent = "/api/v2/lodge/agents/{id}/availability"

    private static let groups: [Endpoint] = [
        Endpoint(
            .get, group, "showGroupAssignment", tag: tag,
            summary: "How a group's tickets come to its agents",
            answers: [200: "AssignmentAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.assignment(ofTeam: id)) }
        },
        Endpoint(
            .put, group, "updateGroupAssignment", tag: tag,
            summary: "Says how a group's tickets come to its agents: manual, round_robin or load",
            body: "AssignmentBody", answers: [200: "AssignmentAnswer"]
        ) { call in
            let (id, fields) = (try call.id(), try call.bodyObject("assignment"))
            var draft = TeamAssignmentDraft()
            draft.method =
                try fields.choice("method") { TeamAssignment.Method(name: $0) } ?? nil
            draft.usesSkills = try fields.bool("uses_skills")
            draft.skillTimeout = try fields.int64("skill_timeout_minutes")
            draft.capacity = try fields.int64("capacity") ?? nil
            let wanted = draft
            return try await call.write { desk in
                try call.requireVersion(desk.assignment(ofTeam: id).version)
                return one(try desk.setAssignment(ofTeam: id, wanted))
            }
        },
    ]

    private static func one(_ assignment: TeamAssignment) -> APIAnswer {
        .json(version: assignment.version) { json in
            json.object { json in
                json.object("assignment") { json in
                    json.member("group_id", assignment.teamID)
                    json.member("method", assignment.method.name)
                    json.member("uses_skills", assignment.usesSkills)
                    json.member("skill_timeout_minutes", assignment.skillTimeout)
                    json.member("capacity", assignment.capacity)
                    json.member("updated_at", assignment.updatedAt)
                }
            }
        }
    }

    private static let agents: [Endpoint] = [
        Endpoint(
            .get, agent, "showAvailability", tag: tag,
            summary: "Whether an agent takes tickets, how many, and how many they have",
            answers: [200: "AvailabilityAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.agentWork(id)) }
        },
        Endpoint(
            .put, agent, "updateAvailability", tag: tag,
            summary:
                "Says whether an agent takes tickets, and how many: agents for themselves, admins for all",
            body: "AvailabilityBody", answers: [200: "AvailabilityAnswer"]
        ) { call in
            let (id, fields) = (try call.id(), try call.bodyObject("availability"))
            let state = try fields.choice("state") { AgentWork.State(name: $0) } ?? nil
            let capacity = try fields.int64("capacity")
            return try await call.write { desk in
                try call.requireVersion(desk.agentWork(id).version)
                return one(try desk.setAvailability(of: id, state: state, capacity: capacity))
            }
        },
        Endpoint(
            .get, "/api/v2/agent_availabilities", "listAgentAvailabilities", tag: tag,
            summary: "All agents' availability, as JSON:API; pages by cursor",
            query: Parameters.paging.filter { $0.name.hasPrefix("page[") },
            answers: [200: "AgentAvailabilitiesAnswer"]
        ) { call in
            var page = try call.page
            if case .offset = page { page = .cursor(size: 100, after: nil, before: nil) }
            let request = page
            return try await call.read { desk in
                let found = try desk.agentWork(request)
                return .json { json in
                    json.object { json in
                        json.array("data") { json in
                            for work in found.items { json.agentAvailability(work, call) }
                        }
                        json.array("included") { json in
                            for work in found.items { json.supportChannel(work) }
                        }
                        json.pageLinks(found, call)
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/agent_availabilities/{agent_id}", "showAgentAvailability", tag: tag,
            summary: "One agent's availability, as JSON:API",
            answers: [200: "AgentAvailabilityAnswer"]
        ) { call in
            let id = try call.id("agent_id")
            return try await call.read { desk in
                let work = try desk.agentWork(id)
                return .json(version: work.version) { json in
                    json.object { json in
                        json.key("data")
                        json.agentAvailability(work, call)
                        json.array("included") { $0.supportChannel(work) }
                    }
                }
            }
        },
    ]

    private static func one(_ work: AgentWork) -> APIAnswer {
        .json(version: work.version) { json in
            json.object { json in
                json.object("availability") { json in
                    json.member("agent_id", work.agentID)
                    json.member("state", work.state.name)
                    json.member("capacity", work.capacity)
                    json.member("open_tickets", work.openTickets)
                    json.array("group_ids", work.groupIDs)
                    json.array("attribute_value_ids", work.skillIDs)
                    json.member("updated_at", work.updatedAt)
                }
            }
        }
    }
}

extension JSONWriter {
    /// The dialect's form, after JSON:API.
    fileprivate mutating func agentAvailability(_ work: AgentWork, _ call: APICall) {
        object { json in
            json.member("id", "agent_availabilities|\(work.agentID)")
            json.member("type", "agent_availabilities")
            json.object("attributes") { json in
                json.member("agent_id", work.agentID)
                json.object("agent_status") { json in
                    json.member("id", work.state.rawValue)
                    json.member("name", work.state.name)
                    json.member("updated_at", work.updatedAt)
                }
                json.array("group_ids", work.groupIDs)
                json.array("skills") { json in
                    for id in work.skillIDs { json.object { $0.member("id", id) } }
                }
                json.member("version", work.version)
            }
            json.object("links") { json in
                json.member("self", call.url("/api/v2/agent_availabilities/\(work.agentID)"))
            }
            json.object("relationships") { json in
                json.object("channels") { json in
                    json.array("data") { json in
                        json.object { json in
                            json.member("id", work.channelID)
                            json.member("type", "channels")
                        }
                    }
                }
            }
        }
    }

    /// What an agent has and can take of the one kind of work there is.
    fileprivate mutating func supportChannel(_ work: AgentWork) {
        object { json in
            json.member("id", work.channelID)
            json.member("type", "channels")
            json.object("attributes") { json in
                if let capacity = work.capacity { json.member("max_capacity", capacity) }
                json.member("name", "support")
                json.member("status", work.state.name)
                json.member("updated_at", work.updatedAt)
                json.member("work_item_count", work.openTickets)
            }
        }
    }
}

extension AgentWork {
    fileprivate var channelID: String { "agent_availabilities|\(agentID)|channels|support" }
}
