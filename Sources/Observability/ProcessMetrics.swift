import Glibc

/// What the kernel says of this process, read when somebody asks.
package enum ProcessMetrics {
    /// Prometheus' usual `process_…` series.
    package static func exposition() -> String {
        var text = ""
        func add(_ name: String, _ kind: String, _ value: String) {
            text += "# TYPE \(name) \(kind)\n\(name) \(value)\n"
        }
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let seconds =
                Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
                + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
            add("process_cpu_seconds_total", "counter", String(seconds))
        }
        if let pages = residentPages() {
            add("process_resident_memory_bytes", "gauge", String(pages * Int64(getpagesize())))
        }
        if let count = openFileCount() { add("process_open_fds", "gauge", String(count)) }
        return text
    }

    /// The second number of `/proc/self/statm`.
    private static func residentPages() -> Int64? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int64(fields[1]) : nil
    }

    private static func openFileCount() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without ".", ".." and the folder's own descriptor.
        return count - 3
    }
}
