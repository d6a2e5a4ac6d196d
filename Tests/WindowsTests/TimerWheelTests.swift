import Testing
import Windows

@Suite("Timer wheel")
struct TimerWheelTests {
    @Test func `timers armed before time has begun fire when it begins`() {
        var wheel = TimerWheel(limit: 10, passed: .min / 4)
        wheel.arm(1, at: 1_700_000_900)
        wheel.arm(2, at: 1_700_000_300)
        wheel.arm(3, at: 1_800_000_000)
        var fired: [UInt32] = []
        var seconds: [Int64] = []
        while let slot = wheel.next(through: 1_700_001_000) {
            fired.append(slot)
            seconds.append(wheel.passed + 1)
        }
        #expect(fired == [2, 1])
        #expect(seconds == [1_700_000_300, 1_700_000_900])
        #expect(wheel.passed == 1_700_001_000)
        #expect(wheel.due(3) == 1_800_000_000)
    }

    @Test func `timers fire in their second, whatever they were armed for before`() {
        for seed in UInt64(1)...40 {
            var random = seed &* 0x9e37_79b9_7f4a_7c15
            func draw(_ bound: Int64) -> Int64 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int64(random >> 33) % bound
            }
            let start = draw(1 << 33)
            var wheel = TimerWheel(limit: 1_000, passed: start)
            var expected: [UInt32: Int64] = [:]
            var passed = start
            for _ in 0..<300 {
                let slot = UInt32(1 + draw(60))
                switch draw(4) {
                case 0:
                    wheel.disarm(slot)
                    expected[slot] = nil
                case 1:
                    let through = passed + [1, 2, 300, 70_000, 2_000_000][Int(draw(5))]
                    var fired: [(UInt32, Int64)] = []
                    while let slot = wheel.next(through: through) {
                        fired.append((slot, wheel.passed + 1))
                    }
                    passed = through
                    #expect(wheel.passed == through)
                    let due = expected.filter { $0.value <= through }
                    #expect(Dictionary(uniqueKeysWithValues: fired) == due)
                    #expect(fired.map(\.1) == fired.map(\.1).sorted())
                    for slot in due.keys { expected[slot] = nil }
                default:
                    let spread: [Int64] = [1, 255, 256, 65_536, 16_777_216, 5_000_000_000]
                    let second = passed - 3 + draw(spread[Int(draw(6))] + 4)
                    wheel.arm(slot, at: second)
                    expected[slot] = max(second, passed + 1)
                }
                #expect(wheel.count == expected.count)
            }
        }
    }

    @Test func `a timer armed while its second fires goes off in the same second`() {
        var wheel = TimerWheel(limit: 10, passed: 99)
        wheel.arm(1, at: 100)
        #expect(wheel.next(through: 200) == 1)
        wheel.arm(1, at: 100)
        #expect(wheel.next(through: 200) == 1)
        #expect(wheel.passed == 99)
        #expect(wheel.next(through: 200) == nil)
        #expect(wheel.passed == 200)
    }

    @Test func `the earliest second is never later than the next timer`() {
        var wheel = TimerWheel(limit: 10, passed: 0)
        #expect(wheel.earliest() == nil)
        wheel.arm(1, at: 70_000)
        var rounds = 0
        while let earliest = wheel.earliest(), earliest < 70_000 {
            #expect(wheel.next(through: earliest) == nil)
            rounds += 1
        }
        #expect(wheel.earliest() == 70_000)
        #expect(rounds < 400)
    }
}
