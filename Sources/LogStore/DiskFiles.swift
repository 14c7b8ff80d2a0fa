import Glibc

/// The real disk.
package struct DiskFiles: LogFiles {
    package init() {}

    package func list(_ folder: String) throws(FileFault) -> [String] {
        guard let stream = opendir(folder) else { throw FileFault("list", folder, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw FileFault("list", folder, errno) }
        return names
    }

    package func open(_ path: String, create: Bool) throws(FileFault) -> any LogFile {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0o600)
        guard descriptor >= 0 else { throw FileFault("open", path, errno) }
        return DiskFile(descriptor: descriptor, path: path)
    }

    package func rename(_ path: String, to newPath: String) throws(FileFault) {
        guard Glibc.rename(path, newPath) == 0 else { throw FileFault("rename", path, errno) }
    }

    package func remove(_ path: String) throws(FileFault) {
        guard unlink(path) == 0 else { throw FileFault("remove", path, errno) }
    }

    package func syncFolder(_ folder: String) throws(FileFault) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFault("open", folder, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFault("sync", folder, errno) }
    }
}

private final class DiskFile: LogFile {
    private let descriptor: Int32
    private let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func size() throws(FileFault) -> Int {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw FileFault("stat", path, errno) }
        return Int(information.st_size)
    }

    func preallocate(_ size: Int) throws(FileFault) {
        // Where a file system cannot do it, the C library touches every page instead.
        var code = EINTR
        while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(size)) }
        guard code == 0 else { throw FileFault("preallocate", path, code) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFault) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileFault("write", path, count < 0 ? errno : ENOSPC) }
            done += count
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFault) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileFault("read", path, errno) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func syncData() throws(FileFault) {
        // Not repeated after an error: the kernel may have dropped what it could not write.
        guard fdatasync(descriptor) == 0 else { throw FileFault("sync", path, errno) }
    }
}

extension FileFault {
    fileprivate init(_ operation: String, _ path: String, _ code: Int32) {
        self.init(
            operation: operation, path: path, reason: String(cString: strerror(code)),
            isFull: code == ENOSPC || code == EDQUOT)
    }
}
