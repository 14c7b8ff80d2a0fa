#ifndef LODGE_TASK_HOOK_H
#define LODGE_TASK_HOOK_H

/// Gives every task that is ready to run, on no actor of its own, to `enqueue` from now on, as an `UnownedJob`.
///
/// The hook is Swift's (`swift_task_enqueueGlobal_hook` in `Concurrency.h` of the Swift runtime). It has to be named where the linker
/// sees it: in a program that has the runtime linked in, nobody finds it by name at run time.
void lodge_hook_tasks(void (*enqueue)(void *job));

#endif
