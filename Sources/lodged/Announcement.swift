import Cluster
import Glibc
import Logging
import NIOCore
import SupportAPI
import Synchronization

/// Tells people and `lodge` where the node listens, once every listener does.
final class Announcement: Sendable {
    enum Listener: String, Sendable { case admin, http, https }

    private let settings: Settings
    private let wanted: Int
    private let firstToken: String?
    private let ports = Mutex<[Listener: Int]>([:])

    init(settings: Settings, wanted: Int, firstToken: String?) {
        self.settings = settings
        self.wanted = wanted
        self.firstToken = firstToken
    }

    /// Notes a listener's real port; with the last of them the announcement is made.
    func isListening(_ listener: Listener, _ channel: any Channel) {
        guard let port = channel.localAddress?.port else { return }
        let all = ports.withLock { ports -> [Listener: Int]? in
            ports[listener] = port
            return ports.count == wanted ? ports : nil
        }
        if let all { announce(all) }
    }

    /// Where a tenant is reached over HTTP: its name under the node's domain, then its own host names, each with the port.
    func hosts(of record: TenantRecord) -> [String] {
        let port = ports.withLock { $0[.http] } ?? settings.http.port
        let suffix = port == 80 ? "" : ":\(port)"
        return (["\(record.name).\(settings.domain)"] + record.hostnames).map { $0 + suffix }
    }

    private func address(_ listener: Listener, _ ports: [Listener: Int]) -> String? {
        let wanted: SocketAddress? =
            switch listener {
            case .admin: settings.admin
            case .http: settings.http
            case .https: settings.https
            }
        guard let wanted, let port = ports[listener] else { return nil }
        return SocketAddress(host: wanted.host, port: port).description
    }

    private func announce(_ ports: [Listener: Int]) {
        let http = address(.http, ports)
        let https = address(.https, ports)
        let admin = address(.admin, ports)
        let file = JSONWriter.write { json in
            json.object { json in
                json.member("http", http)
                json.member("https", https)
                json.member("admin", admin)
                json.member("process", Int(getpid()))
            }
        }
        do {
            try OwnFile.write(
                Array((String(buffer: file) + "\n").utf8), to: settings.data + "/node.json")
        } catch {
            Logger(label: "lodged").warning(
                "addresses cannot be kept", metadata: ["error": "\(error)"])
        }
        let web = ports[.https] == nil ? "http" : "https"
        let port = ports[.https] ?? ports[.http] ?? 0
        var text = """
            Lodge is ready.
              desks      \(web)://TENANT.\(settings.domain):\(port)/api/v2
              operators  http://\(admin ?? "")
              data       \(settings.data)

            """
        if let firstToken {
            text += """
                  operator token, shown this once and kept in \(settings.data)/operator-token:
                    \(firstToken)
                  next: lodge --data \(settings.data) tenant create acme --admin-email you@example.com

                """
        }
        // Written at once: standard output may be a pipe that somebody waits on.
        text.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
        Logger(label: "lodged").info(
            "listening",
            metadata: [
                "http": "\(http ?? "-")", "https": "\(https ?? "-")", "admin": "\(admin ?? "-")",
            ])
    }
}
