import Measurement
import NIOCore

/// A cluster with the tenants of a load. Lives on the thread that measures.
final class LoadSite {
    let name: String
    var cluster: LocalCluster
    /// Whether it was started here, and is ended here.
    let isOwn: Bool
    let usesTLS: Bool
    /// To the nodes' public listeners, and to those of operators.
    let traffic: Dialer
    let operators: Dialer
    var maker: DeskMaker?
    var desks: [Desk] = []
    /// Tickets made before the load.
    var filled = 0
    var fillEvents: [Event] = []
    /// Places of its phases in the result.
    var phasePlaces: [Int] = []
    var nextPhase = 0

    init(name: String, cluster: LocalCluster, isOwn: Bool, tls: Bool, engine: LoadEngine) throws {
        self.name = name
        self.cluster = cluster
        self.isOwn = isOwn
        usesTLS = tls
        let loop = engine.loop
        traffic = try Dialer(
            loop: loop, addresses: cluster.nodes.map { tls ? $0.https : $0.http },
            authority: tls ? cluster.authority : nil)
        operators = try Dialer(loop: loop, addresses: cluster.nodes.map(\.admin))
    }
}
