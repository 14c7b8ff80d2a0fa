import Glibc

/// What a result says about the machine it was taken on: read from the kernel, so that no tool need be installed.
package enum MachineFacts {
    /// - Parameter folder: where the measured data lies; its file system is named. One that is not there has the type "unknown".
    package static func read(folder: String) -> Machine {
        let processor = fields(of: text("/proc/cpuinfo"))
        return Machine(
            // Machines without "model name" (many of ARM) say at least which architecture.
            processor: processor["model name"] ?? processor["Hardware"] ?? kernelName().machine,
            cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memoryBytes: memoryBytes(in: text("/proc/meminfo")),
            kernel: kernelName().release,
            fileSystem: fileSystem(of: folder))
    }

    /// `MemTotal` of a text like that of `/proc/meminfo`, 0 where there is none.
    package static func memoryBytes(in text: String) -> UInt64 {
        let words = fields(of: text)["MemTotal"]?.split(separator: " ") ?? []
        guard let number = words.first, let kibibytes = UInt64(number) else { return 0 }
        return kibibytes * 1024
    }

    /// The type of the file system that holds `path`.
    package static func fileSystem(of path: String) -> String {
        guard let real = realpath(path, nil) else { return "unknown" }
        defer { free(real) }
        return fileSystem(of: String(cString: real), mounts: text("/proc/self/mountinfo"))
    }

    /// The type of the file system that holds an absolute path without links, by a text like that of `/proc/self/mountinfo`: of the
    /// mounts above the path the nearest, and of those on one place the last, which hides the others.
    package static func fileSystem(of path: String, mounts: String) -> String {
        var found = (length: -1, type: "unknown")
        for line in mounts.split(separator: "\n") {
            // 36 35 98:0 /root /mount/point options [tags…] - type device options
            let words = line.split(separator: " ")
            guard words.count > 4, let dash = words.firstIndex(of: "-"), dash + 1 < words.count
            else { continue }
            // A space in a mount's path is written as its octal number.
            let mount = words[4].split(separator: "\\040", omittingEmptySubsequences: false)
                .joined(separator: " ")
            let holds = mount == "/" || path == mount || path.hasPrefix(mount + "/")
            if holds && mount.utf8.count >= found.length {
                found = (mount.utf8.count, String(words[dash + 1]))
            }
        }
        return found.type
    }

    /// "name : value" of each line; of names that occur again (one block for each core) the first.
    private static func fields(of text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = trimmed(line[..<colon])
            if fields[name] == nil { fields[name] = trimmed(line[line.index(after: colon)...]) }
        }
        return fields
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text.drop { $0.isWhitespace })
    }

    private static func kernelName() -> (release: String, machine: String) {
        var name = utsname()
        guard uname(&name) == 0 else { return ("unknown", "unknown") }
        func string<Characters>(_ characters: Characters) -> String {
            withUnsafeBytes(of: characters) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        return ("\(string(name.sysname)) \(string(name.release))", string(name.machine))
    }

    /// The whole of a file of `/proc`, whose length is not known before it is read; empty if it cannot be.
    private static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
