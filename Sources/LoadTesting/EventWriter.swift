import Events

/// Writes one event of the simulated shop as Segment's JSON, into a buffer that is reused.
struct EventWriter {
    /// The bytes of the event.
    private(set) var bytes: [UInt8] = []
    private var dayNumber: Int64 = .min
    private var dayText: [UInt8] = []

    init() { bytes.reserveCapacity(4_096) }

    mutating func begin() { bytes.removeAll(keepingCapacity: true) }

    mutating func put(_ text: StaticString) {
        // A static string is UTF-8 in memory that lives for ever.
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    mutating func put(_ text: [UInt8]) { bytes.append(contentsOf: text) }

    mutating func put(_ number: Int) {
        precondition(number >= 0)
        var digits = InlineArray<20, UInt8>(repeating: 48)
        var rest = UInt64(number)
        var begin = 20
        repeat {
            begin -= 1
            digits[begin] = UInt8(truncatingIfNeeded: rest % 10) + 48
            rest /= 10
        } while rest > 0
        put(digits.span, begin..<20)
    }

    /// A number with leading zeros.
    mutating func put(_ number: Int, digits count: Int) {
        var digits = InlineArray<20, UInt8>(repeating: 48)
        var rest = number
        for index in stride(from: 19, to: 19 - count, by: -1) {
            digits[index] = UInt8(truncatingIfNeeded: rest % 10) + 48
            rest /= 10
        }
        put(digits.span, 20 - count..<20)
    }

    mutating func put(hex number: UInt64) {
        var digits = InlineArray<16, UInt8>(repeating: 48)
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(60 - 4 * index)) & 15
            digits[index] = digit < 10 ? digit + 48 : digit + 87
        }
        put(digits.span, 0..<16)
    }

    private mutating func put(_ span: Span<UInt8>, _ range: Range<Int>) {
        // At once: byte by byte, room would be looked for each time.
        unsafe span.withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    /// An instant in RFC 3339.
    mutating func put(time milliseconds: Int64) {
        let day = floorDivide(milliseconds, 86_400_000)
        if day != dayNumber {
            let date = CivilDate(day: day)
            var text = EventWriter()
            text.put(Int(date.year), digits: 4)
            text.put("-")
            text.put(Int(date.month), digits: 2)
            text.put("-")
            text.put(Int(date.day), digits: 2)
            text.put("T")
            dayText = text.bytes
            dayNumber = day
        }
        put(dayText)
        let rest = UInt32(milliseconds - day * 86_400_000)
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60)
        let (second, part) = (rest / 1_000 % 60, rest % 1_000)
        var text = InlineArray<13, UInt8>(repeating: 58)
        func set(_ place: Int, _ digit: UInt32) {
            text[place] = UInt8(truncatingIfNeeded: digit % 10) + 48
        }
        set(0, hour / 10)
        set(1, hour)
        set(3, minute / 10)
        set(4, minute)
        set(6, second / 10)
        set(7, second)
        text[8] = UInt8(ascii: ".")
        set(9, part / 100)
        set(10, part / 10)
        set(11, part)
        text[12] = UInt8(ascii: "Z")
        put(text.span, 0..<13)
    }

    /// Fills up to a length.
    mutating func pad(to length: Int, with random: UInt64) {
        // Sixteen letters, over and over.
        var letters = InlineArray<64, UInt8>(repeating: 97)
        for index in 0..<16 {
            let letter = UInt8(truncatingIfNeeded: random >> UInt64(4 * index) & 15) + 97
            for copy in 0..<4 { letters[16 * copy + index] = letter }
        }
        while length - bytes.count >= 64 { put(letters.span, 0..<64) }
        if length > bytes.count { put(letters.span, 0..<length - bytes.count) }
    }

    /// Takes the bytes away and leaves others' memory to write into.
    mutating func exchange(_ other: inout [UInt8]) { swap(&bytes, &other) }

    mutating func truncate(to length: Int) { bytes.removeLast(max(0, bytes.count - length)) }
}

/// Who a shopper is: follows from the number alone.
struct Persona {
    let number: UInt32
    private let bits: UInt64

    init(_ number: UInt32, seed: UInt64) {
        self.number = number
        bits = Random.mix(seed &+ UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
    }

    enum Region { case india, bangladesh, ukraine, poland }

    var region: Region {
        switch bits % 100 {
        case ..<70: .india
        case ..<80: .bangladesh
        case ..<92: .ukraine
        default: .poland
        }
    }

    var zone: StaticString {
        switch region {
        case .india: "Asia/Kolkata"
        case .bangladesh: "Asia/Dhaka"
        case .ukraine: "Europe/Kyiv"
        case .poland: "Europe/Warsaw"
        }
    }

    var locale: StaticString {
        switch region {
        case .india: "en-IN"
        case .bangladesh: "bn-BD"
        case .ukraine: "uk-UA"
        case .poland: "pl-PL"
        }
    }

    private static let names: [StaticString] = [
        "asha", "ravi", "meera", "arjun", "nadia", "farhan", "olena", "taras", "kasia", "piotr",
        "divya", "imran", "sanjay", "lakshmi", "iryna", "marek",
    ]

    var name: StaticString { Persona.names[Int(bits >> 40) & 15] }

    func putEmail(_ writer: inout EventWriter) {
        writer.put(name)
        writer.put(".")
        writer.put(Int(number))
        writer.put("@example.com")
    }

    func putPhone(_ writer: inout EventWriter) {
        switch region {
        case .india:
            writer.put("+9198")
            writer.put(Int(number % 100_000_000), digits: 8)
        case .bangladesh:
            writer.put("+88017")
            writer.put(Int(number % 100_000_000), digits: 8)
        case .ukraine:
            writer.put("+38067")
            writer.put(Int(number % 10_000_000), digits: 7)
        case .poland:
            writer.put("+4860")
            writer.put(Int(number % 10_000_000), digits: 7)
        }
    }

    /// The anonymous id of a device.
    func device(_ device: UInt8, seed: UInt64) -> UInt64 {
        Random.mix(seed ^ (UInt64(number) << 8 | UInt64(device)) &* 0xd6e8_feb8_6659_fd93)
    }
}
