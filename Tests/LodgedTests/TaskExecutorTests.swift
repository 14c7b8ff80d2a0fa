import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Threads

@testable import lodged

struct TaskExecutorTests {
    /// Something that others set.
    final class Flag: Sendable { let isSet = Atomic(false) }

    /// Belongs to no actor.
    @inline(never) @concurrent static func nothing() async {}

    /// In a process of its own, since the hook is the whole process's. Its status says what went wrong.
    @Test func aTaskRunsOnAnEventLoopAndKeepsItAtEachAwait() async {
        await #expect(processExitsWith: .exitCode(0)) {
            TaskExecutor.useEventLoops()
            await Task.detached {
                guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { exit(2) }
                let flag = Flag()
                // The loop can do this only once the task lets go of its thread.
                loop.execute { flag.isSet.store(true, ordering: .relaxed) }
                for _ in 0..<100 { await Self.nothing() }
                guard !flag.isSet.load(ordering: .relaxed) else { exit(3) }
                guard loop === MultiThreadedEventLoopGroup.currentEventLoop else { exit(4) }
                // And a task that another thread wakes comes back to a loop.
                await withCheckedContinuation { woken in
                    startThread(named: "waker") { woken.resume() }
                }
                guard MultiThreadedEventLoopGroup.currentEventLoop != nil else { exit(5) }
            }.value
            exit(0)
        }
    }
}
