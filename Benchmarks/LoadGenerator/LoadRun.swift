import Foundation
package import Measurement
import NIOCore

/// One call of `lodge-bench run`: starts or finds the cluster, fills it, runs the loads, reads everything back.
///
/// Lives on the thread that measures.
package final class LoadRun {
    private let plan: LoadPlan
    private let programs: String
    private let engine = LoadEngine()
    private let progress: (LoadProgress) -> Void
    /// Where clusters that are started here live.
    private let folder: String
    private var script: ClusterScript?
    private var phases: [PhaseResult] = []
    private var sites: [LoadSite] = []
    /// Nodes that ended by themselves and nodes that did not when they were told to, with what they logged last. Known once `run`
    /// is over; a cluster of which there is something to say did not do well, whatever was measured.
    package private(set) var complaints: [String] = []

    /// - Parameters:
    ///   - programs: folder of `lodged` and `lodge`.
    ///   - folder: made new, for the clusters that are started.
    ///   - script: `deploy/local-cluster`; only a cluster that runs already needs none.
    package init(
        _ plan: LoadPlan, programs: String, folder: String, script: ClusterScript?,
        progress: @escaping (LoadProgress) -> Void
    ) {
        self.plan = plan
        self.programs = programs
        self.folder = folder
        self.script = script
        self.progress = progress
    }

    /// Runs all of it. Clusters that were started here are ended, whatever happens.
    package func run() throws -> BenchmarkResult {
        var result = Result { try measure() }
        if case .success = result { lookForLostNodes() }
        for site in sites where site.isOwn {
            progress(.stage("stopping"))
            guard let script else { continue }
            // What was measured is worth more than a clean end: it is told of beside it.
            do { try site.cluster.stop(script: script) } catch { complaints.append("\(error)") }
        }
        try engine.shutdown()
        if case .success(var measured) = result, let last = measured.phases.indices.last {
            measured.phases[last].events += complaints.map { complaint in
                let line = complaint.split(separator: "\n").first ?? ""
                return Event(at: measured.phases[last].seconds, text: String(line))
            }
            result = .success(measured)
        }
        return try result.get()
    }

    /// A load may get by with a node less; who reads its figures must know.
    private func lookForLostNodes() {
        for site in sites {
            // Nodes that were killed on purpose have other processes by now, which the file says.
            let cluster = (try? LocalCluster(directory: site.cluster.directory)) ?? site.cluster
            complaints += cluster.lostNodes.map { node in
                "\(node.name) (process \(node.pid ?? 0)) ended by itself\n\(cluster.logTail(of: node))"
            }
        }
    }

    private func measure() throws -> BenchmarkResult {
        if let delay = plan.syncDelay {
            try script?.delaySyncs(microseconds: delay, folder: folder)
        }
        let started = ISO8601DateFormatter().string(from: Date())
        if let against = plan.against {
            let ours = try site(programs: programs, name: "main")
            let theirs = try site(programs: against, name: "against")
            for site in sites { try fill(site) }
            try compare([theirs, ours])
        } else {
            let site = try site(programs: programs, name: "main")
            if plan.watchesIdle { try watchIdle(site) }
            try fill(site)
            var closedRate = 0.0
            for load in plan.loads {
                let result = try measure(site, load, closedRate: closedRate)
                closedRate = Double(result.operations.reduce(0) { $0 + $1.count }) / result.seconds
            }
        }
        try readBack()
        let cluster = sites[0].cluster
        var result = BenchmarkResult(
            command: "run", startedAt: started, build: BuildFacts.read(programs: cluster.programs),
            machine: MachineFacts.read(folder: cluster.nodes[0].data),
            configuration: plan.configuration, seed: plan.seed)
        // Of a cluster that was running, which nobody asked for a number of.
        result.configuration["nodes"] = String(cluster.nodes.count)
        if let against = plan.against {
            let other = BuildFacts.read(programs: against)
            result.configuration["against"] = "\(other.version) \(other.commit)"
        }
        result.phases = phases
        return result
    }

    // MARK: Clusters

    private func site(programs: String, name: String) throws -> LoadSite {
        let cluster: LocalCluster
        if let directory = plan.cluster {
            cluster = try LocalCluster(directory: directory)
        } else {
            guard let script else {
                throw LoadFailure("deploy/local-cluster, which starts nodes, was not found")
            }
            progress(.stage("starting \(plan.nodes) nodes"))
            let directory = "\(folder)/\(name)"
            do {
                cluster = try LocalCluster.start(
                    script: script, directory: directory, programs: programs, nodes: plan.nodes,
                    shards: plan.shards)
            } catch {
                // Some of its nodes may run.
                if let part = try? LocalCluster(directory: directory) {
                    try? part.stop(script: script)
                }
                throw error
            }
        }
        let site = try LoadSite(
            name: name, cluster: cluster, isOwn: plan.cluster == nil, tls: plan.tls, engine: engine)
        sites.append(site)
        return site
    }

    private func makeTenants(_ site: LoadSite) throws {
        guard site.desks.isEmpty else { return }
        progress(.stage("making \(plan.tenants) tenants"))
        // Loads of one cluster are told apart by their time.
        let tag = String(UInt64(Date().timeIntervalSince1970 * 1000), radix: 36)
        let maker = DeskMaker(prefix: "bench-\(tag)", tenants: plan.tenants, seed: plan.seed)
        site.maker = maker
        let began = MonotonicClock.nanoseconds
        site.desks = try engine.wait(
            maker.makeTenants(operators: site.operators, token: site.cluster.operatorToken))
        let seconds = MonotonicClock.seconds(from: began, to: MonotonicClock.nanoseconds)
        site.fillEvents.append(
            Event(at: 0, text: "made \(plan.tenants) tenants, \(Self.rate(plan.tenants, seconds))"))
    }

    private func fill(_ site: LoadSite) throws {
        try makeTenants(site)
        let sizes = DeskMaker.sizes(tenants: plan.tenants, average: plan.tickets)
        progress(.stage("filling \(sizes.reduce(0, +)) tickets"))
        let began = MonotonicClock.nanoseconds
        site.filled = try engine.wait(
            site.maker!.makeTickets(site.desks, sizes: sizes, dialer: site.traffic))
        let seconds = MonotonicClock.seconds(from: began, to: MonotonicClock.nanoseconds)
        site.fillEvents.append(
            Event(at: 0, text: "filled \(site.filled) tickets, \(Self.rate(site.filled, seconds))"))
    }

    private static func rate(_ count: Int, _ seconds: Double) -> String {
        "\(Int((Double(count) / max(seconds, 0.001)).rounded()))/s"
    }

    // MARK: Loads

    private func measure(
        _ site: LoadSite, _ load: LoadPlan.Load, closedRate: Double
    ) throws -> PhaseResult {
        let loop: Loop =
            switch load.loop {
            case .closed(let clients): .closed(clients: clients)
            case .open(let rate, let connections): .open(perSecond: rate, connections: connections)
            case .openAtHalf(let connections):
                .open(perSecond: LoadPlan.half(of: closedRate), connections: connections)
            }
        let bursts: Arrivals.Bursts? = if case .open = loop { plan.bursts } else { nil }
        let name = plan.kills == nil ? "\(plan.mixName) \(load.name)" : "failover"
        let phase = PhasePlan(
            name: name, number: site.nextPhase, loop: loop, mix: plan.mix, seed: plan.seed,
            bursts: bursts, retries: plan.kills != nil,
            chooser: TenantChooser(tenants: plan.tenants, oneIsHot: plan.oneHotTenant))
        let measurement = PhaseMeasurement(
            engine: engine, site: site, plan: phase, warmUp: plan.warmUp, progress: progress)
        let driver = PhaseLoad(phase, dialer: site.traffic, desks: site.desks)
        var failover: Failover?
        if let kills = plan.kills, let script {
            failover = Failover(
                engine: engine, load: driver, cluster: site.cluster, operators: site.operators,
                script: script, desks: site.desks, kills: kills)
        }
        let result = try measurement.run(driver, seconds: load.seconds, failover: &failover)
        if let failover { site.cluster = failover.cluster }
        add(result, site)
        return result
    }

    private func add(_ result: PhaseResult, _ site: LoadSite) {
        var result = result
        if site.phasePlaces.isEmpty {
            result.events = site.fillEvents + result.events
            // The tickets that were filled in are the first phase's to find.
            result.checks.acknowledgedWrites += site.filled
        }
        site.phasePlaces.append(phases.count)
        site.nextPhase += 1
        phases.append(result)
    }

    /// Looks at nodes that hold all tenants and have nothing to do.
    private func watchIdle(_ site: LoadSite) throws {
        let before = site.cluster.nodes.map {
            $0.pid.flatMap(ProcessProbe.read)?.residentBytes ?? 0
        }
        try makeTenants(site)
        progress(.stage("waiting until the nodes have written down what was made"))
        try engine.wait(until: MonotonicClock.nanoseconds + 15_000_000_000)
        progress(.stage("watching the nodes doing nothing"))
        var result = try PhaseMeasurement.watchIdle(
            engine: engine, site: site, seconds: 15, progress: progress)
        result.tenants = plan.tenants
        for (place, node) in site.cluster.nodes.enumerated() {
            let now = node.pid.flatMap(ProcessProbe.read)?.residentBytes ?? 0
            let each = (Double(now) - Double(before[place])) / Double(plan.tenants)
            result.events.append(
                Event(
                    at: 0,
                    text:
                        "\(node.name): \(before[place] / 1_000_000) MB empty, \(now / 1_000_000) MB with \(plan.tenants) tenants, \(Int(each)) bytes each"
                ))
        }
        phases.append(result)
    }

    /// - Parameter sites: of the build that the other is held against, and of the other.
    private func compare(_ sites: [LoadSite]) throws {
        let mixes =
            plan.mixIsGiven
            ? [(plan.mixName, plan.mix)]
            : [("writes-only", .writesOnly), ("reads-only", .readsOnly)]
        guard case .closed(let clients)? = plan.loads.first?.loop else {
            preconditionFailure("builds are compared in a closed loop")
        }
        for (name, mix) in mixes {
            let comparison = BuildComparison(
                engine: engine, sites: sites, mixName: name, mix: mix, clients: clients,
                plan: plan, progress: progress, add: add)
            try comparison.run()
        }
    }

    // MARK: Reading back

    private func readBack() throws {
        progress(.stage("reading back what was written"))
        for site in sites {
            let reading = ReadBack(
                desks: site.desks, texts: Texts(seed: plan.seed), phases: site.phasePlaces.count,
                dialer: site.traffic)
            try engine.wait(reading.run())
            for (number, place) in site.phasePlaces.enumerated() {
                phases[place].checks.writesFound = reading.found[number]
            }
            // Tickets are of all phases; they are told of once, with what was wrong about them.
            guard let first = site.phasePlaces.first else { continue }
            phases[first].checks.ticketsReadBack = reading.tickets
            phases[first].checks.wrongAnswerCount += reading.wrongCount
            phases[first].checks.wrongAnswers += reading.wrong + reading.lost
        }
    }
}
