import Foundation
import Glibc

/// What the kernel says of a process.
struct ProcessProbe: Equatable {
    var cpuSeconds: Double
    var residentBytes: UInt64

    /// Nil when there is no such process.
    static func read(_ pid: Int32) -> ProcessProbe? {
        guard let stat = text("/proc/\(pid)/stat"), let memory = text("/proc/\(pid)/statm") else {
            return nil
        }
        return ProcessProbe(stat: stat, memory: memory)
    }

    /// From texts like those of `/proc/PID/stat` and `/proc/PID/statm`.
    init?(stat: String, memory: String) {
        // The name, in brackets, may hold anything; what follows the last bracket are numbers.
        guard let bracket = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        let pages = memory.split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]),
            pages.count > 1, let resident = UInt64(pages[1]),
            // One that has ended and is not yet forgotten has no memory.
            resident > 0
        else { return nil }
        cpuSeconds = Double(user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentBytes = resident * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
