import Glibc

/// A new folder in one that is there, for the files of a measurement.
struct LimitFolder {
    let path: String

    init(in parent: String) throws {
        // The system puts letters of its own in the place of these six.
        let letters = String(repeating: "X", count: 6)
        var template = Array("\(parent)/lodge-limits-\(letters)".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw LimitFault.ofSystem("no files can be made in \(parent)")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Removes it with the files in it; there are no folders.
    func remove() {
        if let stream = opendir(path) {
            var names: [String] = []
            while let entry = readdir(stream) {
                names.append(
                    withUnsafeBytes(of: entry.pointee.d_name) { raw in
                        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                    })
            }
            closedir(stream)
            for name in names where name != "." && name != ".." { unlink(path + "/" + name) }
        }
        rmdir(path)
    }
}

extension LimitFault {
    /// What the system has just refused.
    static func ofSystem(_ what: String) -> LimitFault {
        LimitFault(description: "\(what): \(String(cString: strerror(errno)))")
    }
}
