import Events
import Testing

@Suite("SipHash")
struct SipHashTests {
    /// The reference implementation's vectors (`vectors.h`, `vectors_sip128`) for key 00…0f and
    /// messages 00…; the first byte of a message is our kind byte.
    @Test func `agrees with the reference implementation's vectors`() {
        let sip = SipHash(key: (0..<16).map { UInt8($0) })
        // Message 00: da 87 c1 d8 6b 99 af 44 34 76 59 11 9b 22 fc 45
        var state = sip.begin(kind: 0)
        let one = state.finish()
        #expect(one.low == 0x44af_996b_d8c1_87da)
        #expect(one.high == 0x45fc_229b_1159_7634)
        // Message 00 … 07: 3b 62 a9 ba 62 58 f5 61 0f 83 e2 64 f3 14 97 b4
        state = sip.begin(kind: 0)
        for byte in 1..<8 { state.append(UInt8(byte)) }
        let eight = state.finish()
        #expect(eight.low == 0x61f5_5862_baa9_623b)
        #expect(eight.high == 0xb497_14f3_64e2_830f)
    }

    @Test func `words and bytes give the same hash`() {
        let sip = SipHash(key0: 1, key1: 2)
        let bytes = [UInt8](0..<21)
        var single = sip.begin(kind: 3)
        for byte in bytes { single.append(byte) }
        #expect(sip.hash(kind: 3, bytes.span.bytes) == single.finish())
    }
}
