/// What happens next: a binary heap by time, and by order of entry among equals.
struct EventQueue<Element> {
    /// The heap holds places in `elements`: what is moved about is small.
    private var heap: [Entry] = []
    private var elements: [Element?] = []
    private var free: [Int] = []
    private var entered: UInt64 = 0

    private struct Entry {
        let time: Int64
        let order: UInt64
        let place: Int
        func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    mutating func insert(_ element: Element, at time: Int64) {
        entered += 1
        let place: Int
        if let reused = free.popLast() {
            place = reused
            elements[place] = element
        } else {
            place = elements.count
            elements.append(element)
        }
        let entry = Entry(time: time, order: entered, place: place)
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.isBefore(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    mutating func removeFirst() -> (time: Int64, element: Element)? {
        guard let first = heap.first, let element = elements[first.place] else { return nil }
        elements[first.place] = nil
        free.append(first.place)
        let last = heap.removeLast()
        if !heap.isEmpty {
            var parent = 0
            while true {
                var least = 2 * parent + 1
                guard least < heap.count else { break }
                if least + 1 < heap.count, heap[least + 1].isBefore(heap[least]) { least += 1 }
                guard heap[least].isBefore(last) else { break }
                heap[parent] = heap[least]
                parent = least
            }
            heap[parent] = last
        }
        return (first.time, element)
    }
}
