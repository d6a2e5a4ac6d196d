import Encoding
import Events
import Foundation
package import Settings

/// One scenario, acted out.
package struct ScenarioOutcome: Sendable {
    /// Its title.
    package var title: String
    /// Where it stands.
    package var mark: Mark
    /// What it is worth.
    package var judgement: Judgement
}

/// A file of scenarios, acted out.
package struct FileOutcome: Sendable {
    /// The file.
    package var path: String
    /// What is wrong in it; then nothing of it was acted out.
    package var mistakes: [Mistake] = []
    /// Its scenarios.
    package var outcomes: [ScenarioOutcome] = []
}

/// Reads scenario files and acts them out, on one shard and on several.
package struct ScenarioSuite {
    /// The configuration of files that name none.
    package var config: String?
    /// The numbers of shards; all must come to the same.
    package var shardCounts: [Int]
    // Configurations that were read before.
    private var loaded: [(folder: String, overrides: YAMLNode?, settings: Settings)] = []

    /// Makes a suite.
    package init(config: String? = nil, shardCounts: [Int] = [1, 4]) {
        precondition(!shardCounts.isEmpty)
        self.config = config
        self.shardCounts = shardCounts
    }

    /// The scenario files at a path: the file itself, or every `*.yaml` below a folder that tells
    /// a scenario, in the order of their names; nil if there is nothing.
    package static func files(at path: String) -> [String]? {
        var isFolder: ObjCBool = false
        // Foundation writes into the flag and keeps nothing of it.
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            return nil
        }
        guard isFolder.boolValue else { return [path] }
        let root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let names = (FileManager.default.enumerator(atPath: root)?.allObjects ?? [])
            .compactMap { $0 as? String }
        // A folder with a `collie.yaml` is a configuration and tells no scenarios.
        let configs = names.filter { $0 == "collie.yaml" || $0.hasSuffix("/collie.yaml") }
            .map { $0.dropLast("collie.yaml".count) }
        return names.filter { name in
            (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
                && !configs.contains { name.hasPrefix($0) }
        }.sorted().map { root + "/" + $0 }
    }

    /// Acts out the scenarios of a file.
    package mutating func run(_ path: String) -> FileOutcome {
        let mistakes = Mistakes()
        guard let data = FileManager.default.contents(atPath: path) else {
            mistakes.add("the file cannot be read", at: Mark(file: path, line: 1, column: 1))
            return FileOutcome(path: path, mistakes: mistakes.sorted)
        }
        return run(bytes: Array(data), path: path)
    }

    /// Acts out the scenarios of a text; the path says where configurations are looked for.
    package mutating func run(bytes: [UInt8], path: String) -> FileOutcome {
        let mistakes = Mistakes()
        guard let root = YAMLNode.parse(bytes: bytes, file: path, mistakes: mistakes) else {
            return FileOutcome(path: path, mistakes: mistakes.sorted)
        }
        let scenarios = ScenarioReader(mistakes).scenarios(of: root)
        var outcome = FileOutcome(path: path)
        guard !mistakes.hasErrors else {
            outcome.mistakes = mistakes.sorted
            return outcome
        }
        for scenario in scenarios {
            var wrong: [Mistake] = []
            guard let settings = settings(for: scenario, path, &wrong) else {
                outcome.mistakes += wrong.filter { !outcome.mistakes.contains($0) }
                continue
            }
            outcome.outcomes.append(
                ScenarioOutcome(
                    title: scenario.title,
                    mark: scenario.mark,
                    judgement: judge(scenario, settings)
                )
            )
        }
        return outcome
    }

    private func judge(_ scenario: Scenario, _ settings: Settings) -> Judgement {
        let names = scenario.names
        let results = shardCounts.map { count in
            VirtualRun(scenario, plan: settings.plan, rules: settings.rules, shards: count)
                .result(names: names)
        }
        var judgement = Judgement(scenario, results[0])
        for (count, result) in zip(shardCounts, results).dropFirst() {
            if let difference = ScenarioSuite.difference(results[0], result) {
                judgement.fail(
                    "\(count) shards decide otherwise than \(shardCounts[0]): \(difference)"
                )
            }
        }
        return judgement
    }

    private static func difference(_ one: RunResult, _ other: RunResult) -> String? {
        for (left, right) in zip(one.outputs, other.outputs) where left != right {
            return "\(left.topic.name) \(left.value) and \(right.topic.name) \(right.value)"
        }
        if one.outputs.count != other.outputs.count {
            return "\(one.outputs.count) and \(other.outputs.count) outputs"
        }
        if one.profiles != other.profiles || one.profileCount != other.profileCount {
            return "other profiles"
        }
        if one.counters != other.counters { return "other counters" }
        return nil
    }

    // MARK: Configurations

    private mutating func settings(
        for scenario: Scenario,
        _ path: String,
        _ mistakes: inout [Mistake]
    ) -> Settings? {
        var folder = config
        if let own = scenario.config {
            let base = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            folder =
                own.hasPrefix("/") || base.isEmpty
                ? own : base.joined(separator: "/") + "/" + own
        }
        guard let folder else {
            let text = "the scenario names no `config`, and none was given with --config"
            mistakes = [Mistake(at: scenario.mark, text)]
            return nil
        }
        if let known = loaded.first(where: {
            $0.folder == folder && $0.overrides == scenario.overrides
        }) {
            return known.settings
        }
        do throws(SettingsError) {
            let settings = try Settings.load(folder: folder, overrides: scenario.overrides)
            loaded.append((folder, scenario.overrides, settings))
            return settings
        } catch {
            mistakes = error.mistakes
            return nil
        }
    }
}

extension Scenario {
    /// Every identifier that expectations name or that makes a story readable.
    var names: [PersonName] {
        var names = Set<PersonName>()
        let lists = [
            expectation.commands ?? [], expectation.decisions, expectation.noDecisions,
            expectation.identity, expectation.reviews ?? [],
        ]
        for pattern in lists.joined() {
            if let person = pattern.person { names.insert(person) }
        }
        for person in expectation.persons.joined() { names.insert(person) }
        for record in records.prefix(1_000) {
            let value = JSONValue(json: String(decoding: record.value, as: UTF8.self))
            if let user = value["userId"]?.text {
                names.insert(PersonName(kind: .userID, value: user))
            }
            if let anonymous = value["anonymousId"]?.text {
                names.insert(PersonName(kind: .anonymousID, value: anonymous))
            }
        }
        return names.sorted {
            ($0.kind?.rawValue ?? 0, $0.value) < ($1.kind?.rawValue ?? 0, $1.value)
        }
    }
}
