import HTTPTypes

/// Finds the endpoint for a path: a tree by segments, where a literal segment wins over a parameter.
struct RouteTable: Sendable {
    enum Match: Sendable {
        case found(Endpoint, [String: String])
        /// The path exists with other methods.
        case wrongMethod([HTTPRequest.Method])
        case none
    }

    private final class Builder {
        var literals: [String: Builder] = [:]
        var parameter: Builder?
        var endpoints: [(endpoint: Endpoint, names: [String])] = []
    }

    private indirect enum Tree: Sendable {
        case node(literals: [String: Tree], parameter: Tree?, endpoints: [(Endpoint, [String])])
    }

    private let root: Tree

    init(_ endpoints: [Endpoint]) {
        let root = Builder()
        for endpoint in endpoints {
            var node = root
            var names: [String] = []
            for segment in endpoint.path.split(separator: "/") {
                if segment.hasPrefix("{") {
                    names.append(String(segment.dropFirst().dropLast()))
                    if node.parameter == nil { node.parameter = Builder() }
                    node = node.parameter!
                } else {
                    let key = String(segment)
                    if node.literals[key] == nil { node.literals[key] = Builder() }
                    node = node.literals[key]!
                }
            }
            precondition(
                !node.endpoints.contains { $0.endpoint.method == endpoint.method },
                "two endpoints for \(endpoint.method) \(endpoint.path)")
            node.endpoints.append((endpoint, names))
        }
        self.root = Self.freeze(root)
    }

    private static func freeze(_ builder: Builder) -> Tree {
        .node(
            literals: builder.literals.mapValues(freeze), parameter: builder.parameter.map(freeze),
            endpoints: builder.endpoints.map { ($0.endpoint, $0.names) })
    }

    /// `path` without query and `.json`.
    func match(_ method: HTTPRequest.Method, _ path: Substring) -> Match {
        let segments = path.utf8.split(separator: UInt8(ascii: "/")).map {
            String(Substring($0))
        }
        guard segments.count <= 16, let (endpoints, values) = find(segments[...], root, []) else {
            return .none
        }
        if let (endpoint, names) = endpoints.first(where: { $0.0.method == method }) {
            return .found(endpoint, Dictionary(zip(names, values), uniquingKeysWith: { $1 }))
        }
        return .wrongMethod(endpoints.map { $0.0.method })
    }

    private func find(_ rest: ArraySlice<String>, _ tree: Tree, _ values: [String])
        -> ([(Endpoint, [String])], [String])?
    {
        guard case .node(let literals, let parameter, let endpoints) = tree else { return nil }
        guard let segment = rest.first else {
            return endpoints.isEmpty ? nil : (endpoints, values)
        }
        if let next = literals[segment], let found = find(rest.dropFirst(), next, values) {
            return found
        }
        if let parameter {
            let value = segment.removingPercentEncoding() ?? segment
            return find(rest.dropFirst(), parameter, values + [value])
        }
        return nil
    }
}

extension String {
    /// What stands before the first such byte of ASCII, and what behind it; nil where there is none.
    func cut(at separator: UInt8) -> (before: Substring, after: Substring?) {
        guard let place = utf8.firstIndex(of: separator) else { return (self[...], nil) }
        return (self[..<place], self[utf8.index(after: place)...])
    }
}

extension StringProtocol {
    /// Decodes `%XX`; nil when it is malformed or the bytes are not UTF-8.
    func removingPercentEncoding(plusIsSpace: Bool = false) -> String? {
        if !utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) {
            return String(self)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        var iterator = utf8.makeIterator()
        func hex(_ byte: UInt8?) -> UInt8? {
            switch byte {
            case .some(0x30...0x39): byte! - 0x30
            case .some(0x41...0x46): byte! - 0x37
            case .some(0x61...0x66): byte! - 0x57
            default: nil
            }
        }
        while let byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = hex(iterator.next()), let low = hex(iterator.next()) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            } else if plusIsSpace && byte == UInt8(ascii: "+") {
                bytes.append(0x20)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Encodes all but RFC 3986's unreserved characters.
    func addingPercentEncoding() -> String {
        var text = ""
        for byte in utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                text += hex.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return text
    }
}
