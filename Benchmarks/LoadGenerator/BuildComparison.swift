import Measurement
import NIOCore

/// Two builds under the same short loads in turn, both clusters running.
///
/// Each round gives a ratio; on a machine whose speed changes by the minute nothing less tells 5 % from nothing. Build A is the one
/// that B is held against; `Comparison` reads which is which from the phases' names.
struct BuildComparison {
    let engine: LoadEngine
    /// Of A and B.
    let sites: [LoadSite]
    let mixName: String
    let mix: OperationMix
    let clients: Int
    let plan: LoadPlan
    let progress: (LoadProgress) -> Void
    /// Gets each phase as it is over, with its site.
    let add: (PhaseResult, LoadSite) -> Void

    /// Seconds of each load that count, and before it that do not.
    static let seconds = 3.0
    static let settling = 0.5

    func run() throws {
        for round in 1...plan.rounds {
            // Who goes first changes: whatever a load leaves behind meets both alike.
            for place in round % 2 == 1 ? [0, 1] : [1, 0] {
                let site = sites[place]
                let name = RoundName(side: ["A", "B"][place], phase: mixName, round: round)
                let phase = PhasePlan(
                    name: name.text, number: site.nextPhase, loop: .closed(clients: clients),
                    mix: mix, seed: plan.seed,
                    chooser: TenantChooser(tenants: plan.tenants, oneIsHot: plan.oneHotTenant))
                // The first load of a cluster finds cold caches.
                let settling = round == 1 ? Self.seconds : Self.settling
                let measurement = PhaseMeasurement(
                    engine: engine, site: site, plan: phase, warmUp: settling
                ) { told in
                    if case .second = told { progress(told) }
                }
                var undisturbed: Failover?
                let load = PhaseLoad(phase, dialer: site.traffic, desks: site.desks)
                add(
                    try measurement.run(load, seconds: Self.seconds, failover: &undisturbed), site)
            }
        }
    }
}
