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
        if number >= 10 { put(number / 10) }
        bytes.append(UInt8(number % 10) + 48)
    }

    /// A number with leading zeros.
    mutating func put(_ number: Int, digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        var rest = number
        while divisor > 0 {
            bytes.append(UInt8(rest / divisor % 10) + 48)
            rest %= divisor
            divisor /= 10
        }
    }

    mutating func put(hex number: UInt64) {
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: number >> shift) & 15
            bytes.append(digit < 10 ? digit + 48 : digit + 87)
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
        let rest = Int(milliseconds - day * 86_400_000)
        put(rest / 3_600_000, digits: 2)
        put(":")
        put(rest / 60_000 % 60, digits: 2)
        put(":")
        put(rest / 1_000 % 60, digits: 2)
        put(".")
        put(rest % 1_000, digits: 3)
        put("Z")
    }

    /// Fills up to a length.
    mutating func pad(to length: Int, with random: UInt64) {
        var state = random
        while bytes.count < length {
            bytes.append(UInt8(truncatingIfNeeded: state & 15) + 97)
            state = state >> 4 | state << 60
        }
    }

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
