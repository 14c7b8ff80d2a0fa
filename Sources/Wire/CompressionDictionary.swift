/// Bytes that both ends know before the first one is sent. Public, and never changed: a better one gets a new number and a new
/// codec, so that logs and peers of an earlier build stay readable.
package enum CompressionDictionary {
    /// Dictionary 1. What is most common comes last, where deflate finds it cheapest.
    package static let first: [UInt8] = Array(
        "".utf8)
}
