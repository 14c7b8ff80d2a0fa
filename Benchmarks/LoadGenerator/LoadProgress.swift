package import Measurement

/// What a load tells while it lasts.
package enum LoadProgress: Sendable {
    /// What is done now, such as "filling 5000 tickets".
    case stage(String)
    /// A second of a phase.
    case second(phase: String, at: Double, of: Double, Interval)
}
