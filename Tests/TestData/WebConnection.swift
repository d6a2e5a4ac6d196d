import Glibc

/// What an HTTP server answered.
package struct WebAnswer: Sendable {
    /// The status; 0 if the connection was closed without an answer.
    package let status: Int
    /// The status line and the headers.
    package let head: String
    /// What follows them.
    package let body: String
}

/// Something did not work with a connection.
package struct WebFailure: Error, CustomStringConvertible { package let description: String }

/// A connection to an HTTP server of this machine; no wait on it lasts longer than ten seconds.
package final class WebConnection {
    private let descriptor: Int32

    /// Connects.
    package init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 {
            throw WebFailure(description: "connect: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Writes a text.
    package func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Reads until the other side closes.
    package func answer() throws -> WebAnswer {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == ECONNRESET { break }
                throw WebFailure(description: "recv: \(String(cString: strerror(errno)))")
            }
            bytes += buffer[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let end = text.firstRange(of: "\r\n\r\n")
        let words = text.prefix { $0 != "\r\n" }.split(separator: " ")
        return WebAnswer(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0,
            head: String(text[..<(end?.lowerBound ?? text.endIndex)]),
            body: end.map { String(text[$0.upperBound...]) } ?? ""
        )
    }

    /// Asks for a path and reads the answer.
    package static func ask(
        _ path: String,
        _ method: String = "GET",
        port: UInt16
    ) throws -> WebAnswer {
        let connection = try WebConnection(port: port)
        connection.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return try connection.answer()
    }
}
