#include "task_hook.h"

/// `SWIFT_CC(swift) void (*)(Job *, SWIFT_CC(swift) void (*original)(Job *))`
extern void *swift_task_enqueueGlobal_hook;

static void (*take)(void *job);

#if __has_attribute(swiftcall)
__attribute__((swiftcall))
#endif
static void
enqueue_global(void *job, void *original) {
    (void)original;
    take(job);
}

void lodge_hook_tasks(void (*enqueue)(void *job)) {
    take = enqueue;
    __atomic_store_n(&swift_task_enqueueGlobal_hook, (void *)enqueue_global, __ATOMIC_SEQ_CST);
}
