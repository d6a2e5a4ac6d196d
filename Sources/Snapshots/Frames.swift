import CLZ4
import Memory

/// Packs pieces into LZ4 frames, each with its length and checksums of its blocks.
///
/// Owned by one thread; its memory is reused.
@safe
package struct FramePacker: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private var preferences = LZ4F_preferences_t()

    /// Makes a packer with room for most pieces.
    package init() {
        // Owned by this value alone; grows with the largest piece.
        unsafe memory = .allocate(byteCount: 512 << 10, alignment: 16)
        // The manifest has a digest of the content. A changed byte that unpacks to the same content
        // is a sign of a failing disk all the same.
        preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled
        preferences.frameInfo.blockSizeID = LZ4F_max256KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.compressionLevel = -2
    }

    deinit { unsafe memory.deallocate() }

    /// The frame of some bytes, borrowed until the next call; nil if LZ4 refuses.
    @_lifetime(&self)
    package mutating func pack(_ bytes: RawSpan) -> RawSpan? {
        preferences.frameInfo.contentSize = UInt64(bytes.byteCount)
        // The bound and the call read preferences that are this value's own.
        let bound = unsafe LZ4F_compressFrameBound(bytes.byteCount, &preferences)
        if unsafe memory.count < bound {
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: bound, alignment: 16)
        }
        let count = unsafe bytes.withUnsafeBytes { source in
            unsafe LZ4F_compressFrame(
                memory.baseAddress,
                memory.count,
                source.baseAddress,
                source.count,
                &preferences
            )
        }
        guard LZ4F_isError(count) == 0 else { return nil }
        // LZ4 wrote so many bytes into memory that stays until the next call.
        let frame = unsafe UnsafeRawBufferPointer(rebasing: memory[0..<count]).bytes
        return unsafe _overrideLifetime(frame, mutating: &self)
    }
}

/// Unpacks frames and checks their blocks.
///
/// Owned by one thread; its memory is reused.
@safe
package struct FrameUnpacker: ~Copyable {
    private static let blockMax = 256 << 10
    private var context: OpaquePointer?
    private var memory: UnsafeMutableRawBufferPointer

    /// Nil without memory.
    package init?() {
        // Owned by this value alone; grows with the largest piece.
        unsafe memory = .allocate(byteCount: 512 << 10, alignment: 16)
        unsafe context = nil
        var made: OpaquePointer?
        guard
            unsafe LZ4F_isError(LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))) == 0
        else { return nil }
        unsafe context = unsafe made
    }

    deinit {
        if let open = unsafe context { unsafe LZ4F_freeDecompressionContext(open) }
        unsafe memory.deallocate()
    }

    /// The content of a frame, borrowed until the next call; nil if it is not whole, not sound or
    /// not of that length.
    @_lifetime(&self)
    package mutating func unpack(_ frame: RawSpan, length: Int) -> RawSpan? {
        // LZ4 unpacks a block where it belongs only if there is room for the longest; else it copies
        // what it has unpacked aside.
        let room = length + FrameUnpacker.blockMax
        if unsafe memory.count < room {
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: room, alignment: 16)
        }
        unsafe LZ4F_resetDecompressionContext(context)
        var (taken, given) = (0, 0)
        let isWhole = unsafe frame.withUnsafeBytes { source in
            while true {
                var given1 = room - given
                var taken1 = source.count - taken
                // Both ranges lie within their memory: what is done is taken off what is there.
                let hint = unsafe LZ4F_decompress(
                    context,
                    memory.baseAddress.map { unsafe $0 + given },
                    &given1,
                    source.baseAddress.map { unsafe $0 + taken },
                    &taken1,
                    nil
                )
                if LZ4F_isError(hint) != 0 { return false }
                given += given1
                taken += taken1
                if given > length { return false }
                if hint == 0 { return taken == source.count && given == length }
                if given1 == 0, taken1 == 0 { return false }
            }
        }
        guard isWhole else { return nil }
        let content = unsafe UnsafeRawBufferPointer(rebasing: memory[0..<length]).bytes
        return unsafe _overrideLifetime(content, mutating: &self)
    }
}
