import SQLite
package import ShardStore
package import Wire

/// Work on many records that goes on after its request was answered, step by step, each step one transaction: what a crash
/// interrupts goes on at the very next item.
package struct Job: Sendable, Equatable {
    package enum Status: Int64, Sendable {
        case queued = 0
        case working = 1
        case completed = 2
        case failed = 3
        package var name: String {
            switch self {
            case .queued: "queued"
            case .working: "working"
            case .completed: "completed"
            case .failed: "failed"
            }
        }
    }

    /// `V3-` and 32 hexadecimal digits.
    package let id: String
    /// The name of what each item is given to; the API layer knows them.
    package let kind: String
    package let actorID: Int64
    package let total: Int
    package let progress: Int
    package let status: Status
    package let message: String?
    /// The items, a JSON array.
    package let payload: String
    /// One result an item so far, JSON objects separated by commas.
    package let results: String
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    static let columns =
        "id, kind, actor_id, total, progress, status, message, payload, results, created_at, updated_at"

    init(_ row: Row) {
        id = row.text(0)
        kind = row.text(1)
        actorID = row.int64(2)
        total = row.int(3)
        progress = row.int(4)
        status = Status(rawValue: row.int64(5)) ?? .failed
        message = row.optionalText(6)
        payload = row.text(7)
        results = row.text(8)
        createdAt = Timestamp(rawValue: row.int64(9))
        updatedAt = Timestamp(rawValue: row.int64(10))
    }
}

enum JobSchema {
    static let sql = """
        CREATE TABLE jobs(
            tenant INTEGER NOT NULL, id TEXT NOT NULL, status INTEGER NOT NULL,
            progress INTEGER NOT NULL, kind TEXT NOT NULL, actor_id INTEGER NOT NULL,
            total INTEGER NOT NULL, message TEXT, payload TEXT NOT NULL, results TEXT NOT NULL,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- The runner's next job, in the order of the requests; the limit on unfinished ones.
        CREATE INDEX jobs_unfinished ON jobs(tenant, created_at, id) WHERE status < 2;
        -- Expiry.
        CREATE INDEX jobs_by_age ON jobs(tenant, updated_at) WHERE status >= 2;
        """
}

extension Desk {
    package static var unfinishedJobLimit: Int64 { 30 }

    package func job(_ id: String) throws -> Job {
        let job = try rows.first(
            "SELECT \(Job.columns) FROM jobs WHERE tenant = ?1 AND id = ?2", id, read: Job.init)
        guard let job else { throw DeskRefusal.notFound }
        try require(.read, .job(ownerID: job.actorID))
        return job
    }

    package func jobs(_ ids: [String]) throws -> [Job] {
        try ids.compactMap { id in
            do { return try job(id) } catch DeskRefusal.notFound { return nil }
        }
    }

    /// The newest jobs of the asker; an admin's list has everybody's.
    package func jobs(_ page: PageRequest) throws -> Page<Job> {
        try require(.list, .job(ownerID: principal.userID))
        let everybody = principal.role == .admin
        let condition = everybody ? "1" : "actor_id = \(principal.userID)"
        let found = try rows.all(
            "SELECT \(Job.columns) FROM jobs WHERE tenant = ?1 AND \(condition) ORDER BY created_at DESC LIMIT 100",
            read: Job.init)
        return Page(
            items: found, count: Int64(found.count), hasMore: false, first: nil, last: nil,
            request: page)
    }
}

extension Desk where Rows == WritableRows {
    /// Keeps a job for the runner. `id` is drawn above, where randomness is allowed.
    package func enqueueJob(id: String, kind: String, total: Int, payload: String) throws -> Job {
        guard try rows.count(.unfinishedJobs) < Self.unfinishedJobLimit else {
            throw DeskRefusal.tooOften(
                retryAfterSeconds: 5,
                "At most \(Self.unfinishedJobLimit) jobs may be unfinished at a time")
        }
        try rows.run(
            "INSERT INTO jobs VALUES (?1, ?2, 0, 0, ?3, ?4, ?5, NULL, ?6, '', ?7, ?7)", id, kind,
            principal.userID, total, payload, now.milliseconds)
        try rows.add(1, to: .unfinishedJobs)
        return try job(id)
    }
}

extension ShardReader {
    /// The tenant's oldest unfinished job.
    package func nextJob() throws -> Job? {
        try first(
            "SELECT \(Job.columns) FROM jobs WHERE tenant = ?1 AND status < 2 ORDER BY created_at LIMIT 1",
            read: Job.init)
    }
}

extension ShardTransaction {
    /// The job as it stands in this transaction, or nil when it is finished or gone.
    package func unfinishedJob(_ id: String) throws -> Job? {
        try first(
            "SELECT \(Job.columns) FROM jobs WHERE tenant = ?1 AND id = ?2 AND status < 2", id,
            read: Job.init)
    }

    /// Keeps a step's results with its effects. `results` are JSON objects, one an item unless `done` says how many items
    /// the step did.
    package func advance(
        _ job: Job, results: [String], done: Int? = nil, finished: (Job.Status, String)?
    ) throws {
        let all = ([job.results].filter { !$0.isEmpty } + results).joined(separator: ",")
        try run(
            """
            UPDATE jobs SET progress = ?3, results = ?4, status = ?5, message = ?6, updated_at = ?7
            WHERE tenant = ?1 AND id = ?2
            """, job.id, job.progress + (done ?? results.count), all,
            (finished?.0 ?? .working).rawValue, finished?.1, now.milliseconds)
        if finished != nil { try add(-1, to: .unfinishedJobs) }
    }

    /// Forgets jobs that ended before `moment`, at most `limit`; says how many.
    package func expireJobs(before moment: Timestamp, limit: Int) throws -> Int {
        try run(
            """
            DELETE FROM jobs WHERE tenant = ?1 AND id IN
            (SELECT id FROM jobs WHERE tenant = ?1 AND status >= 2 AND updated_at < ?2 LIMIT ?3)
            """, moment.milliseconds, limit)
    }
}
