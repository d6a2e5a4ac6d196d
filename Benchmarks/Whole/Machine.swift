import Foundation
import Glibc

/// What Linux says of this machine and its processes.
enum Machine {
    private static func file(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    /// The number behind a name in a file of `name: number kB`.
    private static func kilobytes(_ name: String, in path: String) -> Int? {
        for line in file(path).split(separator: "\n") where line.hasPrefix(name + ":") {
            return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        }
        return nil
    }

    /// What figures come from, in a sentence.
    static var description: String {
        let models = file("/proc/cpuinfo").split(separator: "\n").filter {
            $0.hasPrefix("model name")
        }
        let model = models.first?.split(separator: ":").last.map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        let memory = Double(kilobytes("MemTotal", in: "/proc/meminfo") ?? 0) / 1_048_576
        return "\(ProcessInfo.processInfo.activeProcessorCount) processors"
            + " (\(model ?? "of an unknown model")), \(decimal(memory, 0)) GiB of memory"
    }

    /// Bytes that can be had without swapping.
    static var available: Int { (kilobytes("MemAvailable", in: "/proc/meminfo") ?? 0) << 10 }

    /// How many threads wanted to run in the last minute.
    static var load: Double {
        file("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0
    }

    /// Bytes of memory that a process has.
    static func resident(_ pid: pid_t) -> Int {
        (kilobytes("VmRSS", in: "/proc/\(pid)/status") ?? 0) << 10
    }

    /// Seconds of processor time that a process has used so far.
    static func processor(_ pid: pid_t) -> Double {
        // Behind the name, which stands in brackets: user and system time in ticks.
        let words =
            file("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else {
            return 0
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Seconds of processor time that this process has used so far.
    static var ownProcessor: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A number with so many digits behind the point.
func decimal(_ number: Double, _ digits: Int = 2) -> String {
    String(format: "%.\(digits)f", number)
}

/// A whole number in groups of three digits.
func grouped(_ number: Double) -> String {
    guard number.isFinite else { return "-" }
    var text = ""
    for (index, digit) in String(Int(number.rounded())).reversed().enumerated() {
        if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

/// Bytes in MiB.
func mebibytes(_ bytes: Int) -> String { grouped(Double(bytes) / 1_048_576) + " MiB" }

/// The middle one of some numbers, or the mean of the two in the middle.
func median(_ numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Says how far the bench has come.
func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
