package import Wire

/// Who this node is to its peers.
package struct LocalNode: Equatable, Sendable {
    package let cluster: ClusterID
    package let node: NodeID
    /// Drawn when the process starts, so that peers see that it is another one.
    package let life: UInt64
    package let zone: String
    package let features: UInt64
    package let dictionaries: [UInt16]
    package let protocols: ClosedRange<UInt16>

    package init(
        cluster: ClusterID, node: NodeID, life: UInt64, zone: String, features: UInt64 = 0,
        dictionaries: [UInt16] = [], protocols: ClosedRange<UInt16> = 1...1
    ) {
        self.cluster = cluster
        self.node = node
        self.life = life
        self.zone = zone
        self.features = features
        self.dictionaries = dictionaries
        self.protocols = protocols
    }

    package func hello(_ link: LinkKind) -> Hello {
        Hello(
            cluster: cluster, node: node, life: life, link: link, protocols: protocols,
            features: features, dictionaries: dictionaries, zone: zone)
    }
}
