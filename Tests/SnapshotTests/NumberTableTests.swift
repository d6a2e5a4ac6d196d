import Memory
import Testing

@Suite("Records found by their hash")
struct NumberTableTests {
    /// Hashes of which many share their low bits, and some their high ones.
    private static func hash(_ number: UInt32) -> UInt64 {
        UInt64(number % 7) << 60 | UInt64(number) << 20 | UInt64(number % 100)
    }

    @Test(arguments: [0, 1, 13, 5_000])
    func `each record is found, however the table grew`(room: Int) {
        var table = NumberTable(room: room)
        let count: UInt32 = 20_000
        for number in 1...count {
            let hash = NumberTableTests.hash(number)
            #expect(table.find(hash) { NumberTableTests.hash($0) == hash } == 0)
            table.append(hash, hashes: NumberTableTests.hash)
        }
        #expect(table.count == Int(count))
        for number in 1...count {
            let hash = NumberTableTests.hash(number)
            #expect(table.find(hash) { NumberTableTests.hash($0) == hash } == number)
            #expect(table.candidate(hash) != 0)
        }
    }
}
