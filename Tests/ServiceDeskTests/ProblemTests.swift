import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Problems and incidents")
struct ProblemTests {
    static func incident(
        _ desk: TestDesk, of problem: Int64, _ change: (inout TicketChanges) -> Void = { _ in }
    ) throws -> Int64 {
        try desk.ticket {
            $0.type = .incident
            $0.problemID = problem
            change(&$0)
        }.id
    }

    /// Steps the desk's jobs to their end; says how many steps it took.
    @discardableResult
    static func runJobs(_ desk: TestDesk, _ between: (Int) throws -> Void = { _ in }) throws -> Int
    {
        var steps = 0
        while let job = try desk.transact({ try $0.nextJob() }) {
            #expect(job.solvesIncidents)
            try desk.transact { try $0.solveIncidents(job.id) }
            steps += 1
            try between(steps)
        }
        return steps
    }

    static func job(_ desk: TestDesk) throws -> Job {
        try desk.run { try $0.jobs(.offset(page: 1, size: 10)).items[0] }
    }

    @Test("only an incident hangs on a problem, and only on a problem that one may see")
    func types() throws {
        let desk = try TestDesk()
        let vault = try desk.group("Vault")
        let ben = try desk.agent()
        _ = try desk.run { writer in
            var changes = UserChanges()
            changes.restriction = .groups
            return try writer.updateUser(ben, changes, agentLimit: 100)
        }
        let problem = try desk.ticket { $0.type = .problem }.id
        let hidden = try desk.ticket {
            $0.type = .problem
            $0.groupID = vault
        }.id
        let plain = try desk.ticket { $0.assigneeID = ben }.id
        func refused(_ id: Int64, _ type: TicketType?, as user: Int64? = nil) throws -> String? {
            var changes = TicketChanges()
            changes.type = type.map { .some($0) }
            changes.problemID = .some(id)
            let wanted = changes
            return try desk.refusal(as: user) { try $0.updateTicket(plain, wanted) }?.words
        }
        #expect(
            try refused(problem, nil)
                == "Problem: only an incident can have one; set its type to incident")
        #expect(try refused(problem, .question) != nil)
        for (id, user) in [(plain, nil), (99, nil), (hidden, ben)] as [(Int64, Int64?)] {
            #expect(
                try refused(id, .incident, as: user) == "Problem: is not a problem ticket", "\(id)")
        }
        #expect(try refused(problem, .incident) == nil)
        #expect(try desk.run { try $0.ticket(problem) }.hasIncidents)
        #expect(
            try desk.refusal { writer in
                var changes = TicketChanges()
                changes.type = .some(.task)
                return try writer.updateTicket(problem, changes)
            }?.words == "Type: incidents hang on this problem; link them to another one first")
        // What is no incident any more hangs on nothing.
        #expect(try desk.update(plain) { $0.type = .question }.ticket.problemID == nil)
        #expect(try desk.run { try $0.ticket(problem) }.hasIncidents == false)
        #expect(try desk.update(problem) { $0.type = .task }.ticket.type == .task)
    }

    @Test("a problem knows of its first and last incident, whatever happens to them")
    func flag() throws {
        let desk = try TestDesk()
        let problem = try desk.ticket { $0.type = .problem }.id
        func state() throws -> [Int64] {
            let ticket = try desk.run { try $0.ticket(problem) }
            let count = try desk.run { try $0.ticketCount(.incidents(of: problem)) }
            let listed = try desk.run {
                try $0.tickets(.incidents(of: problem), .offset(page: 1, size: 10)).items.count
            }
            #expect(Int64(listed) == count)
            return [ticket.hasIncidents ? 1 : 0, count, ticket.version]
        }
        #expect(try state() == [0, 0, 1])
        let one = try Self.incident(desk, of: problem)
        #expect(try state() == [1, 1, 2])
        let two = try Self.incident(desk, of: problem)
        #expect(try state() == [1, 2, 2])
        try desk.run { try $0.deleteTicket(one) }
        #expect(try state() == [1, 1, 2])
        try desk.update(two) { $0.problemID = .some(nil) }
        #expect(try state() == [0, 0, 3])
        try desk.run { try $0.restoreTicket(one) }
        #expect(try state() == [1, 1, 4])
        try desk.run {
            try $0.deleteTicket(one)
            try $0.eraseTicket(one)
        }
        #expect(try state() == [0, 0, 5])
    }

    @Test("solving a problem solves its incidents, each with the comment and an audit of its own")
    func solving() throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let problem = try desk.ticket { $0.type = .problem }.id
        let open = try Self.incident(desk, of: problem) { $0.requester = .id(jane) }
        let solved = try Self.incident(desk, of: problem) {
            $0.assigneeID = desk.admin
            $0.status = .solved
        }
        let later = try desk.ticket().id
        let write = try desk.update(problem, as: ben) {
            $0.status = .solved
            $0.comment = CommentDraft(body: "The disk was full")
        }
        #expect(write.startsJob)
        // Nothing happened yet: the update itself touches no incident.
        #expect(try desk.run { try $0.ticket(open) }.status == .new)
        // What is linked after the solution is not of it.
        try desk.update(later) {
            $0.type = .incident
            $0.problemID = problem
        }
        let fresh = try Self.incident(desk, of: problem)
        let untouched = try desk.run { try $0.ticket(solved) }
        #expect(try Self.runJobs(desk) == 1)
        let ticket = try desk.run { try $0.ticket(open) }
        #expect(ticket.status == .solved && ticket.assigneeID == ben)
        #expect(try desk.run { try $0.ticket(solved) } == untouched)
        #expect(try desk.run { try $0.ticket(fresh) }.status == .new)
        let audit = try desk.run {
            try $0.audits(ofTicket: open, .offset(page: 1, size: 10)).items.last!
        }
        #expect(audit.channel == .problem && audit.channel.name == "rule" && audit.authorID == ben)
        #expect(audit.comment?.body == "The disk was full" && audit.comment?.isPublic == true)
        let job = try Self.job(desk)
        #expect(job.status == .completed && job.progress == job.total && job.results == "")
        let end = try desk.run {
            try $0.audits(ofTicket: problem, .offset(page: 1, size: 10)).items.last!.events
        }
        #expect(end == #"[["IncidentsSolved","2"]]"#)
    }

    @Test(
        "what agents say among themselves, and what a customer says, does not go to the incidents")
    func privateWords() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        for byCustomer in [false, true] {
            let problem = try desk.ticket {
                $0.type = .problem
                $0.requester = .id(jane)
                $0.assigneeID = desk.admin
            }.id
            let incident = try Self.incident(desk, of: problem)
            if byCustomer {
                _ = try desk.run(as: jane) {
                    try $0.updateRequest(
                        problem, comment: CommentDraft(body: "my words"), solved: true)
                }
            } else {
                try desk.update(problem) {
                    $0.status = .solved
                    $0.comment = CommentDraft(body: "our words", isPublic: false)
                }
            }
            try Self.runJobs(desk)
            let ticket = try desk.run { try $0.ticket(incident) }
            #expect(ticket.status == .solved && ticket.commentCount == 1)
        }
    }

    @Test("many incidents are solved a few at a time, and those that cannot be hold up nobody")
    func many() throws {
        let desk = try TestDesk()
        let ben = try desk.agent()
        let needed = try desk.run { writer in
            var draft = FieldDefinitionChanges()
            draft.kind = .text
            draft.title = "Cause"
            draft.isRequired = true
            return try writer.createField(.ticket, draft).id
        }
        let problem = try desk.ticket {
            $0.type = .problem
            $0.fields = [FieldChange(.id(needed), .text("disk"))]
        }.id
        let incidents = try (0..<105).map { number in
            try Self.incident(desk, of: problem) {
                if number % 7 != 0 {
                    $0.fields = [FieldChange(.id(needed), .text("disk"))]
                }
            }
        }
        try desk.update(problem, as: ben) { $0.status = .solved }
        let steps = try Self.runJobs(desk) { step in
            let solved = try desk.number(
                "SELECT count(*) FROM tickets WHERE tenant = ?1 AND type = 1 AND status = 4")
            #expect(solved <= Int64(step * IncidentJob.stepIncidents))
        }
        #expect(steps == 6)
        for (number, id) in incidents.enumerated() {
            let status = try desk.run { try $0.ticket(id) }.status
            #expect(status == (number % 7 == 0 ? .new : .solved))
        }
        let job = try Self.job(desk)
        #expect(job.status == .completed && job.progress == 105 && job.total == 105)
        #expect(job.message == "Solved 90 incidents, 15 failed")
        let results = StoredJSON("[\(job.results)]")?.items ?? []
        #expect(results.count == 15)
        #expect(results.first?["details"]?.string?.contains("Cause: is required") == true)
        #expect(results.first?["id"]?.integer == incidents[0])
        let end = try desk.run {
            try $0.audits(ofTicket: problem, .offset(page: 1, size: 10)).items.last!.events
        }
        #expect(end == #"[["IncidentsSolved","90"],["IncidentsNotSolved","15"]]"#)
        #expect(try desk.transact { try $0.count(.unfinishedJobs) } == 0)
    }

    @Test("the job ends when the problem is opened again, and goes on when who solved it has left")
    func endings() throws {
        let desk = try TestDesk()
        let ben = try desk.agent()
        func solvedProblem() throws -> Int64 {
            let problem = try desk.ticket { $0.type = .problem }.id
            for _ in 0..<30 { _ = try Self.incident(desk, of: problem) }
            try desk.update(problem, as: ben) { $0.status = .solved }
            return problem
        }
        func solved(_ problem: Int64) throws -> Int64 {
            try desk.number(
                "SELECT count(*) FROM tickets WHERE tenant = ?1 AND problem_id = \(problem) AND status = 4"
            )
        }
        let first = try solvedProblem()
        try Self.runJobs(desk) { _ in
            if try desk.run({ try $0.ticket(first) }).status == .solved {
                try desk.update(first) { $0.status = .open }
            }
        }
        #expect(try solved(first) == 20)
        let second = try solvedProblem()
        _ = try desk.run { try $0.deleteUser(ben) }
        try Self.runJobs(desk)
        #expect(try solved(second) == 30)
    }

    @Test("the job begins whatever other jobs wait")
    func limit() throws {
        let desk = try TestDesk()
        let problem = try desk.ticket { $0.type = .problem }.id
        _ = try Self.incident(desk, of: problem)
        try desk.run { writer in
            for number in 0..<WritingDesk.unfinishedJobLimit {
                _ = try writer.enqueueJob(id: "V3-\(number)", kind: "x", total: 1, payload: "[]")
            }
        }
        #expect(try desk.update(problem) { $0.status = .solved }.startsJob)
    }

    @Test("problems complete by a part of their subject")
    func completion() throws {
        let desk = try TestDesk()
        let wanted = try desk.ticket {
            $0.type = .problem
            $0.subject = "Mail server DOWN"
        }.id
        try desk.ticket {
            $0.type = .problem
            $0.subject = "Coffee"
        }
        try desk.ticket { $0.subject = "Mail server too" }
        func found(_ text: String) throws -> [Int64] {
            try desk.run { try $0.problems(containing: text).map(\.id) }
        }
        #expect(try found("server down") == [wanted])
        #expect(try found("%").isEmpty)
        #expect(try found(" ").count == 2)
        #expect(try desk.run { try $0.tickets(.problems, .offset(page: 1, size: 9)).count } == 2)
        #expect(
            try desk.refusal { try $0.problems(containing: String(repeating: "x", count: 513)) }
                != nil)
    }
}
