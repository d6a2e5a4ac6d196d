import Engine
import Probes
import TestData
import Testing

@Suite("The server of probes")
struct ProbeServerTests {
    private let health = Health()
    private let server: ProbeServer

    init() throws {
        server = try ProbeServer(host: "127.0.0.1", port: 0) { [health] path in
            ProbeAnswer(to: path, health.reading)
        }
    }

    private func ask(_ path: String, _ method: String = "GET") throws -> WebAnswer {
        try WebConnection.ask(path, method, port: server.port)
    }

    @Test func `it answers with what holds at the moment`() throws {
        #expect(try ask("/readyz").status == 503)
        health.enter(.leading)
        let answer = try ask("/readyz?verbose")
        #expect(answer.status == 200)
        #expect(answer.body == "{\"state\":\"leading\"}\n")
        #expect(answer.head.contains("Content-Type: application/json"))
        #expect(answer.head.contains("Cache-Control: no-store"))
        health.drain()
        #expect(try ask("/readyz").status == 503)
        #expect(try ask("/other").status == 404)
    }

    @Test func `only questions are answered`() throws {
        let head = try ask("/livez", "HEAD")
        #expect(head.status == 200)
        #expect(head.body == "")
        for method in ["POST", "DELETE", "OPTIONS"] {
            let answer = try ask("/livez", method)
            #expect(answer.status == 405)
            #expect(answer.head.contains("Allow: GET, HEAD"))
        }
        #expect(try ask("/livez").status == 200)
    }

    @Test func `a request that is too long or none is refused, and others are answered`() throws {
        let long = try ask("/" + String(repeating: "a", count: 100_000))
        #expect([0, 400, 413, 414, 431].contains(long.status))
        let none = try WebConnection(port: server.port)
        none.send("\u{16}\u{3}\u{1} hello\r\n\r\n")
        #expect(try none.answer().status != 200)
        let body = try WebConnection(port: server.port)
        body.send("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        #expect(try body.answer().status == 0)
        #expect(try ask("/livez").status == 200)
    }

    @Test func `a client that gets stuck keeps nobody waiting, and is sent away`() throws {
        let stuck = try WebConnection(port: server.port)
        stuck.send("GET /livez HTTP/1.1\r\nHo")
        for _ in 0..<20 { #expect(try ask("/livez").status == 200) }
        #expect(try stuck.answer().status != 200)
    }

    @Test func `one address has so many connections and no more`() throws {
        var silent: [WebConnection] = []
        for _ in 0..<16 { silent.append(try WebConnection(port: server.port)) }
        #expect(try ask("/livez").status == 0)
        silent.removeAll()
        let deadline = ContinuousClock.now + .seconds(10)
        while try ask("/livez").status != 200, ContinuousClock.now < deadline {}
        #expect(try ask("/livez").status == 200)
    }

    @Test func `a port that is taken is an error with its reason`() throws {
        let error = #expect(throws: ProbeServer.Failure.self) {
            try ProbeServer(host: "127.0.0.1", port: server.port) { path in
                ProbeAnswer(to: path, Health.Reading())
            }
        }
        #expect(error?.description == "Address already in use")
    }

    @Test func `an address of another machine is an error with its reason`() throws {
        // Of a net that is for documents only.
        let error = #expect(throws: ProbeServer.Failure.self) {
            try ProbeServer(host: "192.0.2.1", port: 0) { path in
                ProbeAnswer(to: path, Health.Reading())
            }
        }
        #expect(error?.description == "Cannot assign requested address")
    }

    @Test func `who has ended answers nobody, and leaves the port to others`() throws {
        let port = server.port
        _ = try ask("/livez")
        server.end()
        server.end()
        #expect(throws: WebFailure.self) { try WebConnection(port: port) }
        let next = try ProbeServer(host: "127.0.0.1", port: port) { path in
            ProbeAnswer(to: path, Health.Reading())
        }
        #expect(next.port == port)
    }
}
