import Identity
import Memory
import Profiles
import Windows

/// Bytes of memory that a part of what is remembered takes.
package struct MemoryUse: Sendable {
    /// What is kept in it.
    package let part: String
    /// Its bytes, with what is taken ahead.
    package let bytes: Int
}

extension ShardPipeline {
    /// Bytes by part.
    package var memoryUse: [MemoryUse] {
        let rows = store.profiles.byteCounts
        return [
            MemoryUse(part: "profiles packed", bytes: rows.packed),
            MemoryUse(part: "profiles open", bytes: rows.open + store.listBytes),
            MemoryUse(part: "where each profile is", bytes: rows.places),
            MemoryUse(part: "texts", bytes: store.texts.byteCount),
            MemoryUse(part: "timers", bytes: wheel.byteCount),
        ]
    }
}

extension Resolver {
    /// Bytes by part.
    package var memoryUse: [MemoryUse] {
        graph.byteCounts.map { MemoryUse(part: $0.part, bytes: $0.bytes) } + [
            MemoryUse(part: "messageIds of a day", bytes: seen.byteCount)
        ]
    }
}
