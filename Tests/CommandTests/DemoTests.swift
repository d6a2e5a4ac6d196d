import Testing

@Suite("collie demo")
struct DemoTests {
    @Test func `it ends by itself and says what came of the events`() throws {
        let outcome = try collie("demo", "--duration", "15s", "--rate", "60")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("order placed: "))
        #expect(outcome.output.contains("The shop is closed."))
        #expect(!outcome.output.contains(" 0 send commands came of them"))
    }
}
