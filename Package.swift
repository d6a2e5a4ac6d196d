// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6, unsafe code marked, warnings are errors.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// Tests: the same but for the marks, which macros cannot carry.
let tests = Array(strict.dropFirst())

/// A module of Collie's own.
func module(_ name: String, _ dependencies: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies.map { .byName(name: $0) },
        swiftSettings: strict
    )
}

/// Tests of one subject.
func suite(_ name: String, _ dependencies: [String]) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies.map { .byName(name: $0) },
        swiftSettings: tests
    )
}

/// A library of the distribution, behind one door.
func library(_ name: String, _ package: String) -> Target {
    .systemLibrary(name: name, providers: [.apt([package])])
}

let package = Package(
    name: "collie",
    products: [.executable(name: "collie", targets: ["collie"])],
    targets: [
        // Doors to C and C++.
        library("CLZ4", "liblz4-dev"),
        library("CLibrdkafka", "librdkafka-dev"),
        library("CYAML", "libyaml-dev"),
        .target(name: "CAllocationCounter"),
        .target(name: "CMemory"),
        .target(name: "CPlatform"),
        .target(
            name: "CPhoneNumber",
            linkerSettings: [.linkedLibrary("phonenumber"), .linkedLibrary("protobuf")]
        ),
        .target(name: "CMicrohttpd", linkerSettings: [.linkedLibrary("microhttpd")]),
        .target(
            name: "CSimdjson",
            // A debug build decodes as many events in its tests.
            cxxSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]
        ),

        // Words and memory, shared by all.
        module("Memory", ["CMemory"]),
        module("Events"),

        // The edges: records in, records out.
        module("Kafka", ["CLibrdkafka", "CPlatform"]),
        module("Normalisation", ["CPhoneNumber"]),
        module("Decoding", ["CSimdjson", "Events", "Normalisation", "Windows"]),
        module("Encoding", ["Events", "Memory"]),

        // Threads.
        module("Rings", ["CPlatform"]),
        module("Shards", ["CPlatform", "Rings"]),

        // The core: pure.
        module("Identity", ["Events", "Memory"]),
        module("Profiles", ["Events", "Memory"]),
        module("Windows", ["Events", "Memory"]),
        module("Abandonment", ["Events", "Memory", "Profiles"]),
        module("Flows", ["Events"]),
        module("FrequencyCapping", ["Events", "Memory", "Profiles", "Windows"]),
        module(
            "Pipeline",
            [
                "Abandonment", "Encoding", "Events", "Flows", "FrequencyCapping", "Identity",
                "Memory", "Profiles", "Windows",
            ]
        ),

        // What joins them.
        module("Snapshots", ["CLZ4", "CPlatform", "Memory", "Pipeline", "Profiles", "Shards"]),
        module("TimeZones", ["Windows"]),
        module(
            "Settings",
            [
                "CYAML", "Decoding", "Events", "Flows", "FrequencyCapping", "Identity",
                "Normalisation", "Pipeline", "Profiles", "TimeZones", "Windows",
            ]
        ),
        module(
            "Engine",
            [
                "CLZ4", "CPlatform", "Decoding", "Encoding", "Events", "Kafka", "Memory",
                "Pipeline", "Profiles", "Rings", "Shards", "Snapshots",
            ]
        ),
        module("Probes", ["CMicrohttpd", "Engine"]),
        module(
            "Scenarios",
            ["Decoding", "Encoding", "Events", "Identity", "Memory", "Pipeline", "Settings"]
        ),
        module("LoadTesting", ["Decoding", "Events", "Snapshots"]),
        module(
            "Simulator",
            [
                "Decoding", "Encoding", "Engine", "Events", "Flows", "FrequencyCapping", "Identity",
                "Kafka", "LoadTesting", "Memory", "Pipeline", "Profiles", "Snapshots", "TimeZones",
                "Windows",
            ]
        ),
        .executableTarget(
            name: "collie",
            dependencies: [
                "CPlatform", "Decoding", "Encoding", "Engine", "Events", "Flows", "Kafka",
                "LoadTesting", "Pipeline", "Probes", "Rings", "Scenarios", "Settings", "Shards",
                "Simulator", "Snapshots",
            ],
            // The demo needs no folder beside the binary.
            resources: [.embedInCode("Embedded/tracking-plan.yaml")],
            swiftSettings: strict
        ),

        // Measurements.
        .executableTarget(
            name: "recovery-bench",
            dependencies: [
                "Encoding", "Events", "Flows", "FrequencyCapping", "Pipeline", "Snapshots",
                "Windows",
            ],
            path: "Benchmarks/Recovery",
            swiftSettings: tests
        ),
        .executableTarget(
            name: "whole-bench",
            dependencies: [
                "Decoding", "Encoding", "Engine", "Events", "Kafka", "LoadTesting",
                "Pipeline", "Settings", "Shards", "TestData",
            ],
            path: "Benchmarks/Whole",
            swiftSettings: tests
        ),

        // Tests.
        suite("EventsTests", ["Events"]),
        suite("WindowsTests", ["Windows", "TimeZones", "Events"]),
        suite("NormalisationTests", ["CPhoneNumber", "Normalisation", "TestData"]),
        suite(
            "DecodingTests",
            ["Decoding", "Events", "Settings", "TestData", "TimeZones", "Windows"]
        ),
        suite(
            "SettingsTests",
            [
                "Decoding", "Events", "Flows", "FrequencyCapping", "Identity", "Normalisation",
                "Pipeline", "Profiles", "Settings", "TimeZones", "Windows",
            ]
        ),
        suite("RingsTests", ["CAllocationCounter", "Rings", "Shards"]),
        .target(name: "TestData", path: "Tests/TestData", swiftSettings: tests),
        .target(
            name: "KafkaTesting",
            dependencies: ["CPlatform", "Encoding", "Kafka", "TestData"],
            path: "Tests/KafkaTesting",
            swiftSettings: tests
        ),
        suite(
            "KafkaTests",
            ["CPlatform", "Encoding", "Engine", "Events", "Kafka", "KafkaTesting", "Memory"]
        ),
        suite(
            "CommandTests",
            [
                "CPlatform", "Encoding", "Events", "Kafka", "KafkaTesting", "LoadTesting",
                "Settings", "Shards", "TestData",
            ]
        ),
        suite(
            "PipelineTests",
            [
                "Decoding", "Encoding", "Events", "Flows", "FrequencyCapping", "Identity",
                "Memory", "Pipeline", "Profiles", "Snapshots", "TimeZones", "Windows",
            ]
        ),
        suite(
            "SnapshotTests",
            [
                "Encoding", "Events", "Flows", "FrequencyCapping", "Pipeline", "Snapshots",
                "Windows",
            ]
        ),
        suite("ScenarioTests", ["Events", "Scenarios", "Settings"]),
        suite(
            "SimulatorTests",
            [
                "Encoding", "Engine", "Events", "Kafka", "Memory", "Pipeline", "Profiles",
                "Simulator",
            ]
        ),
        suite(
            "EngineTests",
            [
                "CAllocationCounter", "Decoding", "Encoding", "Engine", "Events", "Kafka",
                "LoadTesting", "Memory", "Pipeline", "Profiles", "Settings", "Snapshots",
                "TestData",
            ]
        ),
        suite("ProbesTests", ["Engine", "Probes", "TestData"]),
        suite("LoadTestingTests", ["Events", "LoadTesting"]),
        suite("TidyTests", ["Encoding", "Events", "Settings"]),
    ],
    cLanguageStandard: .gnu11,
    cxxLanguageStandard: .cxx17
)

// Rings and executors run once more under the thread sanitizer. A package's tests are one program,
// so without this all modules would be built again for it.
if Context.environment["COLLIE_RINGS_ONLY"] != nil {
    let rings = ["CAllocationCounter", "CPlatform", "Rings", "RingsTests", "Shards"]
    package.products = []
    package.targets.removeAll { !rings.contains($0.name) }
}

// The parts are measured by Google Benchmark, which nothing else needs.
if Context.environment["COLLIE_PARTS"] != nil {
    package.targets += [
        .target(
            name: "CBenchmark",
            dependencies: ["CAllocationCounter"],
            path: "Benchmarks/CBenchmark",
            linkerSettings: [.linkedLibrary("benchmark")]
        ),
        .executableTarget(
            name: "parts-bench",
            dependencies: [
                "CAllocationCounter", "CBenchmark", "Decoding", "Encoding", "Events",
                "FrequencyCapping", "Identity", "LoadTesting", "Memory", "Pipeline", "Profiles",
                "Rings", "Settings", "Snapshots", "Windows",
            ],
            path: "Benchmarks/Parts",
            swiftSettings: tests
        ),
    ]
}
