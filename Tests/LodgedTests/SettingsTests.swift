import Foundation
import Testing

@testable import lodged

struct SettingsTests {
    private func load(
        _ flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) async throws -> Settings {
        guard let file else {
            return try await Settings.load(flags: flags, environment: environment, file: nil)
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml")
        try file.write(to: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: path) }
        return try await Settings.load(flags: flags, environment: environment, file: path.path)
    }

    @Test func withoutAnythingTheDefaultsHold() async throws {
        let settings = try await load()
        #expect(settings == Settings())
        #expect(settings.http.description == "127.0.0.1:8080")
        #expect(settings.shards == nil)
    }

    @Test func flagsWinOverTheEnvironmentAndThatOverTheFile() async throws {
        let file = "shards: 3\ncache-megabytes: 8\nreader-lanes: 4\n# a comment\nhttp: 0.0.0.0:80\n"
        let environment = ["LODGE_SHARDS": "5", "LODGE_READER_LANES": "6", "SHARDS": "9"]
        let settings = try await load(["shards": "7"], environment: environment, file: file)
        #expect(settings.shards == 7)
        #expect(settings.readerLanes == 6)
        #expect(settings.cacheMegabytes == 8)
        #expect(settings.http.description == "0.0.0.0:80")
    }

    @Test(arguments: [
        ("shards", "0", "1 to 64"), ("shards", "65", "1 to 64"), ("shards", "ten", "1 to 64"),
        ("cache-megabytes", "3", "4 to 65536"), ("reader-lanes", "-1", "1 to 64"),
        ("lanes", "0", "1 to 64"), ("log-megabytes", "7", "8 to 1048576"),
        ("disk-reserve-megabytes", "-1", "0 to 1048576"), ("peer", "10.0.0.1", "HOST:PORT"),
        ("peer", "10.0.0.1:0", "HOST:PORT with a port above 0"),
        ("queue-limit", "15", "16 to 1000000"), ("drain-seconds", "3601", "0 to 3600"),
        ("idle-seconds", "0", "1 to 3600"), ("http", "8080", "HOST:PORT"),
        ("http", "localhost:65536", "HOST:PORT"), ("http", ":80", "HOST:PORT"),
        ("admin", "::1:80", "HOST:PORT"), ("domain", "Desk Example", "domain"),
        ("log-level", "loud", "trace, debug"), ("log-format", "xml", "text, json"),
        ("https", "127.0.0.1:443", "cert and key"), ("cert", "a.pem", "with https"),
        ("key", "a.pem", "with https"), ("data", "", "folder"),
    ])
    func refusalsNameKeyValueAndWhatIsAllowed(key: String, value: String, allowed: String)
        async throws
    {
        for source in ["flag", "environment"] {
            let variable = "LODGE_" + key.uppercased().split(separator: "-").joined(separator: "_")
            let fault = await #expect(throws: SettingFault.self) {
                source == "flag"
                    ? try await load([key: value]) : try await load(environment: [variable: value])
            }
            let text = fault?.description ?? ""
            #expect(text.hasPrefix("\(key): \"\(value)\""), "\(text)")
            #expect(text.contains(allowed), "\(text)")
        }
    }

    @Test func aMisspeltKeyOfTheFileIsRefused() async throws {
        let fault = await #expect(throws: SettingFault.self) { try await load(file: "shard: 3\n") }
        #expect(fault?.value == "shard")
        #expect(fault?.allowed.contains("shards") ?? false)
    }

    @Test func aMissingFileIsRefused() async throws {
        let fault = await #expect(throws: SettingFault.self) {
            try await Settings.load(flags: [:], environment: [:], file: "/nowhere/lodged.yaml")
        }
        #expect(fault?.value == "/nowhere/lodged.yaml")
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0),
        ("desk.example.com:443", "desk.example.com", 443),
    ])
    func addressesAreReadAndShownAlike(text: String, host: String, port: Int) throws {
        let address = try #require(SocketAddress(text))
        #expect(address == SocketAddress(host: host, port: port))
        #expect(address.description == text)
    }
}
