import Cluster
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Observability
import OperatorAPI
import ServiceDesk
import ServiceLifecycle
import SupportAPI
import Synchronization
import Threads
import Transport
import UnixSignals
import Wire

/// Why a node could not start, for who started it.
struct StartFault: Error, CustomStringConvertible { let description: String }

/// Wires a node: data directory, shards, the three listeners, jobs; and takes them down in order.
struct NodeProcess {
    let settings: Settings
    let registry: PrometheusRegistry
    private let logger = Logger(label: "lodged")
    private let ending: ShutdownWatch

    init(settings: Settings, registry: PrometheusRegistry) {
        self.settings = settings
        self.registry = registry
        let logger = logger
        ending = ShutdownWatch(
            limit: .seconds(settings.drainSeconds + 20), logger: logger
        ) { step in
            logger.error("ended at once: stopping took too long", metadata: ["step": "\(step)"])
            _exit(75)
        }
    }

    func run() async throws {
        let tls = try settings.https.map { _ in try tlsConfiguration() }
        let identity = try IdentityFile.load(or: settings)
        let node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: settings.data, identity: identity.identity,
                shardCount: settings.shards ?? identity.shards,
                cacheMegabytes: settings.cacheMegabytes, lanes: settings.lanes,
                readerLanes: settings.readerLanes, queueLimit: settings.queueLimit,
                logMegabytes: settings.logMegabytes,
                diskReserveMegabytes: settings.diskReserveMegabytes,
                ballastMegabytes: settings.ballastMegabytes,
                scrubMinutes: settings.scrubMinutes),
            deskSchema: DeskSchema.schema, logger: Logger(label: "node"), clock: { wallClock() },
            words: DeskWords(),
            logFailed: { _ in
                // What this process believes of its log is not certain any more. The next one finds out.
                _exit(74)
            })
        do {
            try await link(node)
            try await waitForDirectory(node)
            let firstToken = try await firstOperatorToken(node)
            try await serve(node, tls: tls, firstToken: firstToken)
        } catch {
            await stop(node)
            throw error
        }
        await stop(node)
        logger.info("stopped")
    }

    private func stop(_ node: Node) async {
        unlink(settings.data + "/node.json")
        await withCheckedContinuation { ended in
            startThread(named: "stop") {
                node.stop { ending.enter($0) }
                ended.resume()
            }
        }
        ending.enter("links")
        await node.takeDownLinks()
        ending.end()
    }

    // MARK: The cluster

    private var tlsFolder: String { settings.data + "/tls" }

    /// Opens the listener for the other nodes, where this one is part of a cluster.
    private func link(_ node: Node) async throws {
        guard let text = settings.peer?.description ?? node.identity.address else { return }
        guard let address = PeerAddress(text) else {
            throw StartFault(description: "peer: \(text) is not HOST:PORT")
        }
        do {
            let port = try await node.link(
                listen: address, credentials: try credentials(),
                life: UInt64.random(in: 1 ... .max),
                group: MultiThreadedEventLoopGroup.singleton)
            logger.info("listening for nodes", metadata: ["port": "\(port)"])
        } catch let fault as StartFault { throw fault } catch {
            throw StartFault(description: "cannot listen for other nodes at \(text): \(error)")
        }
    }

    private func credentials() throws -> NodeCredentials {
        func text(_ name: String) throws -> String {
            do {
                return String(
                    decoding: try OwnFile.read("\(tlsFolder)/\(name)"), as: UTF8.self)
            } catch {
                throw StartFault(
                    description:
                        "\(tlsFolder)/\(name) cannot be read; lodge cluster init, join or cert node makes it"
                )
            }
        }
        return NodeCredentials(
            caPEM: try text("ca.pem"), certificatePEM: try text("node.pem"),
            keyPEM: try text("node-key.pem"))
    }

    /// A node that joins serves nothing before it knows the directory; one that begins a cluster writes itself down first.
    private func waitForDirectory(_ node: Node) async throws {
        var complaint = ContinuousClock.now + .seconds(5)
        let patience = ContinuousClock.now + .seconds(20)
        while true {
            do {
                if node.identity.isFounder && node.directory.nodes.isEmpty {
                    if node.destination(of: .directory) == .here { try await node.register() }
                } else if node.isReady {
                    if node.destination(of: .directory) == .here { try await node.register() }
                    return
                }
            } catch  where ContinuousClock.now < patience {
                // The directory of an earlier build gets its tables first.
            }
            if ContinuousClock.now > complaint {
                complaint = ContinuousClock.now + .seconds(30)
                logger.notice("waiting for the cluster's directory")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    // MARK: Listeners

    private func serve(_ node: Node, tls: TLSConfiguration?, firstToken: String?) async throws {
        let wanted = settings.https == nil ? 2 : 3
        let announcement = Announcement(settings: settings, wanted: wanted, firstToken: firstToken)
        let drain = Drain(ending)
        let api = SupportAPI(
            node: node, logger: Logger(label: "api"),
            trustedProxies: Set(settings.trustedProxies))
        defer { api.stop() }
        let operators = OperatorAPI(
            node: node, logger: Logger(label: "operator"),
            hosts: { announcement.hosts(of: $0) },
            metrics: { [registry] in registry.exposition() + ProcessMetrics.exposition() },
            isDraining: { drain.isDraining },
            renewCertificates: { try node.renew(credentials()) })
        node.answerCalls { call in
            SupportAPI.answers(call) ? await api.answer(call) : await operators.answer(call)
        }
        var services = api.services.map { watched($0, "\(type(of: $0))") }
        services += [
            watched(
                Application(
                    router: operators.router(), server: http1, configuration: bind(settings.admin),
                    onServerRunning: { announcement.isListening(.admin, $0) },
                    logger: httpLogger), "operators' listener"),
            watched(
                Application(
                    responder: SupportResponder(api: api, scheme: "http"), server: http1,
                    configuration: bind(settings.http),
                    onServerRunning: { announcement.isListening(.http, $0) },
                    logger: httpLogger), "HTTP listener"),
        ]
        if let tls, let address = settings.https {
            services.append(
                watched(
                    Application(
                        responder: SupportResponder(api: api, scheme: "https"),
                        server: try .tls(http1, tlsConfiguration: tls),
                        configuration: bind(address),
                        onServerRunning: { announcement.isListening(.https, $0) },
                        logger: httpLogger), "HTTPS listener"))
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

    private func watched(_ service: some Service, _ name: String) -> any Service {
        WatchedService(service: service, name: name, ending: ending)
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
        guard node.identity.isFounder, !node.directory.hasOperatorTokens,
            node.destination(of: .directory) == .here
        else { return nil }
        let secret = Secrets.token()
        _ = try await node.directory.createOperatorToken(
            label: "first token", digest: secret.digest)
        try OwnFile.write(
            Array((secret.text + "\n").utf8), to: settings.data + "/operator-token")
        return secret.text
    }
}

/// Answers whether the node was told to stop.
final class Drain: Service {
    private let state = Mutex(false)
    private let ending: ShutdownWatch

    init(_ ending: ShutdownWatch) { self.ending = ending }

    var isDraining: Bool { state.withLock { $0 } }

    func run() async throws {
        try? await gracefulShutdown()
        ending.enter("draining")
        state.withLock { $0 = true }
    }
}
