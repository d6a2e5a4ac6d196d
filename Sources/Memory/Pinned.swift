public import Synchronization

/// What keeps a large owner in its place while it is lent.
///
/// The compiler takes a value that is all numbers and pointers for one that may be handed over in
/// registers, and copies the whole of it to lend it to a function, be it thousands of bytes. A value
/// that holds an atomic is never copied for that, since others may look at it meanwhile. Nobody
/// looks at this one.
@usableFromInline
package struct Pinned: ~Copyable {
    @usableFromInline let pin = Atomic<UInt8>(0)

    /// A pin; it costs a byte.
    @usableFromInline
    package init() {}
}
