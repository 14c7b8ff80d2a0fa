/// The file operations the log needs. Tests put a disk of their own behind it that loses, tears and fails.
package protocol LogFiles: Sendable {
    /// The names in a folder, in any order.
    func list(_ folder: String) throws(FileFault) -> [String]
    /// Opens for reading and writing.
    /// - Parameter create: whether it is made, empty, when it is not there.
    func open(_ path: String, create: Bool) throws(FileFault) -> any LogFile
    func rename(_ path: String, to newPath: String) throws(FileFault)
    func remove(_ path: String) throws(FileFault)
    /// Makes what was created, renamed and removed in a folder durable.
    func syncFolder(_ folder: String) throws(FileFault)
}

/// An open file, closed when nobody holds it any more.
package protocol LogFile: AnyObject, Sendable {
    func size() throws(FileFault) -> Int
    /// Grows the file to a size, with room on the disk.
    func preallocate(_ size: Int) throws(FileFault)
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFault)
    /// - Returns: how many bytes there were, less than asked for only at the file's end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFault) -> Int
    /// Makes what was written durable, and the size with it.
    func syncData() throws(FileFault)
}

/// A file operation that the system refused.
package struct FileFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let operation: String
    package let path: String
    package let reason: String
    /// Whether there was no room.
    package let isFull: Bool
    package init(operation: String, path: String, reason: String, isFull: Bool) {
        self.operation = operation
        self.path = path
        self.reason = reason
        self.isFull = isFull
    }
    package var description: String { "\(operation) \(path): \(reason)" }
}

extension LogFile {
    /// A file's bytes from `offset` on, at most `count`.
    func bytes(at offset: Int, count: Int) throws(FileFault) -> [UInt8] {
        // `withUnsafeMutableBytes` cannot carry a typed error.
        var bytes = [UInt8](repeating: 0, count: count)
        let result: Result<Int, FileFault> = bytes.withUnsafeMutableBytes { buffer in
            do throws(FileFault) { return .success(try read(into: buffer, at: offset)) } catch {
                return .failure(error)
            }
        }
        bytes.removeLast(count - (try result.get()))
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileFault) {
        let result: Result<Void, FileFault> = bytes.withUnsafeBytes { raw in
            do throws(FileFault) { return .success(try write(raw, at: offset)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
