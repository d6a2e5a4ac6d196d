/// Where the keys of the section `kafka` stand, for mistakes that only librdkafka or a broker can
/// tell.
package struct KafkaPlaces: Sendable {
    private let section: Mark
    private let marks: [String: Mark]

    init(_ collie: YAMLNode) {
        guard let kafka = collie["kafka"] else {
            section = collie.mark
            marks = [:]
            return
        }
        section = kafka.mark
        var marks: [String: Mark] = [:]
        for entry in kafka.entries ?? [] {
            marks[entry.key] = entry.mark
            for inner in entry.value.entries ?? [] {
                marks["\(entry.key).\(inner.key)"] = inner.mark
            }
        }
        self.marks = marks
    }

    /// The place of a key, such as `brokers` or `common.ssl.ca.location`; where the section begins
    /// if the key is missing.
    package subscript(key: String) -> Mark { marks[key] ?? section }
}
