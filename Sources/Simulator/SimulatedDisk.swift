import Foundation
import Snapshots

/// An instance's folder of snapshots, on a disk that fails.
///
/// The files are real, in a folder of this run's own; what the system says to a write, a sync or a
/// rename is drawn, and what was written may not be what is there after a crash.
final class SimulatedDisk {
    /// What goes wrong with one snapshot.
    private enum Trouble: String, CaseIterable, Sendable {
        case noRoom, inputOutputError, shortWrites, syncFails, renameFails, renameLost
        case torn, bitFlipped
    }

    private unowned let world: Simulation
    /// The folder.
    let folder: SnapshotFolder

    init(_ world: Simulation, _ number: Int) {
        self.world = world
        folder = SnapshotFolder(
            NSTemporaryDirectory() + "collie-simulation-\(UUID().uuidString)-\(number)"
        )
    }

    deinit { clear() }

    /// Removes everything.
    func clear() { try? FileManager.default.removeItem(atPath: folder.path) }

    /// Saves a state; false if the system said no.
    func save(_ decider: Decider, _ header: SnapshotHeader) -> Bool {
        var trouble: Trouble?
        if world.draw(world.weights.disk) {
            trouble = Trouble.allCases[Int(world.within(0...Int64(Trouble.allCases.count - 1)))]
        }
        if let trouble { world.count("disk \(trouble.rawValue)") }
        var own = folder
        own.calls = SimulatedDisk.calls(trouble)
        do throws(SnapshotError) {
            let path = try decider.pipeline.save(header, to: own)
            if trouble == .torn || trouble == .bitFlipped { spoil(path, trouble) }
            return true
        } catch {
            return false
        }
    }

    private static func calls(_ trouble: Trouble?) -> SystemCalls {
        var calls = SystemCalls()
        // The disk of a simulation need not last.
        calls.sync = { _ in 0 }
        let write = unsafe calls.write
        @Sendable func fail(_ code: Int32) -> Int {
            errno = code
            return -1
        }
        switch trouble {
        case .noRoom, .inputOutputError:
            let code = trouble == .noRoom ? ENOSPC : EIO
            unsafe calls.write = { descriptor, bytes in
                // The beginning still finds room.
                bytes.count < 300 ? unsafe write(descriptor, bytes) : fail(code)
            }
        case .shortWrites:
            unsafe calls.write = { descriptor, bytes in
                let part = unsafe UnsafeRawBufferPointer(
                    rebasing: bytes[..<((bytes.count + 1) / 2)]
                )
                return unsafe write(descriptor, part)
            }
        case .syncFails: calls.sync = { _ in Int32(fail(EIO)) }
        case .renameFails: calls.rename = { _, _ in Int32(fail(EIO)) }
        case .renameLost: calls.rename = { _, _ in 0 }
        case .torn, .bitFlipped, nil: break
        }
        return calls
    }

    /// Damages a file that was written well.
    private func spoil(_ path: String, _ trouble: Trouble?) {
        guard var bytes = FileManager.default.contents(atPath: path), !bytes.isEmpty else { return }
        let place = Int(world.within(0...Int64(bytes.count - 1)))
        if trouble == .torn {
            bytes = bytes.prefix(place)
        } else {
            bytes[place] ^= 1 << UInt8(world.within(0...7))
        }
        _ = FileManager.default.createFile(atPath: path, contents: bytes)
    }
}
