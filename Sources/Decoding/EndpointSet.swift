import Events
import Normalisation

/// The addresses and numbers that identify nobody, by hash; the shop's own list.
struct EndpointSet {
    private var places: [Hash128]
    private var isEmpty = true

    init(_ plan: TrackingPlan, hashKey: SipHash) {
        var size = 16
        while size < plan.blockedEndpoints.count * 4 { size *= 2 }
        places = Array(repeating: .none, count: size)
        let emails = EmailNormaliser(plan.emailOptions)
        var phones = PhoneNormaliser(defaultCountry: plan.defaultCountry)
        for endpoint in plan.blockedEndpoints.sorted() {
            let text = Array(endpoint.utf8)
            // Used here alone, freed at the end of the turn.
            let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
            defer { unsafe output.deallocate() }
            var kind = IdentifierKind.email
            var length = unsafe emails.normalise(text.span.bytes, into: output)
            if length == nil {
                kind = .phone
                length = unsafe phones.normalise(text.span.bytes, into: output)?.length
            }
            // What is neither blocks nothing.
            guard let length else { continue }
            let written = unsafe UnsafeRawBufferPointer(rebasing: output[0..<length])
            add(unsafe hashKey.hash(kind: kind.rawValue, written.bytes))
        }
    }

    private mutating func add(_ hash: Hash128) {
        isEmpty = false
        var place = Int(truncatingIfNeeded: hash.low) & (places.count - 1)
        while places[place].isSet { place = (place + 1) & (places.count - 1) }
        places[place] = hash
    }

    func contains(_ hash: Hash128) -> Bool {
        guard !isEmpty else { return false }
        var place = Int(truncatingIfNeeded: hash.low) & (places.count - 1)
        while places[place].isSet {
            if places[place] == hash { return true }
            place = (place + 1) & (places.count - 1)
        }
        return false
    }
}

/// Numbers that people type to fill a field.
enum PhoneRule {
    static func isPlaceholder(_ bytes: RawSpan) -> Bool { PhoneNormaliser.isPlaceholder(bytes) }
}
