import Foundation
import Testing

@testable import LoadGenerator

@Suite struct SamplingTests {
    @Test func aProcessNameMayHoldAnything() throws {
        let numbers = "S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 5 0 100 1000 25 0"
        let probe = try #require(ProcessProbe(stat: "12 (a) b (c) \(numbers)", memory: "9 25 3"))
        #expect(probe.cpuSeconds == 300 / Double(sysconf(Int32(_SC_CLK_TCK))))
        #expect(probe.residentBytes == 25 * UInt64(sysconf(Int32(_SC_PAGESIZE))))
        #expect(ProcessProbe(stat: "12 (a) \(numbers)", memory: "0 0 0") == nil)
        #expect(ProcessProbe(stat: "nonsense", memory: "") == nil)
    }

    @Test func countersAreReadAddedAndSubtracted() {
        let text = """
            # TYPE lodge_log_syncs_total counter
            lodge_log_syncs_total 40
            lodge_log_written_bytes_total 5000
            lodge_link_sent_bytes_total{link="log"} 700
            lodge_link_sent_bytes_total{link="bulk"} 30
            lodge_link_received_bytes_total{link="log"} 999
            """
        let first = NodeCounters(metrics: text)
        #expect(first.syncs == 40 && first.logBytes == 5000)
        #expect(first.logLinkBytes == 700 && first.allLinkBytes == 730)
        let second = NodeCounters(metrics: text.replacing(" 40", with: " 45"))
        #expect(second.since(first).syncs == 5 && second.since(first).logBytes == 0)
        // A node that was started again counts from zero.
        let restarted = NodeCounters(metrics: "lodge_log_syncs_total 3")
        #expect(restarted.since(first).syncs == 3)
    }

    @Test func aDirectoryWithoutAClusterIsAClearError() {
        let failure = #expect(throws: LoadFailure.self) {
            try LocalCluster(directory: "/nowhere")
        }
        #expect(failure?.description.contains("/nowhere/cluster.json") == true)
        #expect(throws: LoadFailure.self) { try ClusterScript(near: ["/proc"]) }
    }
}
