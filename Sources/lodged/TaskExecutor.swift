import CTaskHook
import NIOCore
import NIOPosix

/// Runs tasks on the threads that read their requests' bytes, instead of a pool of their own to which each step would go and come
/// back. So nothing that blocks may run in a task: it has threads of its own.
///
/// NIO can do the same (`unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor`), but finds the hook by its name at
/// run time, which a program with Swift's runtime linked in does not export.
enum TaskExecutor {
    /// To be called once, before the first task that matters.
    static func useEventLoops() {
        lodge_hook_tasks { pointer in
            guard let pointer else { return }
            let job = unsafeBitCast(pointer, to: UnownedJob.self)
            // The loop of the present thread, where this is one. Not by the loop's `enqueue`, which runs the job as the loop's own:
            // code that belongs to no actor would then go back to the queue at each `await` that returns, to get away from there.
            MultiThreadedEventLoopGroup.singleton.any().execute {
                job.runSynchronously(on: TaskExecutor.noActor)
            }
        }
    }

    /// What Swift's runtime calls the generic executor: no identity, no implementation (`SerialExecutorRef::generic()` in `Executor.h`
    /// of the runtime).
    private static let noActor = unsafeBitCast(
        (UInt(0), UInt(0)), to: UnownedSerialExecutor.self)
}
