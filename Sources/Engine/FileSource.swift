import CLZ4
package import Events
import Foundation

/// Why a file cannot be read, as a sentence that says what to do.
package struct SourceError: Error, CustomStringConvertible {
    package let description: String
    /// Whether who read our standard output has gone, having seen enough.
    package var isReaderGone = false
}

/// Reads newline-delimited JSON from files, one after the other, as one log.
///
/// Plain text or LZ4 frames, told by their first bytes; `-` is standard input. Owned by the source
/// thread. A line that does not fit a block is cut (it is far beyond what an event may be, so it
/// becomes a dead letter all the same).
@safe
package final class FileSource {
    private let paths: [String]
    private var nextPath = 0
    private var descriptor: Int32 = -1
    private var isAtEnd = false
    private var isFirstRead = true
    private var frame: OpaquePointer?
    // Whether the compressed bytes so far end where a frame ends.
    private var isFrameOver = true
    // What was read and not yet given out: the rest of a line, or of compressed bytes.
    private var rest: [UInt8] = []
    private var packed: [UInt8] = []
    private var packedBegin = 0
    private var isSkippingLine = false
    private var number: Int64 = 0
    /// A block is left when it holds so much, if that is a line or more: little enough for all blocks
    /// under way to be in the processor's cache when the next thread looks at them.
    private static let bytesWanted = 1 << 18
    /// Bytes read so far, as they stand in the files.
    package private(set) var bytesRead: Int64 = 0
    /// Bytes of all files together, or nil if one of them is no ordinary file.
    package let bytesTotal: Int64?

    /// Makes a source of files that exist.
    package init(_ paths: [String]) throws(SourceError) {
        self.paths = paths
        var total: Int64? = 0
        for path in paths {
            if path == "-" {
                total = nil
                continue
            }
            var status = stat()
            guard unsafe stat(path, &status) == 0 else {
                throw SourceError(
                    description: unsafe "cannot read \(path): \(String(cString: strerror(errno)))"
                )
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                throw SourceError(description: "cannot read \(path): it is a folder, not a file")
            }
            if status.st_mode & S_IFMT == S_IFREG {
                total = total.map { $0 + Int64(status.st_size) }
            } else {
                total = nil
            }
        }
        bytesTotal = total
    }

    deinit {
        if let frame = unsafe frame { unsafe LZ4F_freeDecompressionContext(frame) }
        if descriptor > 0 { close(descriptor) }
    }

    /// Fills a block with as many lines as fit; false at the end of the last file.
    package func read(_ block: EventBlock) throws(SourceError) -> Bool {
        block.reset()
        var used = rest.count
        // The block is this thread's alone; the raw area is `rawBytes` long.
        let raw = unsafe UnsafeMutableRawBufferPointer(
            rebasing: block.memory[0..<block.capacity.rawBytes]
        )
        unsafe rest.withUnsafeBytes { unsafe raw.copyMemory(from: $0) }
        rest.removeAll(keepingCapacity: true)
        var goal = min(raw.count, FileSource.bytesWanted)
        while used < raw.count {
            if used >= goal {
                // A line that is longer goes on to the block's end.
                if unsafe memchr(raw.baseAddress!, 10, used) != nil { break }
                goal = raw.count
            }
            if descriptor < 0, try !openNext() { break }
            let count = unsafe try read(
                into: unsafe UnsafeMutableRawBufferPointer(rebasing: raw[used..<goal])
            )
            if count == 0 {
                closeCurrent()
                // A last line without a newline is a line.
                if used > 0, unsafe raw[used - 1] != 10, used < raw.count {
                    unsafe raw[used] = 10
                    used += 1
                }
            }
            used += count
        }
        unsafe split(UnsafeMutableRawBufferPointer(rebasing: raw[0..<used]), block)
        return !isDone
    }

    /// Whether everything was given out.
    package var isDone: Bool { descriptor < 0 && nextPath == paths.count && rest.isEmpty }

    private func split(_ raw: UnsafeMutableRawBufferPointer, _ block: EventBlock) {
        var begin = 0
        let end = raw.count
        while begin < end, block.count < block.capacity.records {
            let found = unsafe memchr(raw.baseAddress! + begin, 10, end - begin)
            guard let found = unsafe found else { break }
            let stop = unsafe found - UnsafeMutableRawPointer(raw.baseAddress!)
            if isSkippingLine {
                isSkippingLine = false
            } else {
                unsafe add(begin, stop, UnsafeRawBufferPointer(raw), block)
            }
            begin = stop + 1
        }
        block.rawCount = begin
        if begin == 0, end == block.capacity.rawBytes, block.count == 0 {
            // A line longer than a block: its beginning is given out, the rest is passed over.
            if !isSkippingLine { unsafe add(0, end, UnsafeRawBufferPointer(raw), block) }
            isSkippingLine = true
            block.rawCount = end
            return
        }
        unsafe rest.append(contentsOf: raw[begin..<end])
    }

    private func add(
        _ begin: Int,
        _ end: Int,
        _ raw: UnsafeRawBufferPointer,
        _ block: EventBlock
    ) {
        var stop = end
        if stop > begin, unsafe raw[stop - 1] == 13 { stop -= 1 }
        // Blank lines are nothing.
        guard stop > begin, unsafe !raw[begin..<stop].allSatisfy({ $0 == 32 || $0 == 9 }) else {
            return
        }
        var entry = RecordEntry()
        entry.value = Text(offset: UInt32(begin), length: UInt32(stop - begin))
        entry.offset = number
        number += 1
        block[record: block.count] = entry
        block.count += 1
    }

    // MARK: Files

    private func openNext() throws(SourceError) -> Bool {
        guard nextPath < paths.count else { return false }
        let path = paths[nextPath]
        nextPath += 1
        descriptor = unsafe path == "-" ? dup(0) : open(path, O_RDONLY)
        guard descriptor >= 0 else {
            throw SourceError(
                description: unsafe "cannot read \(path): \(String(cString: strerror(errno)))"
            )
        }
        isFirstRead = true
        isAtEnd = false
        return true
    }

    private func closeCurrent() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if let open = unsafe frame {
            unsafe LZ4F_freeDecompressionContext(open)
            unsafe frame = nil
        }
    }

    private func read(
        into target: UnsafeMutableRawBufferPointer
    ) throws(SourceError) -> Int {
        if isFirstRead {
            isFirstRead = false
            try fillPacked()
            if packed.count >= 4, packed[0] == 0x04, packed[1] == 0x22, packed[2] == 0x4d,
                packed[3] == 0x18
            {
                var made: OpaquePointer?
                guard
                    unsafe LZ4F_isError(
                        LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))
                    ) == 0
                else { throw SourceError(description: "LZ4: out of memory") }
                unsafe frame = unsafe made
            }
        }
        if unsafe frame != nil { return unsafe try unpack(into: target) }
        if packedBegin < packed.count {
            let count = min(target.count, packed.count - packedBegin)
            unsafe packed.withUnsafeBytes {
                unsafe target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[packedBegin..<packedBegin + count])
                )
            }
            packedBegin += count
            return count
        }
        return unsafe try readBytes(into: target)
    }

    private func readBytes(
        into target: UnsafeMutableRawBufferPointer
    ) throws(SourceError) -> Int {
        while true {
            let count = unsafe Foundation.read(descriptor, target.baseAddress, target.count)
            if count >= 0 {
                bytesRead += Int64(count)
                return count
            }
            if errno != EINTR {
                throw SourceError(
                    description:
                        unsafe "cannot read \(paths[nextPath - 1]): \(String(cString: strerror(errno)))"
                )
            }
        }
    }

    private func fillPacked() throws(SourceError) {
        packedBegin = 0
        packed.removeAll(keepingCapacity: true)
        packed.append(contentsOf: repeatElement(0, count: 1 << 18))
        var count = 0
        var failure: SourceError?
        unsafe packed.withUnsafeMutableBytes { buffer in
            do throws(SourceError) { count = unsafe try readBytes(into: buffer) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        packed.removeLast(packed.count - count)
    }

    private func unpack(
        into target: UnsafeMutableRawBufferPointer
    ) throws(SourceError) -> Int {
        while true {
            if packedBegin == packed.count {
                try fillPacked()
                if packed.isEmpty {
                    if isFrameOver { return 0 }
                    throw SourceError(
                        description: "\(paths[nextPath - 1]) is damaged: LZ4 data ends too early"
                    )
                }
            }
            var written = target.count
            var taken = packed.count - packedBegin
            let hint = unsafe packed.withUnsafeBytes { source in
                unsafe LZ4F_decompress(
                    frame,
                    target.baseAddress,
                    &written,
                    source.baseAddress! + packedBegin,
                    &taken,
                    nil
                )
            }
            if LZ4F_isError(hint) != 0 {
                throw SourceError(
                    description: unsafe """
                    \(paths[nextPath - 1]) is damaged: LZ4 says \
                    \(String(cString: LZ4F_getErrorName(hint)))
                    """
                )
            }
            packedBegin += taken
            // The library says how much it wants to see next: nothing behind a whole frame.
            isFrameOver = hint == 0
            if written > 0 { return written }
        }
    }
}
