import Configuration
import Foundation
import Logging
import Observability
import SystemPackage

/// A setting that cannot be used: which key, which value, and what is allowed.
struct SettingFault: Error, CustomStringConvertible {
    let key: String
    let value: String
    let allowed: String
    var description: String { "\(key): \"\(value)\" is not allowed; use \(allowed)" }
}

/// A host and a port, `127.0.0.1:8080` or `[::1]:8080`. Port 0 asks the system for a free one.
struct SocketAddress: Equatable, CustomStringConvertible {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        self.host = host
        self.port = port
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Everything a node can be told, checked. Flags win over the environment, that over the file, that over the defaults.
struct Settings: Equatable {
    var data = "./lodge-data"
    var http = SocketAddress(host: "127.0.0.1", port: 8080)
    var https: SocketAddress?
    var certificate: String?
    var key: String?
    var admin = SocketAddress(host: "127.0.0.1", port: 8081)
    /// The domain in the addresses that operators are shown; requests are routed by their first label alone.
    var domain = "localhost"
    /// Where other nodes reach this one; nil says what `node-identity.json` says.
    var peer: SocketAddress?
    /// Tenant shards; nil says what the cluster has, or 10 for a new one.
    var shards: Int?
    var cacheMegabytes = 64
    var lanes = 2
    var readerLanes = 2
    var queueLimit = 4096
    var logMegabytes = 512
    var diskReserveMegabytes = 64
    var ballastMegabytes = 32
    var scrubMinutes = 1440
    var drainSeconds = 30
    var idleSeconds = 75
    var trustedProxies: [String] = []
    var logLevel = Logger.Level.info
    var logFormat = LineLogHandler.Format.text

    /// Every key, as the configuration file spells it; a flag is `--KEY`, a variable `LODGE_KEY` with `_` for `-`.
    static let keys = [
        "data", "http", "https", "cert", "key", "admin", "domain", "peer", "shards",
        "cache-megabytes", "lanes", "reader-lanes", "queue-limit", "log-megabytes",
        "disk-reserve-megabytes", "ballast-megabytes", "scrub-minutes", "drain-seconds",
        "idle-seconds", "trusted-proxies", "log-level", "log-format",
    ]

    /// Reads all sources.
    /// - Parameters:
    ///   - flags: values from the command line by key.
    ///   - file: a YAML file of `key: value` lines.
    static func load(flags: [String: String], environment: [String: String], file: String?)
        async throws -> Settings
    {
        var providers: [any ConfigProvider] = [
            InMemoryProvider(
                name: "flags",
                values: Dictionary(
                    uniqueKeysWithValues: flags.map { key, value in
                        (AbsoluteConfigKey([key]), ConfigValue(.string(value), isSecret: false))
                    })),
            EnvironmentVariablesProvider(environmentVariables: environment)
                .prefixKeys(with: "lodge"),
        ]
        if let file {
            try checkKeys(of: file)
            providers.append(
                try await FileProvider<YAMLSnapshot>(filePath: FilePath(file)))
        }
        return try Settings(ConfigReader(providers: providers))
    }

    init() {}

    /// A misspelt key would otherwise be a setting that silently does nothing.
    private static func checkKeys(of file: String) throws {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw SettingFault(key: "config", value: file, allowed: "a file that can be read")
        }
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            guard let first = line.first, first.isLetter, let colon = line.firstIndex(of: ":")
            else { continue }
            let key = String(line[..<colon])
            if !keys.contains(key) {
                throw SettingFault(
                    key: "config", value: key,
                    allowed: "these keys: " + keys.joined(separator: ", "))
            }
        }
    }

    private init(_ reader: ConfigReader) throws {
        func text(_ key: String) -> String? {
            // Files hold typed scalars; all of them are read as what was written.
            if let text = reader.string(forKey: ConfigKey([key])) { return text }
            return reader.int(forKey: ConfigKey([key])).map(String.init)
        }
        func address(_ key: String) throws -> SocketAddress? {
            guard let text = text(key) else { return nil }
            guard let address = SocketAddress(text) else {
                throw SettingFault(
                    key: key, value: text, allowed: "HOST:PORT with a port of 0 to 65535")
            }
            return address
        }
        func number(_ key: String, _ range: ClosedRange<Int>, _ standard: Int) throws -> Int {
            guard let text = text(key) else { return standard }
            guard let number = Int(text), range.contains(number) else {
                throw SettingFault(
                    key: key, value: text,
                    allowed: "a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ standard: Choice)
            throws -> Choice where Choice.RawValue == String
        {
            guard let text = text(key) else { return standard }
            guard let choice = Choice(rawValue: text) else {
                throw SettingFault(
                    key: key, value: text,
                    allowed: Choice.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return choice
        }
        data = text("data") ?? data
        guard !data.isEmpty, data.utf8.count <= 1024 else {
            throw SettingFault(key: "data", value: data, allowed: "a folder's path")
        }
        http = try address("http") ?? http
        https = try address("https")
        admin = try address("admin") ?? admin
        certificate = text("cert")
        key = text("key")
        if https != nil && (certificate == nil || key == nil) {
            throw SettingFault(
                key: "https", value: https!.description, allowed: "it together with cert and key")
        }
        if https == nil, let lone = certificate ?? key {
            throw SettingFault(
                key: certificate == nil ? "key" : "cert", value: lone,
                allowed: "it together with https")
        }
        domain = text("domain") ?? domain
        let isDomain = domain.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d
                || byte == 0x2e
        }
        guard isDomain, !domain.isEmpty, domain.utf8.count <= 189 else {
            throw SettingFault(
                key: "domain", value: domain, allowed: "a domain name such as desk.example.com")
        }
        peer = try address("peer")
        if let peer, peer.port == 0 {
            throw SettingFault(
                key: "peer", value: peer.description, allowed: "HOST:PORT with a port above 0")
        }
        if text("shards") != nil { shards = try number("shards", 1...64, 10) }
        lanes = try number("lanes", 1...64, lanes)
        logMegabytes = try number("log-megabytes", 8...1_048_576, logMegabytes)
        diskReserveMegabytes = try number(
            "disk-reserve-megabytes", 0...1_048_576, diskReserveMegabytes)
        ballastMegabytes = try number("ballast-megabytes", 0...1_048_576, ballastMegabytes)
        scrubMinutes = try number("scrub-minutes", 0...525_600, scrubMinutes)
        cacheMegabytes = try number("cache-megabytes", 4...65_536, cacheMegabytes)
        readerLanes = try number("reader-lanes", 1...64, readerLanes)
        queueLimit = try number("queue-limit", 16...1_000_000, queueLimit)
        drainSeconds = try number("drain-seconds", 0...3600, drainSeconds)
        idleSeconds = try number("idle-seconds", 1...3600, idleSeconds)
        trustedProxies = (text("trusted-proxies") ?? "").split(separator: ",").map {
            String($0.drop { $0 == " " })
        }
        logLevel = try choice("log-level", logLevel)
        logFormat = try choice("log-format", logFormat)
    }
}
