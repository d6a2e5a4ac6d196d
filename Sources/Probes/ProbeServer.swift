import CMicrohttpd
import Foundation

/// Answers GET over HTTP, on one thread of libmicrohttpd's own, until it is ended.
///
/// Connections, how long they may be silent and the size of a request are bounded, so that a client
/// that gets stuck harms nobody; and none of it is on an event's way. Whoever makes it ends it.
@safe
package final class ProbeServer {
    /// Why it cannot listen, in the system's words.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private var server: OpaquePointer?
    private let answers: Unmanaged<Answers>

    // What the server's thread holds.
    private final class Answers: Sendable {
        let answer: @Sendable (String) -> ProbeAnswer
        init(_ answer: @escaping @Sendable (String) -> ProbeAnswer) { self.answer = answer }
    }

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - host: a numeric address.
    ///   - port: 0 is any that is free.
    ///   - answer: answers a path; called on the server's thread.
    package init(
        host: String,
        port: UInt16,
        answer: @escaping @Sendable (String) -> ProbeAnswer
    ) throws(Failure) {
        unsafe answers = Unmanaged.passRetained(Answers(answer))
        let error = unsafe chttp_start(
            host,
            port,
            { context, path, status in
                // Passed retained, and released when the thread has ended.
                let answers = unsafe Unmanaged<Answers>.fromOpaque(context).takeUnretainedValue()
                let answer = unsafe answers.answer(String(cString: path))
                unsafe status.pointee = answer.status
                // The door frees it.
                return unsafe strdup(answer.body)
            },
            answers.toOpaque(),
            &server
        )
        if error != 0 {
            unsafe answers.release()
            throw Failure(description: unsafe String(cString: strerror(error)))
        }
    }

    deinit { end() }

    /// The port it listens on; 0 when it is ended.
    package var port: UInt16 { unsafe server.map { unsafe chttp_port($0) } ?? 0 }

    /// Answers no more.
    package func end() {
        guard let running = unsafe server else { return }
        unsafe server = nil
        unsafe chttp_stop(running)
        unsafe answers.release()
    }
}
