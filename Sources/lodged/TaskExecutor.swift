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
            // The loop of the present thread, where this is one.
            MultiThreadedEventLoopGroup.singleton.any().enqueue(ExecutorJob(job))
        }
    }
}
