import Synchronization

/// Names of requests that came without one: unlike those of any other process, and no secret.
enum RequestNumbers {
    private static let process = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// 24 hexadecimal digits: the process, then the request.
    static func next() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return hex(process, 16) + hex(number, 8)
    }

    /// The last `count` digits.
    private static func hex(_ number: UInt64, _ count: Int) -> String {
        String(unsafeUninitializedCapacity: count) { text in
            for place in 0..<count {
                let digit = UInt8(number >> UInt64(4 * (count - 1 - place)) & 15)
                text[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
            }
            return count
        }
    }
}
