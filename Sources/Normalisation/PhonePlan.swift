import CPhoneNumber

/// What all calling codes allow, read out of libphonenumber once.
///
/// Immutable and shared by all decoders; about 400 KiB, most of it for the countries that share
/// a calling code. It answers the three questions of the fast path: is there such a code, can a
/// number be that long, and would the library leave its digits alone?
final class PhonePlan: Sendable {
    static let shared = PhonePlan()

    /// By calling code: bit n stands for a possible national number of n digits.
    private let lengths: [UInt32]
    /// By calling code: its only country as packed letters, or 0.
    private let onlyCountry: [UInt16]
    /// By calling code: where its rows in `prefixCountries` begin, or -1.
    private let countryRows: [Int32]
    private let prefixCountries: [UInt16]
    /// By calling code and three digits: whether the library may take digits off.
    private let strips: [UInt8]

    private init() {
        var lengths = [UInt32](repeating: 0, count: 1_000)
        var onlyCountry = [UInt16](repeating: 0, count: 1_000)
        var countryRows = [Int32](repeating: -1, count: 1_000)
        var prefixCountries: [UInt16] = []
        var strips = [UInt8](repeating: 0, count: 1_000 * PhonePlan.stripBytes)
        for code in 1..<1_000 {
            var description = cphone_code()
            // Fills the struct on this stack.
            guard unsafe cphone_describe(Int32(code), &description) else { continue }
            lengths[code] = description.lengths
            onlyCountry[code] = description.country
            // The struct's fixed array, read as the bytes it is.
            unsafe withUnsafeBytes(of: &description.strips) { bytes in
                for offset in 0..<PhonePlan.stripBytes {
                    strips[code * PhonePlan.stripBytes + offset] = unsafe bytes[offset]
                }
            }
            if description.is_shared != 0 {
                var countries = [UInt16](repeating: 0, count: PhonePlan.countryPrefixes)
                // Fills exactly so many.
                unsafe cphone_countries(Int32(code), &countries)
                countryRows[code] = Int32(prefixCountries.count)
                prefixCountries += countries
            }
        }
        self.lengths = lengths
        self.onlyCountry = onlyCountry
        self.countryRows = countryRows
        self.prefixCountries = prefixCountries
        self.strips = strips
    }

    private static let stripBytes = Int(CPHONE_STRIP_PREFIXES) / 8
    private static let countryPrefixes = Int(CPHONE_COUNTRY_PREFIXES)

    /// Whether there is such a calling code.
    func hasCode(_ code: Int) -> Bool { lengths[code] != 0 }

    /// Whether a national number of that many digits is possible.
    func allows(_ count: Int, after code: Int) -> Bool {
        count < 32 && lengths[code] & (1 << UInt32(count)) != 0
    }

    /// Whether the library may take digits off a national number that begins with these three.
    func mayStrip(_ prefix: Int, after code: Int) -> Bool {
        strips[code * PhonePlan.stripBytes + prefix / 8] & (1 << UInt8(prefix % 8)) != 0
    }

    /// The country of a national number by its first four digits, packed, or 0 if they do not say.
    func country(_ prefix: Int, after code: Int) -> UInt16 {
        let row = Int(countryRows[code])
        return row < 0 ? onlyCountry[code] : prefixCountries[row + prefix]
    }
}
