/// Where an orchestrator may ask an instance how it is.
package struct HealthSettings: Sendable, Equatable {
    /// The address it listens on; nil is none.
    package var listen: ListenAddress?

    /// The defaults.
    package init() {}
}

/// An address and a port to listen on, such as `0.0.0.0:8080` or `[::]:8080`.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// The address, numeric, without brackets.
    package let host: String
    /// The port; 0 is any that is free.
    package var port: UInt16

    /// Reads a text; nil if it is none.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = ListenAddress.number(text[text.index(after: colon)...], UInt16.self)
        else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            self.host = String(host.dropFirst().dropLast())
            let isIPv6 = self.host.contains(":") && self.host.allSatisfy(ListenAddress.isIPv6)
            guard isIPv6 else { return nil }
        } else {
            let parts = host.split(separator: ".", omittingEmptySubsequences: false)
            let isIPv4 = parts.allSatisfy { ListenAddress.number($0, UInt8.self) != nil }
            guard parts.count == 4, isIPv4 else { return nil }
            self.host = String(host)
        }
        self.port = port
    }

    private static func number<Number: FixedWidthInteger>(
        _ text: Substring,
        _ type: Number.Type
    ) -> Number? {
        text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? Number(text) : nil
    }

    // Beside digits it may hold an IPv4 address.
    private static func isIPv6(_ character: Character) -> Bool {
        character.isASCII && (character.isHexDigit || character == ":" || character == ".")
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
