import Settings
import Testing

@Suite("Where an instance says how it is")
struct HealthSettingsTests {
    private func health(
        _ section: String,
        environment: [String: String] = [:]
    ) throws -> HealthSettings {
        let files = Samples.files(collie: Samples.collie + "\n" + section + "\n")
        return try Settings.load(files: files, environment: environment).health
    }

    @Test(arguments: [
        "", "health:", "health: {}", "health: {listen: off}", "health: {listen: \"\"}",
    ])
    func `without an address it is nowhere`(section: String) throws {
        #expect(try health(section).listen == nil)
    }

    @Test(arguments: [
        ("0.0.0.0:8080", "0.0.0.0", 8_080), ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::]:65535", "::", 65_535), ("[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", 80),
    ])
    func `an address has a port`(text: String, host: String, port: UInt16) throws {
        let address = try #require(try health("health: {listen: \"\(text)\"}").listen)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.description == text)
    }

    @Test func `the environment may say it`() throws {
        let section = "health: {listen: \"${WHERE:-off}\"}"
        #expect(try health(section).listen == nil)
        let address = try health(section, environment: ["WHERE": "[::1]:1"]).listen
        #expect(address == ListenAddress("[::1]:1"))
    }

    @Test(arguments: [
        "8080", ":8080", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1", "0.0.0.0:+1",
        "1.2.3:80", "1.2.3.256:80", "1.2.3.4.5:80", "::1:80", "[]:80", "[1.2.3.4]:80", "[::1]80",
        "localhost:80", "on",
    ])
    func `what is no address is a mistake with its place`(text: String) {
        let files = Samples.files(
            collie: Samples.collie + "\nhealth:\n  listen: \"\(text)\"\n"
        )
        #expect(
            Samples.mistakes(files) == [
                "collie.yaml:5:11: error: `listen` must be address:port, such as 0.0.0.0:8080 or "
                    + "[::]:8080, or off; it is `\(text)`"
            ]
        )
    }

    @Test func `what the section does not have is a mistake with its place`() {
        let files = Samples.files(collie: Samples.collie + "\nhealth: {listn: off}\n")
        #expect(
            Samples.mistakes(files) == [
                "collie.yaml:4:10: error: health has no key `listn`; did you mean `listen`?"
            ]
        )
    }
}
