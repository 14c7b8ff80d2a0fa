internal import CSQLite

/// What the preupdate hook tells of a row just before it changes.
///
/// See <https://www.sqlite.org/c3ref/preupdate_blobwrite.html>. Values are valid only inside the handler.
package struct RowChange {
    package enum Operation: UInt8, Sendable {
        case insert = 1
        case update = 2
        case delete = 3
    }

    package let operation: Operation
    /// The name of the table, as bytes that end with a zero and stay valid during the handler.
    package let tableName: UnsafePointer<CChar>
    package let columnCount: Int
    let connection: OpaquePointer

    /// A column's value before the change. Not for an insert.
    package func old(_ column: Int) -> ChangedValue {
        var value: OpaquePointer?
        let code = sqlite3_preupdate_old(connection, Int32(column), &value)
        precondition(code == SQLITE_OK, "sqlite3_preupdate_old: \(code)")
        return ChangedValue(handle: value!)
    }

    /// A column's value after the change. Not for a delete.
    package func new(_ column: Int) -> ChangedValue {
        var value: OpaquePointer?
        let code = sqlite3_preupdate_new(connection, Int32(column), &value)
        precondition(code == SQLITE_OK, "sqlite3_preupdate_new: \(code)")
        return ChangedValue(handle: value!)
    }
}

/// A column's value inside a preupdate handler, read without copies.
package struct ChangedValue {
    package enum Kind: UInt8, Sendable {
        case null = 0
        case integer = 1
        case real = 2
        case text = 3
        case blob = 4

        init(_ code: Int32) {
            switch code {
            case SQLITE_INTEGER: self = .integer
            case SQLITE_FLOAT: self = .real
            case SQLITE_TEXT: self = .text
            case SQLITE_BLOB: self = .blob
            default: self = .null
            }
        }
    }

    let handle: OpaquePointer

    package var kind: Kind { Kind(sqlite3_value_type(handle)) }
    package var integer: Int64 { sqlite3_value_int64(handle) }
    package var real: Double { sqlite3_value_double(handle) }

    /// The bytes of a text (UTF-8, without the final zero) or a blob.
    package var bytes: UnsafeRawBufferPointer {
        let address = sqlite3_value_blob(handle)
        let count = Int(sqlite3_value_bytes(handle))
        return UnsafeRawBufferPointer(start: address, count: address == nil ? 0 : count)
    }
}

final class PreupdateHook {
    let handler: (RowChange) -> Void
    init(_ handler: @escaping (RowChange) -> Void) { self.handler = handler }
}

final class AuthorizerBox {
    let decide: (AuthorizedAction) -> AuthorizerDecision
    init(_ decide: @escaping (AuthorizedAction) -> AuthorizerDecision) { self.decide = decide }
}

final class ProgressBox {
    let shouldStop: () -> Bool
    init(_ shouldStop: @escaping () -> Bool) { self.shouldStop = shouldStop }
}

final class WALBox {
    var pageCount = 0
}

/// What a statement wants to do, asked while it is prepared.
package struct AuthorizedAction: Sendable {
    /// The action code of <https://www.sqlite.org/c3ref/c_alter_table.html>.
    package let code: Int32
    package let first: String?
    package let second: String?

    package var isRead: Bool { code == SQLITE_READ }
    package var isSelect: Bool { code == SQLITE_SELECT }
    package var isFunction: Bool { code == SQLITE_FUNCTION }
    package var isWrite: Bool {
        code == SQLITE_INSERT || code == SQLITE_UPDATE || code == SQLITE_DELETE
    }
    package var isTransaction: Bool { code == SQLITE_TRANSACTION || code == SQLITE_SAVEPOINT }
    /// The SQL function asked for, when `isFunction`.
    package var functionName: String? { isFunction ? second : nil }
    /// The table read or written, when `isRead` or `isWrite`.
    package var table: String? { isRead || isWrite ? first : nil }
}

/// What an authorizer says of one action of a statement that is being compiled.
package enum AuthorizerDecision: Int32, Sendable {
    case allow = 0
    /// The statement cannot be prepared.
    case deny = 1
    /// A read gives NULL, a write is skipped.
    case ignore = 2
}

extension Connection {
    /// Calls `handler` before each change of a row of an ordinary table on this connection; nil ends it.
    package func onPreupdate(_ handler: ((RowChange) -> Void)?) {
        guard let handler else {
            sqlite3_preupdate_hook(handle, nil, nil)
            preupdateHook = nil
            return
        }
        let hook = PreupdateHook(handler)
        preupdateHook = hook
        sqlite3_preupdate_hook(
            handle,
            { context, connection, operation, _, table, _, _ in
                let hook = Unmanaged<PreupdateHook>.fromOpaque(context!).takeUnretainedValue()
                let kind: RowChange.Operation =
                    switch operation {
                    case SQLITE_INSERT: .insert
                    case SQLITE_DELETE: .delete
                    default: .update
                    }
                hook.handler(
                    RowChange(
                        operation: kind, tableName: table!,
                        columnCount: Int(sqlite3_preupdate_count(connection)),
                        connection: connection!))
            }, Unmanaged.passUnretained(hook).toOpaque())
    }

    /// Asks `decide` about everything a statement would do while it is prepared; nil ends it.
    package func authorize(_ decide: ((AuthorizedAction) -> AuthorizerDecision)?) {
        guard let decide else {
            sqlite3_set_authorizer(handle, nil, nil)
            authorizerBox = nil
            return
        }
        let box = AuthorizerBox(decide)
        authorizerBox = box
        sqlite3_set_authorizer(
            handle,
            { context, code, first, second, _, _ in
                let box = Unmanaged<AuthorizerBox>.fromOpaque(context!).takeUnretainedValue()
                let action = AuthorizedAction(
                    code: code, first: first.map { String(cString: $0) },
                    second: second.map { String(cString: $0) })
                return box.decide(action).rawValue
            }, Unmanaged.passUnretained(box).toOpaque())
    }

    /// Asks `shouldStop` about every `steps` instructions of SQLite's virtual machine; a true answer makes the running
    /// statement fail with `interrupted`. This is a read's budget.
    package func onProgress(every steps: Int32, _ shouldStop: (() -> Bool)?) {
        guard let shouldStop else {
            sqlite3_progress_handler(handle, 0, nil, nil)
            progressBox = nil
            return
        }
        let box = ProgressBox(shouldStop)
        progressBox = box
        sqlite3_progress_handler(
            handle, steps,
            { context in
                let box = Unmanaged<ProgressBox>.fromOpaque(context!).takeUnretainedValue()
                return box.shouldStop() ? 1 : 0
            }, Unmanaged.passUnretained(box).toOpaque())
    }
}
