import Testing

/// Which module may lean on which: the order in which they can be understood.
@Suite("Layers")
struct LayerTests {
    /// A module imports only what stands before it.
    static let order = [
        "CAllocationCounter", "CLZ4", "CLibrdkafka", "CMemory", "CMicrohttpd", "CPhoneNumber",
        "CPlatform", "CSimdjson", "CYAML", "Memory", "Events", "Kafka", "Rings", "Shards",
        "Normalisation", "Windows",
        "TimeZones", "Decoding", "Encoding", "Profiles", "Identity", "Flows", "Abandonment",
        "FrequencyCapping", "Pipeline", "Snapshots", "Settings", "Engine", "Probes", "Scenarios",
        "LoadTesting", "Simulator", "collie",
    ]
    /// What decides: no clock, no file, no network, no thread, so that it can be replayed.
    static let pure = [
        "Memory", "Events", "Normalisation", "Windows", "Decoding", "Encoding", "Profiles",
        "Identity", "Flows", "Abandonment", "FrequencyCapping", "Pipeline",
    ]
    /// The modules that may touch a library written in C or C++.
    static let doors: [String: [String]] = [
        "CLZ4": ["Engine", "Snapshots"], "CLibrdkafka": ["Kafka"], "CMemory": ["Memory"],
        "CMicrohttpd": ["Probes"], "CPhoneNumber": ["Normalisation"], "CSimdjson": ["Decoding"],
        "CYAML": ["Settings"],
    ]
    /// What comes with the compiler and may be used where nothing is pure.
    static let system: Set<String> = ["Foundation", "Glibc", "Synchronization"]

    /// The modules that a module's files import.
    static func imports(of module: String) throws -> Set<String> {
        var found: Set<String> = []
        for path in Repository.files(below: "Sources/\(module)", ending: ".swift") {
            let text = try Repository.text(path)
            for match in text.matches(of: /(?m)^(?:(?:package|public|internal) )?import (\w+)/) {
                found.insert(String(match.1))
            }
        }
        return found
    }

    static let modules = (try? Repository.names(in: "Sources"))?.filter { !$0.contains(".") } ?? []

    @Test func `every module has its place`() {
        #expect(LayerTests.modules.sorted() == LayerTests.order.sorted())
    }

    @Test(arguments: modules)
    func `arrows point one way`(module: String) throws {
        let place = LayerTests.order.firstIndex(of: module) ?? 0
        let allowed = LayerTests.system.union(LayerTests.order[..<place])
        let others = try LayerTests.imports(of: module).subtracting(allowed).sorted()
        #expect(others == [], "\(module) leans on what does not stand below it")
    }

    @Test(arguments: pure)
    func `what decides knows nothing of the outside`(module: String) throws {
        let doors = LayerTests.doors.filter { $0.value.contains(module) }.map(\.key)
        // Atomics tell blocks' owners apart; they are no clock and no thread.
        let allowed = Set(LayerTests.pure + doors + ["Synchronization"])
        let others = try LayerTests.imports(of: module).subtracting(allowed).sorted()
        #expect(others == [], "\(module) must stay pure")
    }

    @Test(arguments: modules)
    func `each library has one door`(module: String) throws {
        for library in try LayerTests.imports(of: module).sorted() {
            guard let door = LayerTests.doors[library] else { continue }
            #expect(door.contains(module), "\(library) is the business of \(door)")
        }
    }

    @Test func `the package says the same`() throws {
        // A dependency that is not declared works by the order of building, until it does not.
        let package = try Repository.text("Package.swift").replacing(/\s+/, with: " ")
        for module in LayerTests.modules {
            let pattern = try Regex(
                #"(?:module\(|name: )\s*"\#(module)",(?: dependencies:)? \[([^\]]*)\]"#
            )
            let found = package.firstMatch(of: pattern)
            let declared = found.flatMap { $0.output[1].substring }.map(String.init) ?? ""
            for name in try LayerTests.imports(of: module).intersection(LayerTests.modules) {
                #expect(declared.contains("\"\(name)\""), "\(module) does not declare \(name)")
            }
        }
    }
}
