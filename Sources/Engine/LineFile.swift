import CLZ4
import Foundation

/// Writes lines to a file or to standard output in large pieces; as LZ4 frames where the name ends
/// in `.lz4`.
///
/// Owned by one thread. What was written is with the system after `flush`, whole after `close`.
@safe
package final class LineFile {
    private static let pieceMax = 1 << 19

    private let descriptor: Int32
    private let name: String
    private let ownsDescriptor: Bool
    private var pending: [UInt8] = []
    private var packed: [UInt8] = []
    private var frame: OpaquePointer?
    // Asked for room with, too: how much the library holds back depends on the size of a block.
    private var preferences = LineFile.preferences()

    private static func preferences() -> LZ4F_preferences_t {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        preferences.frameInfo.blockSizeID = LZ4F_max1MB
        return preferences
    }

    /// Opens a file, emptying it if it exists; nil and `-` are standard output.
    package init(path: String?) throws(SourceError) {
        name = path ?? "standard output"
        pending.reserveCapacity(2 * LineFile.pieceMax)
        guard let path, path != "-" else {
            descriptor = 1
            ownsDescriptor = false
            return
        }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        ownsDescriptor = true
        guard descriptor >= 0 else { throw failure() }
        if path.hasSuffix(".lz4") { try beginFrame() }
    }

    deinit {
        if let open = unsafe frame { unsafe LZ4F_freeCompressionContext(open) }
        if ownsDescriptor, descriptor >= 0 { Foundation.close(descriptor) }
    }

    private func failure() -> SourceError {
        SourceError(
            description: unsafe "cannot write \(name): \(String(cString: strerror(errno)))",
            isReaderGone: errno == EPIPE && !ownsDescriptor
        )
    }

    private func damaged() -> SourceError {
        SourceError(description: "LZ4 could not compress \(name)")
    }

    /// Adds a line; the newline is added here.
    package func write(_ line: [UInt8]) throws(SourceError) {
        pending.append(contentsOf: line)
        pending.append(10)
        if pending.count > LineFile.pieceMax { try flush() }
    }

    /// Adds bytes as they are.
    package func write(_ bytes: RawSpan) throws(SourceError) {
        unsafe bytes.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
        if pending.count > LineFile.pieceMax { try flush() }
    }

    /// Hands everything so far to the system.
    package func flush() throws(SourceError) {
        guard unsafe frame != nil else {
            try hand(pending)
            pending.removeAll(keepingCapacity: true)
            return
        }
        try pack()
    }

    /// Ends the file; nothing can be written after it.
    package func close() throws(SourceError) {
        try flush()
        guard let open = unsafe frame else { return }
        try grow(to: unsafe LZ4F_compressBound(0, &preferences))
        // The buffer was just made as large as the library asks.
        let count = unsafe packed.withUnsafeMutableBytes {
            unsafe LZ4F_compressEnd(open, $0.baseAddress, $0.count, nil)
        }
        guard LZ4F_isError(count) == 0 else { throw damaged() }
        try hand(Array(packed[..<count]))
        unsafe LZ4F_freeCompressionContext(open)
        unsafe frame = nil
    }

    private func hand(_ bytes: [UInt8]) throws(SourceError) {
        var begin = 0
        while begin < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Foundation.write(descriptor, $0.baseAddress! + begin, $0.count - begin)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure()
            }
            begin += count
        }
    }

    // MARK: LZ4

    private func grow(to count: Int) throws(SourceError) {
        if packed.count < count {
            packed.append(contentsOf: repeatElement(0, count: count - packed.count))
        }
    }

    private func beginFrame() throws(SourceError) {
        var made: OpaquePointer?
        guard
            unsafe LZ4F_isError(LZ4F_createCompressionContext(&made, UInt32(LZ4F_VERSION))) == 0
        else { throw SourceError(description: "LZ4: out of memory") }
        unsafe frame = unsafe made
        try grow(to: 64)
        let count = unsafe packed.withUnsafeMutableBytes {
            unsafe LZ4F_compressBegin(made, $0.baseAddress, $0.count, &preferences)
        }
        try hand(Array(packed[..<count]))
    }

    private func pack() throws(SourceError) {
        guard !pending.isEmpty else { return }
        try grow(to: unsafe LZ4F_compressBound(pending.count, &preferences))
        let count = unsafe packed.withUnsafeMutableBytes { target in
            unsafe pending.withUnsafeBytes { source in
                unsafe LZ4F_compressUpdate(
                    frame,
                    target.baseAddress,
                    target.count,
                    source.baseAddress,
                    source.count,
                    nil
                )
            }
        }
        guard LZ4F_isError(count) == 0 else { throw damaged() }
        pending.removeAll(keepingCapacity: true)
        try hand(Array(packed[..<count]))
    }
}
