import Testing

/// What the compiler does not say of the source.
@Suite("Source")
struct SourceTests {
    /// Files that may be unsafe, by module.
    ///
    /// Memory that is shared, and the edges to C. A file joins the list with a reason, not by
    /// accident.
    static let unsafeFiles: [String: [String]] = [
        "Decoding": [
            "Bytes", "DocumentReader", "EndpointSet", "EventNames", "EventTimeReading",
            "IdentifierReading", "KeywordTable", "MeaningReading", "RecordDecoding",
        ],
        "Encoding": ["OutputBuffer"],
        "Engine": [
            "Audit", "FileSource", "JournalReader", "KafkaSink", "LineFile", "OutputLine",
            "RecordCopy",
            "Shard", "SnapshotCrashPoints", "SnapshotKeeper",
        ],
        "Events": ["EventBlock", "Hash128"],
        "Kafka": [
            "BoundedCall", "BrokerInspection", "ClientContext", "ClientHandle",
            "KafkaConfiguration", "KafkaConsumer", "KafkaError", "KafkaProducer", "MessageBatch",
            "MockCluster",
            "OffsetList", "PackedHeaders",
        ],
        "LoadTesting": ["Capture/EventRenewal", "EventWriter", "RawBytes"],
        "Memory": [
            "ByteCells", "CellRow", "Chunks", "FlatLayout", "GrowingBuffer", "IndexTable",
            "NumberTable", "Parcel", "Shelf", "Slab", "SlabState", "Slots", "StateBuffer",
            "StateReader", "TableMemory", "TextStore",
        ],
        "Normalisation": ["EmailNormaliser", "PhoneNormaliser", "PhonePlan"],
        "Probes": ["ProbeServer"],
        "Profiles": ["ProfileLists"],
        "Rings": ["Ring", "RingReader", "Signal"],
        "Scenarios": ["ScenarioSuite", "VirtualRun"],
        "Settings": ["YAML/YAMLEvents"],
        "Shards": ["EngineThread", "JobQueue", "ShardExecutor"],
        "Simulator": ["Decider", "Digest", "SimulatedDisk"],
        "Snapshots": [
            "Frames", "InputFile", "SnapshotFolder", "SnapshotFormat", "SnapshotHeader",
            "SnapshotWriter", "SystemCalls",
        ],
        "Windows": ["ZoneTable"],
        "collie": ["Arguments", "CaptureCommand", "DemoSubscriber", "DemoTraffic"],
    ]
    /// Words for which the project has others, with those.
    static let banned: KeyValuePairs<String, String> = [
        "blacklist": "blocked values", "whitelist": "allowed", "basket": "cart",
        "do-not-disturb": "quiet hours", "micro-batch": "epoch",
    ]
    static let files = Repository.files(below: "Sources", ending: ".swift")

    @Test func `unsafe code stays where it is known`() throws {
        let allowed = Set(
            SourceTests.unsafeFiles.flatMap { module, names in
                names.map { "Sources/\(module)/\($0).swift" }
            }
        )
        let found = try SourceTests.files.filter { path in
            try Repository.text(path).contains(/\bunsafe\b/)
        }
        #expect(Set(found).subtracting(allowed).sorted() == [], "new; can it be done safely?")
        #expect(allowed.subtracting(found).sorted() == [], "safe by now; take it off the list")
    }

    @Test(arguments: files)
    func `whoever does without a check says why`(path: String) throws {
        let text = try Repository.text(path)
        let uses = text.matches(of: /@unchecked Sendable/).count
        let reasons = text.matches(of: /\/\/ @unchecked:\s/).count
        #expect(uses == reasons, "\(path): every @unchecked has a comment `// @unchecked: why`")
    }

    @Test func `nothing is left for later`() throws {
        let places = ["Sources", "Tests", "config"]
        let suffixes = [".swift", ".c", ".cpp", ".h", ".md", ".yaml"]
        for folder in places {
            for path in suffixes.flatMap({ Repository.files(below: folder, ending: $0) }) {
                // Written in two halves, for this file is looked at too.
                let found = try Repository.text(path).contains(/\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X))\b/)
                #expect(!found, "\(path)")
            }
        }
    }

    @Test func `one word for one thing`() throws {
        for path in SourceTests.files + DocumentTests.documents {
            let text = try Repository.text(path).lowercased()
            for (word, better) in SourceTests.banned {
                #expect(!text.contains(word), "\(path): \(better) instead of \(word)")
            }
        }
    }

    @Test(arguments: files)
    func `what crosses modules is package, not public`(path: String) throws {
        let pattern = /(?m)^\s*public (?!import)/
        let found = try Repository.text(path).contains(pattern)
        #expect(!found, "\(path)")
    }
}
