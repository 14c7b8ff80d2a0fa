/// Mistakes that others have made, to be planted in a replica so that the simulator can show it finds them. Only builds with
/// `PLANTED_BUGS` have a way to plant one; elsewhere every check is a constant.
package struct PlantedBugs: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let acknowledgesBeforeSync = PlantedBugs(rawValue: 1 << 0)
    package static let leaderCountsUnsynced = PlantedBugs(rawValue: 1 << 1)
    package static let votesBeforeSync = PlantedBugs(rawValue: 1 << 2)
    package static let commitsOlderTermByCounting = PlantedBugs(rawValue: 1 << 3)
    package static let skipsPreviousTermCheck = PlantedBugs(rawValue: 1 << 4)
    package static let truncatesCommitted = PlantedBugs(rawValue: 1 << 5)
    package static let readsBeforeOwnTermCommit = PlantedBugs(rawValue: 1 << 6)
    package static let reusesConfirmation = PlantedBugs(rawValue: 1 << 7)
    package static let configurationEffectiveLate = PlantedBugs(rawValue: 1 << 8)
    package static let countsLearners = PlantedBugs(rawValue: 1 << 9)
    package static let ignoresOutgoingMajority = PlantedBugs(rawValue: 1 << 10)
    package static let votesTwice = PlantedBugs(rawValue: 1 << 11)
    package static let ignoresLogAtVote = PlantedBugs(rawValue: 1 << 12)
    package static let commitsBeyondMatch = PlantedBugs(rawValue: 1 << 13)
    package static let readsWithoutConfirmation = PlantedBugs(rawValue: 1 << 14)
    package static let keepsBelievingInLeader = PlantedBugs(rawValue: 1 << 15)

    // Those of the driver, of the rows and of the world around them.
    package static let commitsBeforeMajority = PlantedBugs(rawValue: 1 << 16)
    package static let compactsPastDurable = PlantedBugs(rawValue: 1 << 17)
    package static let snapshotIndexOffByOne = PlantedBugs(rawValue: 1 << 18)
    package static let idempotencyOutsideTransaction = PlantedBugs(rawValue: 1 << 19)
    package static let reusesReplicaID = PlantedBugs(rawValue: 1 << 20)
    package static let forgetsVote = PlantedBugs(rawValue: 1 << 21)
    package static let readsBeforeApply = PlantedBugs(rawValue: 1 << 22)
    package static let keepsTransactionOpen = PlantedBugs(rawValue: 1 << 23)

    // Later ones of the core.
    package static let grantsReadsToAnyone = PlantedBugs(rawValue: 1 << 24)
    package static let confirmsOldTerms = PlantedBugs(rawValue: 1 << 25)

    /// Every bug, by name.
    package static let all: [(name: String, bug: PlantedBugs)] = [
        ("acknowledgesBeforeSync", .acknowledgesBeforeSync),
        ("leaderCountsUnsynced", .leaderCountsUnsynced),
        ("votesBeforeSync", .votesBeforeSync),
        ("commitsOlderTermByCounting", .commitsOlderTermByCounting),
        ("skipsPreviousTermCheck", .skipsPreviousTermCheck),
        ("truncatesCommitted", .truncatesCommitted),
        ("readsBeforeOwnTermCommit", .readsBeforeOwnTermCommit),
        ("reusesConfirmation", .reusesConfirmation),
        ("configurationEffectiveLate", .configurationEffectiveLate),
        ("countsLearners", .countsLearners),
        ("ignoresOutgoingMajority", .ignoresOutgoingMajority),
        ("votesTwice", .votesTwice),
        ("ignoresLogAtVote", .ignoresLogAtVote),
        ("commitsBeyondMatch", .commitsBeyondMatch),
        ("readsWithoutConfirmation", .readsWithoutConfirmation),
        ("keepsBelievingInLeader", .keepsBelievingInLeader),
        ("commitsBeforeMajority", .commitsBeforeMajority),
        ("compactsPastDurable", .compactsPastDurable),
        ("snapshotIndexOffByOne", .snapshotIndexOffByOne),
        ("idempotencyOutsideTransaction", .idempotencyOutsideTransaction),
        ("reusesReplicaID", .reusesReplicaID),
        ("forgetsVote", .forgetsVote),
        ("readsBeforeApply", .readsBeforeApply),
        ("keepsTransactionOpen", .keepsTransactionOpen),
        ("grantsReadsToAnyone", .grantsReadsToAnyone),
        ("confirmsOldTerms", .confirmsOldTerms),
    ]
}
