import SQLite
package import ShardStore
import Wire

/// The job that solves a problem's incidents after it: as many as there are, a few at a time, so that none of them holds up the shard.
///
/// Each incident is an update of its own by whoever solved the problem, with its own audit and triggers. One that cannot be solved
/// (fields that must be filled first) is named in the job's results and holds up none of the others. The job ends early when the
/// problem is opened again.
struct IncidentJob: Equatable {
    static let kind = "solveIncidents"
    /// Incidents looked at in one step.
    static let stepIncidents = 20
    /// Failures that a job's results name; the others are only counted.
    static let failureLimit = 100

    let problemID: Int64
    /// The audit that solved the problem; its comment goes to the incidents.
    let auditID: Int64
    /// The highest ticket number when the problem was solved: later incidents are not of this solution.
    let lastID: Int64
    var after: Int64 = 0
    var solved: Int64 = 0
    var failed: Int64 = 0

    init(problemID: Int64, auditID: Int64, lastID: Int64) {
        self.problemID = problemID
        self.auditID = auditID
        self.lastID = lastID
    }

    /// As it is kept in the job's row.
    var text: String { "[\(problemID),\(auditID),\(lastID),\(after),\(solved),\(failed)]" }

    init?(_ text: String) {
        let numbers = StoredJSON(text)?.items.compactMap(\.integer) ?? []
        guard numbers.count == 6 else { return nil }
        (problemID, auditID, lastID) = (numbers[0], numbers[1], numbers[2])
        (after, solved, failed) = (numbers[3], numbers[4], numbers[5])
    }
}

extension Job {
    /// Whether its items are not in its payload: its steps are `ShardTransaction.solveIncidents`.
    package var solvesIncidents: Bool { kind == IncidentJob.kind }
}

extension Desk where Rows == WritableRows {
    /// Begins to solve a problem's incidents when an update has solved it.
    ///
    /// The job counts against nobody's limit: it is a part of the update, which must not be refused for the jobs of others. Its number is
    /// made of the audit's, which is unique.
    func solveIncidents(after write: TicketWrite, from old: Ticket) throws -> TicketWrite {
        let problem = write.ticket
        guard old.status < .solved, problem.status >= .solved, problem.type == .problem,
            problem.hasIncidents, let audit = write.audit
        else { return write }
        let digits = String(audit.id, radix: 16)
        let id = "V3-" + String(repeating: "0", count: 32 - digits.count) + digits
        let work = IncidentJob(
            problemID: problem.id, auditID: audit.id, lastID: try rows.count(.nextTicket))
        try rows.run(
            "INSERT INTO jobs VALUES (?1, ?2, 0, 0, ?3, ?4, ?5, NULL, ?6, '', ?7, ?7)", id,
            IncidentJob.kind, principal.userID, try rows.count(.incidentsOfProblem(problem.id)),
            work.text, now.milliseconds)
        try rows.add(1, to: .unfinishedJobs)
        var write = write
        write.startsJob = true
        return write
    }
}

extension ShardTransaction {
    /// The next step of the job.
    package func solveIncidents(_ id: String) throws {
        guard let job = try unfinishedJob(id) else { return }
        guard var work = IncidentJob(job.payload) else {
            return try advance(
                job, results: [], finished: (.failed, "This build does not know the job"))
        }
        let desk = Desk(
            rows: self, principal: try actor(of: job), via: Via(channel: .problem))
        guard let problem = try desk.findTicket(work.problemID), problem.status >= .solved,
            problem.deletedAt == nil
        else {
            return try advance(
                job, results: [], finished: (.completed, "The problem is not solved any more"))
        }
        let incidents = try all(
            """
            SELECT id FROM tickets INDEXED BY tickets_by_problem
            WHERE tenant = ?1 AND problem_id = ?2 AND id > ?3 AND id <= ?4 ORDER BY id LIMIT ?5
            """, work.problemID, work.after, work.lastID, IncidentJob.stepIncidents
        ) { $0.int64(0) }
        let changes = try desk.solution(of: work)
        var failures: [String] = []
        for (place, number) in incidents.enumerated() {
            work.after = number
            // Read one by one: what solving one leaves room for may have changed another.
            guard let incident = try desk.findTicket(number), incident.status < .solved,
                incident.deletedAt == nil
            else { continue }
            do {
                try savepoint { _ = try desk.apply(changes, to: incident) }
                work.solved += 1
            } catch let refusal as DeskRefusal {
                work.failed += 1
                guard work.failed <= IncidentJob.failureLimit else { continue }
                failures.append(desk.failure(of: incident, job.progress + place, refusal))
            }
        }
        let rest = job.total - job.progress
        let isDone = incidents.count < IncidentJob.stepIncidents
        if isDone { try desk.noteEnd(of: work, on: problem) }
        let message =
            "Solved \(work.solved) incidents" + (work.failed == 0 ? "" : ", \(work.failed) failed")
        try run("UPDATE jobs SET payload = ?3 WHERE tenant = ?1 AND id = ?2", id, work.text)
        try advance(
            job, results: failures,
            done: isDone ? rest : min(rest, incidents.count),
            finished: isDone ? (.completed, message) : nil)
    }

    /// Who solved the problem; the system when they have left since, or when it was the system.
    private func actor(of job: Job) throws -> Principal {
        do {
            return try Authenticator.principal(userID: job.actorID, in: self)
        } catch DeskRefusal.unauthenticated {
            return Principal(userID: -1, role: .admin)
        }
    }
}

extension Desk where Rows == WritableRows {
    /// What each incident gets: the status, and the comment that solved the problem when customers may read it and an agent wrote it.
    fileprivate func solution(of work: IncidentJob) throws -> TicketChanges {
        var changes = TicketChanges()
        changes.status = .solved
        let audit = try rows.first(
            "SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3",
            work.problemID, work.auditID, read: Audit.init)
        guard let comment = audit?.comment, comment.isPublic,
            let author = try findUser(comment.authorID), author.isActive, author.role.isStaff
        else { return changes }
        changes.comment = CommentDraft(
            body: comment.body, html: comment.html, isPublic: true,
            authorID: author.id == principal.userID ? nil : author.id)
        return changes
    }

    /// A result of the job. It names an incident only to who may see it.
    fileprivate func failure(of incident: Ticket, _ place: Int, _ refusal: DeskRefusal) -> String {
        let isSeen =
            Authorization.decide(principal, .read, .ticket(incident.facts)) == .allow
        let id = isSeen ? "\"id\":\(incident.id)," : ""
        let words = JSONText.quoted(refusal.words)
        return
            "{\"index\":\(place),\(id)\"action\":\"update\",\"error\":\"RecordInvalid\",\"details\":\(words),\"success\":false}"
    }

    /// The problem's history says what became of its incidents.
    fileprivate func noteEnd(of work: IncidentJob, on problem: Ticket) throws {
        var events = EventList()
        events.note("IncidentsSolved", String(work.solved))
        if work.failed > 0 { events.note("IncidentsNotSolved", String(work.failed)) }
        try note(events, on: problem)
    }
}
