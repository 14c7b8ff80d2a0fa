import Replication
import Testing

@Suite struct PeerMonitorTests {
    private func monitor() -> PeerMonitor {
        PeerMonitor(peers: [2, 1], interval: 100, patience: 450, now: 0)
    }

    @Test func `Silence beyond patience is suspected once, and a word ends it`() {
        var monitor = monitor()
        var changes: [PeerMonitor.Change] = []
        for now in stride(from: Int64(100), through: 900, by: 100) {
            #expect(monitor.heard(from: 2, now: now) == nil)
            changes += monitor.tick(now: now)
        }
        #expect(changes == [.suspected(1)])
        #expect(monitor.isSuspected(1) && !monitor.isSuspected(2))
        #expect(monitor.heard(from: 1, now: 950) == .trusted(1))
        #expect(!monitor.isSuspected(1))
    }

    @Test func `A closed connection is suspected at once`() {
        var monitor = monitor()
        #expect(monitor.disconnected(from: 1) == .suspected(1))
        #expect(monitor.disconnected(from: 1) == nil)
        #expect(monitor.heard(from: 1, now: 10) == .trusted(1))
    }

    @Test func `A node whose own tick was late blames nobody for that time`() {
        var monitor = monitor()
        #expect(monitor.tick(now: 100).isEmpty)
        #expect(monitor.tick(now: 5_000).isEmpty)
        #expect(monitor.tick(now: 5_100).isEmpty)
        #expect(monitor.tick(now: 5_200).isEmpty)
        #expect(monitor.tick(now: 5_300) == [.suspected(1), .suspected(2)])
    }

    @Test func `A stranger is nothing`() {
        var monitor = monitor()
        #expect(monitor.heard(from: 9, now: 1) == nil)
        #expect(monitor.disconnected(from: 9) == nil)
        #expect(!monitor.isSuspected(9))
    }
}
