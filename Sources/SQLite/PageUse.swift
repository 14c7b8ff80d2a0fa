internal import CSQLite
import Glibc

extension Connection {
    /// The numbers of the pages in the SQLite WAL, each once, or nil when the file is not what SQLite writes. After a
    /// `truncate` checkpoint these are the pages that were written since.
    ///
    /// The WAL is a header of 32 bytes and frames of a 24-byte head and a page; the head begins with the page's number
    /// (<https://www.sqlite.org/fileformat2.html#walformat>).
    package func walPages() throws -> Set<Int>? {
        guard let file = fopen(path + "-wal", "rb") else { return [] }
        defer { fclose(file) }
        func number(_ bytes: [UInt8], _ offset: Int) -> Int {
            bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        var header = [UInt8](repeating: 0, count: 32)
        let read = fread(&header, 1, header.count, file)
        if read == 0 { return [] }
        guard read == header.count, number(header, 0) & ~1 == 0x377f_0682 else { return nil }
        let pageSize = number(header, 8)
        var pages: Set<Int> = []
        var head = [UInt8](repeating: 0, count: 24)
        while fread(&head, 1, head.count, file) == head.count {
            guard head[8..<16] == header[16..<24] else { break }
            pages.insert(number(head, 0))
            guard fseek(file, pageSize, SEEK_CUR) == 0 else { return nil }
        }
        return pages
    }

    /// The table or index that owns each page of the file; reads the whole file.
    package func pageOwners() throws -> [Int: String] {
        let rows = try transient("SELECT pageno, name FROM dbstat").all([]) {
            ($0.int(0), $0.text(1))
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
