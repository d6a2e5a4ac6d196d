import Events
import Identity

/// Reads the section `identity` of `collie.yaml`.
struct IdentitySection {
    static let kind = MappingKind(
        "identity",
        keys: [
            "hash_key", "limits", "user_ids_per_value_max", "mappings_max", "merges_max",
            "holders_max", "session_attribution",
        ],
        required: ["hash_key"]
    )
    static let limitsKind = MappingKind(
        "the limits of identifiers",
        keys: IdentifierKind.allCases.filter { $0 != .userID }.map(\.name)
    )
    static let limitKind = MappingKind("a limit", keys: ["count", "within"], required: ["count"])

    /// The key that the shipped configuration has until the deployment gets its own.
    static let demoKey = "636f6c6c69652d64656d6f2d6b657921"

    let fields: Fields

    /// The key of all hashes.
    func hashKey() -> SipHash? {
        guard let node = fields["hash_key"] else { return nil }
        // The value itself is never part of a message.
        guard let key = node.text.flatMap(IdentitySection.bytes(ofHex:)), key.count == 16 else {
            fields.mistakes.add(
                "`hash_key` must be 32 hexadecimal digits (`openssl rand -hex 16`)",
                at: node.mark
            )
            return nil
        }
        if node.text?.lowercased() == IdentitySection.demoKey {
            fields.mistakes.warn(
                "`hash_key` is the public demo key: set your own before the first start "
                    + "(`openssl rand -hex 16`), it cannot be changed later",
                at: node.mark
            )
        }
        return SipHash(key: key)
    }

    private static func bytes(ofHex text: String) -> [UInt8]? {
        let digits = text.utf8.map { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0)
        }
    }

    /// Limits and bounds (ID-1, ID-10 to ID-12).
    func rules() -> IdentityRules {
        var rules = IdentityRules()
        rules.userIDsPerValueMax = fields.integer(
            "user_ids_per_value_max",
            in: 1...1_000,
            default: rules.userIDsPerValueMax
        )
        rules.mappingsMax = fields.integer(
            "mappings_max",
            in: 1...100_000,
            default: rules.mappingsMax
        )
        rules.mergesMax = fields.integer("merges_max", in: 1...100_000, default: rules.mergesMax)
        rules.holdersMax = fields.integer("holders_max", in: 1...10_000, default: rules.holdersMax)
        rules.sessionAttribution = fields.truth("session_attribution", default: false)
        guard let limits = fields.section("limits", as: IdentitySection.limitsKind) else {
            return rules
        }
        for kind in IdentifierKind.allCases where kind != .userID {
            guard let limit = limits.fields(kind.name, as: IdentitySection.limitKind) else {
                if !limits.has(kind.name) { show(rules[kind], of: kind, in: limits) }
                continue
            }
            if let count = limit.integer("count", in: 1...1_000) { rules[kind].count = count }
            // A limit that is spelt out without a span counts for ever.
            rules[kind].span = limit.span("within", in: .minutes(1) ... .days(4_000)) ?? .unlimited
        }
        return rules
    }

    // The default of a limit that is left out, for the configuration in force.
    private func show(_ limit: IdentityRules.Limit, of kind: IdentifierKind, in limits: Fields) {
        func entry(_ key: String, _ text: String) -> YAMLNode.Entry {
            YAMLNode.Entry(
                key: key,
                mark: limits.mark,
                value: YAMLNode(text: text, at: limits.mark)
            )
        }
        var entries = [entry("count", String(limit.count))]
        if limit.span < .unlimited { entries.append(entry("within", limit.span.text)) }
        limits.outline.note(kind.name, .node(YAMLNode(.mapping(entries), at: limits.mark)))
    }
}
