/// One of the five things an SQLite column can hold.
package enum Value: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// Something that can be bound to a parameter of a statement.
package protocol Bindable {
    /// Binds the value to a parameter. `index` counts from 1, as in SQL.
    func bind(to statement: Statement, at index: Int32)
}

extension Int64: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        statement.bind(integer: self, at: index)
    }
}
extension Int: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        statement.bind(integer: Int64(self), at: index)
    }
}
extension Bool: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        statement.bind(integer: self ? 1 : 0, at: index)
    }
}
extension Double: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        statement.bind(real: self, at: index)
    }
}
extension String: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        statement.bind(text: self, at: index)
    }
}
extension [UInt8]: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        self.withUnsafeBytes { statement.bind(blob: $0, at: index) }
    }
}
extension Optional: Bindable where Wrapped: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        if let self { self.bind(to: statement, at: index) } else { statement.bindNull(at: index) }
    }
}
extension Value: Bindable {
    package func bind(to statement: Statement, at index: Int32) {
        switch self {
        case .null: statement.bindNull(at: index)
        case .integer(let value): statement.bind(integer: value, at: index)
        case .real(let value): statement.bind(real: value, at: index)
        case .text(let value): statement.bind(text: value, at: index)
        case .blob(let value): value.bind(to: statement, at: index)
        }
    }
}
