/// The rows cannot grow for want of space. Nothing was changed and nothing is lost: the log has it, and it is applied when there is
/// room again.
package struct MachineIsFull: Error, Sendable {
    package init() {}
}
