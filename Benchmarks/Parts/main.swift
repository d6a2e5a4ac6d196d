import CBenchmark
import Foundation

// Each part of the way of an event by itself, measured by Google Benchmark; its options hold, such
// as `--benchmark_filter=decode`. Ends with 1 if a part allocates more than it may.

do {
    let street = try Street(
        config: CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "config"
    )
    let parts = try Part.all(on: street)
    for part in parts { part.add() }
    var arguments = CommandLine.arguments
    if arguments.count > 1 { arguments.remove(at: 1) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    exit(collie_benchmark_run(Int32(arguments.count), &words) == 0 ? 0 : 1)
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
