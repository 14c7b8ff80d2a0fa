import Measurement
import Testing

@Suite struct MachineFactsTests {
    @Test func thisMachineIsDescribed() {
        let machine = MachineFacts.read(folder: "/proc")
        #expect(!machine.processor.isEmpty)
        #expect((1...4096).contains(machine.cores))
        #expect(machine.memoryBytes > 64 << 20)
        #expect(machine.kernel.hasPrefix("Linux "))
    }

    @Test func memoryIsTheTotalInBytes() {
        let text = "MemFree:   17 kB\nMemTotal:       24666244 kB\nMemAvailable:   1 kB\n"
        #expect(MachineFacts.memoryBytes(in: text) == 24_666_244 * 1024)
        #expect(MachineFacts.memoryBytes(in: "") == 0)
        #expect(MachineFacts.memoryBytes(in: "MemTotal: many kB\n") == 0)
    }

    @Test func theFileSystemIsThatOfTheNearestMount() {
        let mounts = """
            24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            30 24 0:26 / /data rw - tmpfs tmpfs rw
            31 30 0:27 / /data/my\\040desk rw master:1 - xfs /dev/vdb rw
            32 24 0:28 / /data rw - btrfs /dev/vdc rw
            """
        #expect(MachineFacts.fileSystem(of: "/home", mounts: mounts) == "ext4")
        #expect(MachineFacts.fileSystem(of: "/database", mounts: mounts) == "ext4")
        #expect(MachineFacts.fileSystem(of: "/data", mounts: mounts) == "btrfs")
        #expect(MachineFacts.fileSystem(of: "/data/x", mounts: mounts) == "btrfs")
        #expect(MachineFacts.fileSystem(of: "/data/my desk/x", mounts: mounts) == "xfs")
        #expect(MachineFacts.fileSystem(of: "/data", mounts: "") == "unknown")
        #expect(MachineFacts.fileSystem(of: "/proc") == "proc")
        #expect(MachineFacts.fileSystem(of: "/no/such/folder") == "unknown")
    }
}
