package import Hummingbird
import Logging

/// What the operator's routes need of a request: from a client, or from another node.
package struct OperatorContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Whether another node has let the operator in already and hands the request on.
    let isHandedOn: Bool

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        isHandedOn = false
    }

    init(handedOn logger: Logger) {
        coreContext = .init(source: HandedOn(logger: logger))
        isHandedOn = true
    }

    private struct HandedOn: RequestContextSource {
        let logger: Logger
    }
}
