import Glibc

/// The calls by which a snapshot reaches the disk, so that a test can let them fail.
///
/// Each answers a negative number and sets `errno` when it fails, as the system's do.
@safe
package struct SystemCalls: Sendable {
    /// Writes bytes and answers how many were taken.
    package var write: @Sendable (Int32, UnsafeRawBufferPointer) -> Int
    /// Brings a file or folder to the disk.
    package var sync: @Sendable (Int32) -> Int32
    /// Gives a file its name.
    package var rename: @Sendable (String, String) -> Int32

    /// The system's own.
    package init() {
        unsafe write = { unsafe Glibc.write($0, $1.baseAddress, $1.count) }
        sync = { Glibc.fsync($0) }
        rename = { unsafe Glibc.rename($0, $1) }
    }
}

/// What the system says of its last refusal.
func systemReason() -> String {
    // The text is the C library's own and is copied at once.
    unsafe String(cString: strerror(errno))
}
