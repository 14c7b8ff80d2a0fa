import Glibc
import Measurement
import Threads

/// Round trips over TCP inside the machine: two blocking threads a connection, one asks and one answers.
enum LoopbackLimits {
    static func measure(seconds: Double, folder: String) throws -> [Limit] {
        var limits: [Limit] = []
        for (bytes, text) in [(64, "64 bytes"), (1024, "1 KiB")] {
            for connections in [1, 64] {
                let pairs = try (0..<connections).map { _ in try SocketPair() }
                defer { for pair in pairs { pair.close() } }
                for pair in pairs {
                    startThread(named: "echo") { pair.answer(bytes: bytes) }
                }
                let done = try Repetition.run(
                    seconds: seconds,
                    bodies: pairs.map { pair in { @Sendable _ in try pair.ask(bytes: bytes) } })
                limits.append(
                    done.limit(
                        "loopback-\(bytes)-\(connections)",
                        "\(text) there and back over loopback TCP, \(connections) "
                            + (connections == 1 ? "connection" : "connections")))
            }
        }
        return limits
    }
}

/// A TCP connection of this process with itself.
private struct SocketPair: Sendable {
    private let asking: Int32
    private let answering: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw LimitFault.ofSystem("no socket") }
        defer { Glibc.close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let asking = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let isConnected = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                // Port 0: the system chooses one.
                bind(listener, address, length) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, address, &length) == 0
                    && connect(asking, address, length) == 0
            }
        }
        guard asking >= 0, isConnected else {
            throw LimitFault.ofSystem("no connection over loopback")
        }
        answering = accept(listener, nil, nil)
        guard answering >= 0 else { throw LimitFault.ofSystem("accept") }
        self.asking = asking
        for end in [asking, answering] {
            var yes: Int32 = 1
            setsockopt(
                end, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    func ask(bytes: Int) throws {
        var message = [UInt8](repeating: 0x2a, count: bytes)
        guard send(asking, message, bytes, Int32(MSG_NOSIGNAL)) == bytes,
            Self.receive(asking, &message)
        else { throw LimitFault.ofSystem("a loopback connection broke") }
    }

    /// Until the other end is closed.
    func answer(bytes: Int) {
        var message = [UInt8](repeating: 0, count: bytes)
        while Self.receive(answering, &message) {
            guard send(answering, message, bytes, Int32(MSG_NOSIGNAL)) == bytes else {
                break
            }
        }
        Glibc.close(answering)
    }

    func close() { Glibc.close(asking) }

    /// Fills `message`; false at the connection's end.
    private static func receive(_ socket: Int32, _ message: inout [UInt8]) -> Bool {
        var done = 0
        while done < message.count {
            let count = message.withUnsafeMutableBytes {
                recv(socket, $0.baseAddress! + done, $0.count - done, 0)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
