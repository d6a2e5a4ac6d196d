import Foundation
import Pipeline
import Snapshots

// What a restart costs: a state of many people is made and saved, and another process restores it
// and goes on with a tail of events. Two processes, so that neither has the other's memory.
//
//     recovery-bench make FOLDER --profiles 1000000
//     recovery-bench restore FOLDER --shards 2 --tail 1200000
//
// And what people who do nothing any more take in memory, by part:
//
//     recovery-bench profiles --profiles 1000000

func option(_ name: String, _ fallback: Int) -> Int {
    guard let place = CommandLine.arguments.firstIndex(of: "--" + name),
        place + 1 < CommandLine.arguments.count
    else { return fallback }
    return Int(CommandLine.arguments[place + 1]) ?? fallback
}

do {
    switch CommandLine.arguments.dropFirst().first {
    case "make" where CommandLine.arguments.count > 2:
        try make(in: CommandLine.arguments[2], people: option("profiles", 1_000_000))
    case "restore" where CommandLine.arguments.count > 2:
        try restore(
            from: CommandLine.arguments[2],
            shards: option("shards", 2),
            tail: option("tail", 1_200_000)
        )
    case "profiles":
        try measureProfiles(option("profiles", 1_000_000), shards: option("shards", 2))
    default:
        print(
            """
            usage: recovery-bench make FOLDER [--profiles N]
                   recovery-bench restore FOLDER [--shards N] [--tail N]
                   recovery-bench profiles [--profiles N] [--shards N]
            """
        )
        exit(2)
    }
} catch {
    print(error)
    exit(1)
}
