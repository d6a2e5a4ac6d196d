import Memory
import Profiles

extension ShardPipeline {
    /// Writes the profile of a slot behind its length, with numbers in place of the handles of the
    /// texts it shares.
    ///
    /// One that is open is packed into the packer; where it stands makes no difference to its bytes.
    func save(
        _ slot: UInt32,
        _ shard: Int,
        into buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ packer: inout ProfilePacker
    ) {
        if store.profiles.isPacked(slot) {
            put(store.profiles.packed(slot), into: &buffer) { handle in
                texts.number(handle, shard, store.texts)
            }
        } else {
            store.write(slot, with: &packer)
            put(packer.whole.bytes, into: &buffer) { handle in
                ProfilePacker.isWare(handle)
                    ? texts.number(packer.content(of: handle))
                    : texts.number(handle, shard, store.texts)
            }
        }
    }

    private func put(
        _ packed: RawSpan,
        into buffer: inout StateBuffer,
        _ number: (TextHandle) -> UInt32
    ) {
        buffer.put(UInt32(packed.byteCount))
        let begin = buffer.count
        buffer.put(packed)
        var reader = StateReader(packed)
        do {
            let head = try PackedHead(&reader)
            var handles = StateReader(packed)
            try handles.skip(head.texts)
            for index in 0..<head.textCount {
                let handle = TextHandle(bits: try handles.get(UInt32.self))
                buffer.patch(number(handle), at: begin + head.texts + 4 * index)
            }
        } catch {
            preconditionFailure("a packed profile is whole: \(error)")
        }
    }
}
