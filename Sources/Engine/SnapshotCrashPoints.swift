import CPlatform
import Snapshots

extension SystemCalls {
    /// The same calls, with points at which a test may have the process end.
    var withCrashPoints: SystemCalls {
        var calls = self
        let (write, rename) = unsafe (self.write, self.rename)
        // Handed on as it came.
        unsafe calls.write = { descriptor, bytes in
            collie_crash_pass(collie_crash_during_snapshot)
            return unsafe write(descriptor, bytes)
        }
        calls.rename = { old, new in
            collie_crash_pass(collie_crash_before_rename)
            let result = rename(old, new)
            collie_crash_pass(collie_crash_after_rename)
            return result
        }
        return calls
    }
}
