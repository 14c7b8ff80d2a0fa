package import Consensus
package import Wire

/// How replica ids are made: a number that grows with every replica a group ever had, and in the low 16 bits the node that
/// holds it. So a message finds its node without a table, and an id is never used twice.
extension ReplicaID {
    package init(number: UInt64, on node: NodeID) {
        precondition(number > 0 && number < 1 << 47 && node.rawValue > 0)
        self.init(number << 16 | UInt64(node.rawValue))
    }

    /// An id that names no node, as only a broken peer sends it, is taken for node 1's, which does not hold it.
    package var node: NodeID { NodeID(rawValue: max(1, UInt16(truncatingIfNeeded: rawValue))) }
    package var number: UInt64 { rawValue >> 16 }
}

extension Configuration {
    /// The id of a replica that joins next.
    func nextReplica(on node: NodeID) -> ReplicaID {
        ReplicaID(number: highest.number + 1, on: node)
    }
}
