import Encoding
import Events
import Flows
import Memory

/// What outputs say of the shop, its flows and their steps, encoded once before the first event.
///
/// Think of a letterhead: what is the same on every letter is printed beforehand. Owned by one
/// shard's thread.
struct OutputTexts: ~Copyable {
    /// The kinds of outputs, by their CloudEvents type.
    enum Kind: Int {
        case command
        case decision
        case review
    }

    /// Where the texts of a step stand among the ranges.
    private struct Step: BitwiseCopyable {
        var id: OutputRange
        /// `,"flow":…,"step":…` of a decision.
        var decision: OutputRange
        /// `,"class":…` to `"step":…,"attempt":0,"template":…` of a command; empty for other steps.
        var command: OutputRange
    }

    private static let none = OutputRange(begin: 0, end: 0)

    private let buffer = OutputBuffer()
    private var steps = GrowingBuffer<Step>(room: 64)
    // Where the steps of each flow begin.
    private var flows = GrowingBuffer<Int>(room: 16)
    private var heads = InlineArray<3, OutputRange>(repeating: OutputTexts.none)
    private var contentRange = OutputTexts.none

    /// Encodes the texts of some rules.
    init(_ rules: Rules) {
        heads[Kind.command.rawValue] = head("send.requested.v1", rules.source)
        heads[Kind.decision.rawValue] = head("decision.v1", rules.source)
        heads[Kind.review.rawValue] = head("review.requested.v1", rules.source)
        contentRange = write { header("content-type", "application/json", $0) }
        for flow in rules.flows {
            flows.append(steps.count)
            for step in flow.steps { add(step, of: flow) }
        }
    }

    private func head(_ type: StaticString, _ source: String) -> OutputRange {
        write {
            header("ce_specversion", "1.0", $0)
            header("ce_type", type, $0)
            let begin = $0.beginHeader("ce_source")
            $0.put(text: source)
            $0.endHeader(begin)
        }
    }

    private mutating func add(_ step: FlowDefinition.Step, of flow: FlowDefinition) {
        let id = write { $0.put(text: step.id) }
        let decision = write {
            $0.put(#","flow":"#)
            $0.putJSON(text: flow.id)
            $0.put(#","step":"#)
            $0.putJSON(text: step.id)
        }
        var command = OutputTexts.none
        if case .send(let message) = step.action {
            command = write {
                $0.put(#","class":""#)
                $0.put(text: flow.messageClass.name)
                $0.put(#"","flow":"#)
                $0.putJSON(text: flow.id)
                $0.put(#","flow_version":"#)
                $0.put(number: Int64(flow.version))
                $0.put(#","epoch":0,"step":"#)
                $0.putJSON(text: step.id)
                $0.put(#","attempt":0,"template":"#)
                $0.putJSON(text: message.template)
            }
        }
        steps.append(Step(id: id, decision: decision, command: command))
    }

    private func write(_ body: (OutputBuffer) -> Void) -> OutputRange {
        let begin = UInt32(buffer.all.byteCount)
        body(buffer)
        return OutputRange(begin: begin, end: UInt32(buffer.all.byteCount))
    }

    private func header(_ name: StaticString, _ value: StaticString, _ output: OutputBuffer) {
        let begin = output.beginHeader(name)
        output.put(value)
        output.endHeader(begin)
    }

    private func step(_ step: Int, _ flow: Int) -> Step { steps[flows[flow] + step] }

    /// Adds the headers with which outputs of a kind begin.
    func putHead(_ kind: Kind, to output: OutputBuffer) {
        output.put(buffer.slice(heads[kind.rawValue]))
    }

    /// Adds the header that says what the value is.
    func putContentType(to output: OutputBuffer) { output.put(buffer.slice(contentRange)) }

    /// Adds what a decision says of a step.
    func putDecision(_ step: Int, ofFlow flow: Int, to output: OutputBuffer) {
        output.put(buffer.slice(self.step(step, flow).decision))
    }

    /// Adds what a command says of a step and its message.
    func putCommand(_ step: Int, ofFlow flow: Int, to output: OutputBuffer) {
        output.put(buffer.slice(self.step(step, flow).command))
    }

    /// Adds a step's name to a hash.
    func appendID(_ step: Int, ofFlow flow: Int, to state: inout SipState) {
        state.append(buffer.slice(self.step(step, flow).id))
    }
}
