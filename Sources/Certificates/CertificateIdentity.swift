package import Wire

/// The name in a certificate of ours, kept as a URI among its subject alternative names.
///
///     lodge://<cluster, 32 lower-case hexadecimal digits>/authority
///     lodge://<cluster>/node/<number>?zone=<zone>
///     lodge://<cluster>/operator/<name>
///
/// One identity has one text: what is parsed is written the same.
package struct CertificateIdentity: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
        case authority
        case node(NodeID, zone: String)
        case operatorNamed(String)
    }

    package let cluster: ClusterID
    package let role: Role

    package init(cluster: ClusterID, role: Role) throws(CertificateFault) {
        switch role {
        case .authority: break
        case .node(_, let zone):
            guard Self.isZone(zone) else { throw .badZone(zone) }
        case .operatorNamed(let name):
            guard Self.isOperator(name) else { throw .badOperator(name) }
        }
        self.cluster = cluster
        self.role = role
    }

    package init(uri: String) throws(CertificateFault) {
        guard uri.utf8.count <= 200, uri.hasPrefix("lodge://") else { throw .badIdentity(uri) }
        let parts = uri.dropFirst(8).split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let cluster = ClusterID(first) else {
            throw .badIdentity(uri)
        }
        switch (parts.dropFirst().first, parts.count) {
        case ("authority", 2): try self.init(cluster: cluster, role: .authority)
        case ("operator", 3):
            guard Self.isOperator(parts[2]) else { throw .badIdentity(uri) }
            try self.init(cluster: cluster, role: .operatorNamed(String(parts[2])))
        case ("node", 3):
            let halves = parts[2].split(
                separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let node = NodeID(halves[0]), halves[1].hasPrefix("zone="),
                Self.isZone(halves[1].dropFirst(5))
            else { throw .badIdentity(uri) }
            try self.init(
                cluster: cluster, role: .node(node, zone: String(halves[1].dropFirst(5))))
        default: throw .badIdentity(uri)
        }
    }

    package var uri: String {
        switch role {
        case .authority: "lodge://\(cluster)/authority"
        case .node(let node, let zone): "lodge://\(cluster)/node/\(node)?zone=\(zone)"
        case .operatorNamed(let name): "lodge://\(cluster)/operator/\(name)"
        }
    }

    /// For messages: "node 3", "operator anna", "an authority".
    package var roleText: String {
        switch role {
        case .authority: "an authority"
        case .node(let node, _): "node \(node)"
        case .operatorNamed(let name): "operator \(name)"
        }
    }

    /// 1 to 32 of a-z, 0-9 and the hyphen.
    package static func isZone(_ text: some StringProtocol) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { isPlain($0) }
    }

    /// 1 to 64 of a-z, 0-9, '.', '_' and the hyphen.
    package static func isOperator(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { isPlain($0) || $0 == 0x2e || $0 == 0x5f }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        0x61...0x7a ~= byte || 0x30...0x39 ~= byte || byte == 0x2d
    }
}
