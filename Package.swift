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

let package = Package(
    name: "collie",
    targets: [
        .target(name: "Memory", swiftSettings: strict),
        .target(name: "Events", swiftSettings: strict),
        .target(name: "Profiles", dependencies: ["Events", "Memory"], swiftSettings: strict),
        .target(name: "Identity", dependencies: ["Events", "Memory"], swiftSettings: strict),
        .target(
            name: "Abandonment",
            dependencies: ["Events", "Memory", "Profiles"],
            swiftSettings: strict
        ),
        .target(name: "Flows", dependencies: ["Events"], swiftSettings: strict),
        .target(name: "Windows", dependencies: ["Events", "Memory"], swiftSettings: strict),
        .target(name: "Encoding", dependencies: ["Events", "Memory"], swiftSettings: strict),
        .target(
            name: "Pipeline",
            dependencies: [
                "Abandonment", "Encoding", "Events", "Flows", "FrequencyCapping", "Identity",
                "Memory", "Profiles", "Windows",
            ],
            swiftSettings: strict
        ),
        .target(name: "CPlatform"),
        .target(name: "CAllocationCounter"),
        .target(name: "Rings", dependencies: ["CPlatform"], swiftSettings: strict),
        .target(name: "Shards", dependencies: ["CPlatform", "Rings"], swiftSettings: strict),
        .systemLibrary(name: "CLZ4", providers: [.apt(["liblz4-dev"])]),
        .target(
            name: "Engine",
            dependencies: [
                "CLZ4", "Encoding", "Events", "Memory", "Pipeline", "Profiles", "Rings", "Shards",
            ],
            swiftSettings: strict
        ),
        .target(name: "TimeZones", dependencies: ["Windows"], swiftSettings: strict),
        .target(
            name: "FrequencyCapping",
            dependencies: ["Events", "Memory", "Profiles", "Windows"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "WindowsTests",
            dependencies: ["Windows", "TimeZones", "Events"],
            swiftSettings: tests
        ),
        .testTarget(name: "EventsTests", dependencies: ["Events"], swiftSettings: tests),
    ],
    cLanguageStandard: .gnu11,
    cxxLanguageStandard: .cxx17
)
