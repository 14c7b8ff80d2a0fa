import Cluster
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Observability
import OperatorAPI
import ServiceDesk
import ServiceLifecycle
import SupportAPI
import Synchronization
import UnixSignals

/// Why a node could not start, for who started it.
struct StartFault: Error, CustomStringConvertible { let description: String }

/// Wires a node: data directory, shards, the three listeners, jobs; and takes them down in order.
struct NodeProcess {
    let settings: Settings
    let registry: PrometheusRegistry
    private let logger = Logger(label: "lodged")

    init(settings: Settings, registry: PrometheusRegistry) {
        self.settings = settings
        self.registry = registry
    }

    func run() async throws {
        let tls = try settings.https.map { _ in try tlsConfiguration() }
        let node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: settings.data, shardCount: settings.shards,
                cacheMegabytes: settings.cacheMegabytes, readerLanes: settings.readerLanes,
                queueLimit: settings.queueLimit), deskSchema: DeskSchema.schema,
            logger: Logger(label: "node"), clock: { wallClock() })
        do {
            let firstToken = try await firstOperatorToken(node)
            try await serve(node, tls: tls, firstToken: firstToken)
        } catch {
            stop(node)
            throw error
        }
        stop(node)
        logger.info("stopped")
    }

    private func stop(_ node: Node) {
        unlink(settings.data + "/node.json")
        node.stop()
    }

    // MARK: Listeners

    private func serve(_ node: Node, tls: TLSConfiguration?, firstToken: String?) async throws {
        let wanted = settings.https == nil ? 2 : 3
        let announcement = Announcement(settings: settings, wanted: wanted, firstToken: firstToken)
        let drain = Drain()
        let api = SupportAPI(
            node: node, logger: Logger(label: "api"),
            trustedProxies: Set(settings.trustedProxies))
        defer { api.stop() }
        let operators = OperatorAPI(
            node: node, logger: Logger(label: "operator"),
            hosts: { announcement.hosts(of: $0) },
            metrics: { [registry] in registry.exposition() + ProcessMetrics.exposition() },
            isDraining: { drain.isDraining })
        var services = api.services
        services += [
            Application(
                router: operators.router(), server: http1, configuration: bind(settings.admin),
                onServerRunning: { announcement.isListening(.admin, $0) },
                logger: httpLogger),
            Application(
                responder: SupportResponder(api: api, scheme: "http"), server: http1,
                configuration: bind(settings.http),
                onServerRunning: { announcement.isListening(.http, $0) },
                logger: httpLogger),
        ]
        if let tls, let address = settings.https {
            services.append(
                Application(
                    responder: SupportResponder(api: api, scheme: "https"),
                    server: try .tls(http1, tlsConfiguration: tls), configuration: bind(address),
                    onServerRunning: { announcement.isListening(.https, $0) },
                    logger: httpLogger))
        }
        // Services stop in reverse order: first `/readyz` says no, then the listeners finish what they have.
        services.append(drain)
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lifecycle"))
        configuration.maximumGracefulShutdownDuration = .seconds(settings.drainSeconds)
        do { try await ServiceGroup(configuration: configuration).run() } catch let error as IOError
        {
            throw StartFault(description: "cannot listen: \(error)")
        }
    }

    /// The HTTP server's own messages say nothing that `listening` does not.
    private var httpLogger: Logger {
        var logger = Logger(label: "http")
        logger.logLevel = max(settings.logLevel, .warning)
        return logger
    }

    private var http1: HTTPServerBuilder {
        .http1(configuration: .init(idleTimeout: .seconds(Int64(settings.idleSeconds))))
    }

    private func bind(_ address: SocketAddress) -> ApplicationConfiguration {
        ApplicationConfiguration(address: .hostname(address.host, port: address.port))
    }

    private func tlsConfiguration() throws -> TLSConfiguration {
        guard let certificate = settings.certificate, let key = settings.key else {
            preconditionFailure("settings are checked: https comes with cert and key")
        }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate)
            guard !chain.isEmpty else {
                throw StartFault(description: "cert: \(certificate) holds no certificate")
            }
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            tls.minimumTLSVersion = .tlsv12
            return tls
        } catch let fault as StartFault { throw fault } catch {
            throw StartFault(
                description: "cannot use cert \(certificate) with key \(key): \(error)")
        }
    }

    // MARK: The operator's token

    /// Makes the operator's first token when the node is new, and keeps it where `lodge` on this machine finds it.
    private func firstOperatorToken(_ node: Node) async throws -> String? {
        guard !node.directory.hasOperatorTokens else { return nil }
        let secret = Secrets.token()
        _ = try await node.directory.createOperatorToken(
            label: "first token", digest: secret.digest)
        try OwnerFile.write(secret.text + "\n", to: settings.data + "/operator-token")
        return secret.text
    }
}

/// Answers whether the node was told to stop.
final class Drain: Service {
    private let state = Mutex(false)
    var isDraining: Bool { state.withLock { $0 } }

    func run() async throws {
        try? await gracefulShutdown()
        state.withLock { $0 = true }
    }
}

/// Files that only the node's own user may read.
enum OwnerFile {
    static func write(_ text: String, to path: String) throws {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw DataDirectoryFault(
                description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let bytes = Array(text.utf8)
        let written = Glibc.write(file, bytes, bytes.count)
        close(file)
        guard written == bytes.count, rename(temporary, path) == 0 else {
            throw DataDirectoryFault(
                description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
